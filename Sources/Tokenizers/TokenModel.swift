// The model: words in, ids out. Another kind of model is one more file and one more line here.

/// A model's tables: fixed after loading, shared by all threads.
protocol TokenModel: Sendable {
  var vocabulary: Vocabulary { get }
  /// A worker with its own scratch memory and cache, for one thread at a time.
  func makeEncoder() -> any TokenModelEncoder
}

protocol TokenModelEncoder: AnyObject {
  func encode(_ words: Words, into ids: inout [Int32])
  /// Encodes as `encode` does, and tells which bytes of `words.bytes` each token stands for.
  func trace(_ words: Words, into ids: inout [Int32], spans: inout [Range<Int>])
  /// How many bytes of memory the worker holds on to.
  var footprint: Int { get }
}

enum TokenModels {
  /// - Parameter readsBytes: words come as plain bytes and stand for their byte-level characters.
  static func read(_ part: FilePart, readsBytes: Bool) throws -> any TokenModel {
    guard part.json.members != nil else { throw part.wrong("an object") }
    // Old files leave out the type; only BPE has merges.
    let type = try part.part("type")?.text() ?? (part.part("merges") == nil ? "without a type" : "BPE")
    switch type {
    case "BPE": return try BPE(part, readsBytes: readsBytes)
    case "WordPiece":
      guard !readsBytes else { throw part.unsupported("model", "WordPiece behind a ByteLevel") }
      return try WordPiece(part)
    case "Unigram":
      guard !readsBytes else { throw part.unsupported("model", "Unigram behind a ByteLevel") }
      return try Unigram(part)
    default: throw part.unsupported("model", type)
    }
  }
}
