// Tokens that are found in the text before the model sees it: `<s>`, `<|im_start|>`, names a user added.
import Base

struct AddedToken: Sendable, Equatable {
  var id: Int32
  var content: [UInt8]
  /// Matches only between characters that do not belong to words.
  var singleWord: Bool
  /// Includes the white space before it.
  var stripsLeft: Bool
  /// Includes the white space after it.
  var stripsRight: Bool
  /// Is looked for in the normalised text, in its own normalised form.
  var normalized: Bool
  /// Is left out by `decode(skipSpecialTokens: true)`.
  var special: Bool
  /// The text that is looked for, and that decoders see.
  var pattern: [UInt8]
}

struct AddedTokens: Sendable {
  /// Ordered by id.
  let tokens: [AddedToken]
  /// Looked for in the text as it came.
  let raw: AddedTokenMatcher
  /// Looked for in the normalised text.
  let normalized: AddedTokenMatcher
  private let byID: [Int32: Int]
  private let byContent: [[UInt8]: Int]

  init(_ part: FilePart?, vocabulary: Vocabulary, normalizers: [any Normalizer]) throws {
    var tokens: [AddedToken] = []
    var byContent: [[UInt8]: Int] = [:]
    var next = Int32(vocabulary.pieceCount)
    for entry in try part?.elements() ?? [] {
      var token = AddedToken(
        id: try entry.required("id").id(), content: try entry.required("content").bytes(),
        singleWord: try entry.bool("single_word", default: false),
        stripsLeft: try entry.bool("lstrip", default: false),
        stripsRight: try entry.bool("rstrip", default: false),
        normalized: try entry.bool("normalized", default: true),
        special: try entry.bool("special", default: false), pattern: [])
      let name = String(decoding: token.content, as: UTF8.self)
      guard !token.content.isEmpty else { throw entry.error("an added token has no content") }
      guard byContent[token.content] == nil else {
        throw entry.error("the added token \"\(name)\" stands twice")
      }

      // The tokenizers package numbers tokens itself: by the vocabulary, or from its end on. If a file says
      // otherwise, either reading would give some model the wrong rows.
      let expected = vocabulary.id(of: token.content) ?? next
      guard token.id == expected else {
        throw entry.error(
          "the added token \"\(name)\" has the id \(token.id), and its place in the vocabulary is \(expected)",
          hint: "save the file again with the tokenizers package")
      }
      if expected == next { next += 1 }

      token.pattern = token.content
      if token.normalized { for normalizer in normalizers { normalizer.normalize(&token.pattern) } }
      byContent[token.content] = tokens.count
      tokens.append(token)
    }
    tokens.sort { $0.id < $1.id }
    self.tokens = tokens
    self.byContent = Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($1.content, $0) })
    self.byID = Dictionary(tokens.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
    raw = AddedTokenMatcher(tokens.filter { !$0.normalized })
    normalized = AddedTokenMatcher(tokens.filter(\.normalized))
  }

  /// One more than the largest id; 0 if there are no tokens.
  var idCount: Int { tokens.last.map { Int($0.id) + 1 } ?? 0 }

  func token(_ id: Int32) -> AddedToken? { byID[id].map { tokens[$0] } }
  func token(of content: [UInt8]) -> AddedToken? { byContent[content].map { tokens[$0] } }
}
