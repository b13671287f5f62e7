// The special tokens around a text: the post-processors that tokenizer.json may name.
import Base

struct PostProcessor: Sendable {
  var before: [Int32] = []
  var after: [Int32] = []

  /// A limit, since templates may name one long list of tokens many times.
  static let mostTokens = 1024

  /// - Parameter idCount: ids must lie below this.
  init(_ part: FilePart?, idCount: Int) throws {
    guard let part else { return }
    let type = try part.type()
    switch type {
    case "ByteLevel": break  // moves offsets only, and there are none here
    case "Sequence":
      for element in try part.required("processors").elements() {
        let outer = try PostProcessor(element, idCount: idCount)
        before = outer.before + before
        after += outer.after
        try checkCount(part)
      }
    case "TemplateProcessing": try readTemplate(part, idCount)
    case "RobertaProcessing", "BertProcessing":
      before = [try Self.pairedID(try part.required("cls"), idCount)]
      after = [try Self.pairedID(try part.required("sep"), idCount)]
    default: throw part.unsupported("post-processor", type)
    }
  }

  private mutating func readTemplate(_ part: FilePart, _ idCount: Int) throws {
    let tokens = part.part("special_tokens")
    var sequences = 0
    for piece in try part.required("single").elements() {
      if let sequence = piece.part("Sequence") {
        guard try sequence.required("id").text() == "A" else {
          throw sequence.error("a template for one text may use the text A only")
        }
        sequences += 1
        continue
      }
      let name = try piece.required("SpecialToken").required("id")
      guard let token = tokens?.part(try name.text()) else {
        throw name.error("the special token \"\(try name.text())\" is not among special_tokens")
      }
      for id in try token.required("ids").elements() {
        let id = try Self.checked(id, idCount)
        if sequences == 0 { before.append(id) } else { after.append(id) }
        try checkCount(part)
      }
    }
    guard sequences == 1 else {
      throw part.unsupported("post-processor", "TemplateProcessing with the text \(sequences) times")
    }
  }

  private func checkCount(_ part: FilePart) throws {
    guard before.count + after.count <= Self.mostTokens else {
      throw part.error("more than \(Self.mostTokens) special tokens are put around a text")
    }
  }

  /// The id of `["</s>", 2]`.
  private static func pairedID(_ part: FilePart, _ idCount: Int) throws -> Int32 {
    let elements = try part.elements()
    guard elements.count == 2 else { throw part.wrong("a list of a token and its id") }
    return try checked(elements[1], idCount)
  }

  private static func checked(_ part: FilePart, _ idCount: Int) throws -> Int32 {
    let id = try part.id()
    guard Int(id) < idCount else { throw part.error("the id \(id) is not in the vocabulary") }
    return id
  }
}
