// Rows as chats, for programs that write them in another form.
import Base

extension Conversation {
  /// All columns that a chat may have in its row.
  package static var columns: [String] { MessagesFormat().columns }

  /// Whether the keys of a row are those of a chat.
  package static func fits(_ row: JSON) -> Bool {
    MessagesFormat().fits(DataRow(json: row, columns: DataColumns()))
  }

  /// - Throws: `UserError` without a place.
  package init(row: JSON) throws {
    do throws(RowMistake) {
      guard case .chat(let chat) = try MessagesFormat().example(DataRow(json: row, columns: DataColumns()))
      else { preconditionFailure("such rows are chats") }
      self = chat
    } catch { throw error.at("") }
  }
}

/// The prompt that the format `alpaca` makes of an instruction.
package func alpacaPrompt(instruction: [UInt8], input: [UInt8]) -> [UInt8] {
  AlpacaTemplate.prompt(instruction: instruction, input: input)
}
