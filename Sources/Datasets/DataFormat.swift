// What a row of a data file must hold, and how `auto` decides.
import Base

/// The key `data.format` of a recipe.
package enum DataFormat: String, CaseIterable, Sendable {
  /// Decided for each file by the keys of its first row; a .txt file is text.
  case auto
  /// `{"text": …}`
  case text
  /// `{"prompt": …, "completion": …}`, or `response` in the place of `completion`
  case completion
  /// `{"instruction": …, "input": …, "output": …}`; `input` may be empty, null or missing
  case alpaca
}

/// The format of one file, decided.
package enum RowFormat: String, CaseIterable, Sendable {
  case text, completion, alpaca

  /// The keys a row must have, for messages.
  var keys: String {
    switch self {
    case .text: "\"text\""
    case .completion: "\"prompt\" and \"completion\" (or \"response\")"
    case .alpaca: "\"instruction\" and \"output\""
    }
  }

  func fits(_ row: JSON) -> Bool {
    func has(_ column: String) -> Bool { row.column(column) != nil }
    return switch self {
    case .text: has("text")
    case .completion: has("prompt") && (has("completion") || has("response"))
    case .alpaca: has("instruction") && has("output")
    }
  }

  /// The one format whose keys a row has.
  /// - Parameter setting: the name of the setting that chooses the format.
  /// - Throws: `RowMistake` if no format or several fit.
  static func detect(_ row: JSON, setting: String) throws(RowMistake) -> RowFormat {
    guard let members = row.members else { throw .noObject(row) }
    let fitting = allCases.filter { $0.fits(row) }
    guard let only = fitting.first else {
      let keys = members.map { "\"\(String(decoding: $0.key, as: UTF8.self))\"" }.joined(separator: ", ")
      throw RowMistake(
        "no format is known with \(members.isEmpty ? "no keys" : "the keys \(shortened(keys))")",
        hint: allCases.map { "\($0.rawValue) has \($0.keys)" }.joined(separator: "; "))
    }
    guard fitting.count == 1 else {
      let names = fitting.map(\.rawValue).joined(separator: " and ")
      throw RowMistake("the row could be \(names)", hint: "say which with \(setting)")
    }
    return only
  }

  /// A row as an example to train on.
  /// - Throws: `RowMistake` if the row does not fit.
  func example(_ row: JSON) throws(RowMistake) -> Example {
    guard row.members != nil else { throw .noObject(row) }
    switch self {
    case .text:
      return .document(try string("text", of: row))
    case .completion:
      let prompt = try string("prompt", of: row)
      guard row.column("completion") == nil || row.column("response") == nil else {
        throw RowMistake("has both \"completion\" and \"response\"", hint: "keep one of them")
      }
      return .answer(
        prompt: prompt, answer: try string(row.column("response") == nil ? "completion" : "response", of: row)
      )
    case .alpaca:
      let instruction = try string("instruction", of: row)
      let input = row.column("input") == nil ? [] : try string("input", of: row)
      return .answer(
        prompt: AlpacaTemplate.prompt(instruction: instruction, input: input),
        answer: try string("output", of: row))
    }
  }

  private func string(_ key: String, of row: JSON) throws(RowMistake) -> [UInt8] {
    guard let value = row.column(key) else {
      throw RowMistake("has no \"\(key)\"", hint: "a row of format \(rawValue) has \(keys)")
    }
    guard let bytes = value.bytes else {
      throw RowMistake("\"\(key)\" must be a string, but is \(value.kind)")
    }
    return bytes
  }
}

extension JSON {
  /// A column of a row. Programs that write a table as rows write null for a value that a row does not have.
  fileprivate func column(_ key: String) -> JSON? {
    self[key].flatMap { $0.isNull ? nil : $0 }
  }
}

/// The text of one row or file, as UTF-8.
enum Example: Equatable {
  case document([UInt8])
  case answer(prompt: [UInt8], answer: [UInt8])

  var isEmpty: Bool {
    switch self {
    case .document(let text): text.isEmpty
    case .answer(let prompt, let answer): prompt.isEmpty && answer.isEmpty
    }
  }
}

/// Why a row cannot be used; the code that reads the file adds its place.
struct RowMistake: Error, Equatable {
  var what: String
  var hint: String

  init(_ what: String, hint: String = "") {
    self.what = what
    self.hint = hint
  }

  static func noObject(_ row: JSON) -> RowMistake {
    RowMistake("a row must be an object, but this is \(row.kind)")
  }

  func at(_ place: String) -> UserError { UserError(.data, what, at: place, hint: hint) }
}

/// A hostile file may have a thousand keys; a message has one line.
private func shortened(_ text: String) -> String {
  text.count > 120 ? text.prefix(120) + "…" : text
}
