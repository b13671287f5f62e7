// A Hugging Face tokenizer.json: text to ids as the `tokenizers` package makes them, and back.
import Base
import Synchronization

/// May be used from several threads at once.
package final class Tokenizer: Sendable {
  /// Bytes of one text: merges count its characters in 32 bits.
  package static let longestText = Int(UInt32.max) - 1

  private let model: any TokenModel
  private let addedTokens: AddedTokens
  private let normalizers: [any Normalizer]
  private let preTokenizers: [any PreTokenizer]
  /// The pre-tokenizers of a text that is one word of a list.
  private let wordPreTokenizers: [any PreTokenizer]
  let postProcessor: PostProcessor
  /// Where the file lies, for messages.
  package let path: String
  let decoder: [any DecoderStep]
  /// Encoders that no thread uses at the moment.
  private let idle = Mutex<[TextEncoder]>([])

  /// How long texts may be cut; nil if their parts might become other tokens than the whole.
  package let textCuts: TextCuts?

  /// The largest id plus one, added tokens included: the fewest rows an embedding may have.
  package let vocabularySize: Int

  /// - Parameter file: the path of a tokenizer.json.
  package convenience init(file: String) throws {
    try self.init(json: try OpenFile.json(file), path: file)
  }

  /// - Parameter path: where the JSON came from, for messages.
  package convenience init(json: JSON, path: String) throws {
    try self.init(json: json, path: path, model: nil)
  }

  /// - Parameter model: takes the place of the file's; its words are bytes.
  init(json: JSON, path: String, model own: (any TokenModel)?) throws {
    let file = FilePart(json: json, path: path, place: "")
    guard json.members != nil else { throw file.wrong("an object") }
    if let version = file.part("version"), try version.text() != "1.0" {
      throw version.unsupported("version", try version.text())
    }
    self.path = path
    // `truncation` and `padding` are not applied. They are leftovers of some earlier use of the file, such as the 128
    // tokens of all-MiniLM; the recipe of the run decides on the length of a sequence and its padding.
    let (steps, endsInBytes) = try PreTokenizers.read(file.part("pre_tokenizer"))
    preTokenizers = steps
    wordPreTokenizers = try PreTokenizers.read(file.part("pre_tokenizer"), spacesWords: true).steps
    normalizers = try Normalizers.read(file.part("normalizer"))
    model = try own ?? TokenModels.read(try file.required("model"), readsBytes: endsInBytes)
    addedTokens = try AddedTokens(
      file.part("added_tokens"), vocabulary: model.vocabulary, normalizers: normalizers)
    vocabularySize = max(model.vocabulary.idCount, addedTokens.idCount)
    postProcessor = try PostProcessor(file.part("post_processor"), idCount: vocabularySize)
    decoder = try Decoders.read(file.part("decoder"))
    textCuts = TextCuts(normalizers, preTokenizers, addedTokens, postProcessor.single)
    try TextSteps.check(normalizers, file.part("normalizer") ?? file)
    try TextSteps.check(wordPreTokenizers, file.part("pre_tokenizer") ?? file)
    try TextSteps.check(decoder, file.part("decoder") ?? file)
  }

  /// The ids of a text. Bytes that are not UTF-8 are read as U+FFFD, as by Python's `errors="replace"`.
  ///
  /// - Parameter addSpecialTokens: adds the tokens that the file's post-processor puts around a text, such as `<s>`.
  package func encode(_ text: UnsafeBufferPointer<UInt8>, addSpecialTokens: Bool) -> [Int32] {
    if UTF8Text.validPrefix(text) < text.count {
      var mended: [UInt8] = []
      UTF8Text.appendMended(text, to: &mended)
      return mended.withUnsafeBufferPointer { encodeValid($0, addSpecialTokens) }
    }
    return encodeValid(text, addSpecialTokens)
  }

  package func encode(_ text: [UInt8], addSpecialTokens: Bool) -> [Int32] {
    text.withUnsafeBufferPointer { encode($0, addSpecialTokens: addSpecialTokens) }
  }

  package func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
    var text = text
    return text.withUTF8 { encodeValid($0, addSpecialTokens) }
  }

  private func encodeValid(_ text: UnsafeBufferPointer<UInt8>, _ addSpecialTokens: Bool) -> [Int32] {
    withEncoder {
      $0.encode(
        text, before: addSpecialTokens ? postProcessor.single.before : [],
        after: addSpecialTokens ? postProcessor.single.after : [], splitBy: preTokenizers)
    }
  }

  /// The ids of one word of a list.
  func encodeWord(_ word: [UInt8]) -> [Int32] {
    var word = word
    if word.withUnsafeBufferPointer({ UTF8Text.validPrefix($0) }) < word.count {
      var mended: [UInt8] = []
      _ = word.withUnsafeBufferPointer { UTF8Text.appendMended($0, to: &mended) }
      word = mended
    }
    return word.withUnsafeBufferPointer { word in
      withEncoder { $0.encode(word, before: [], after: [], splitBy: wordPreTokenizers) }
    }
  }

  func trace(_ text: TracedText) -> FoundTokens { withEncoder { $0.trace(text, splitBy: preTokenizers) } }

  private func withEncoder<R>(_ body: (TextEncoder) -> R) -> R {
    let encoder =
      idle.withLock { $0.popLast() }
      ?? TextEncoder(model: model.makeEncoder(), addedTokens: addedTokens, normalizers: normalizers)
    defer {
      // An encoder that a huge text has enlarged is not kept.
      if encoder.footprint < TextEncoder.largestKept { idle.withLock { $0.append(encoder) } }
    }
    return body(encoder)
  }

  /// The text of ids. Ids outside the vocabulary are ignored, as in the `tokenizers` package.
  package func decode(_ ids: some Sequence<Int32>, skipSpecialTokens: Bool) -> String {
    var decoder = StreamingDecoder(self, skipSpecialTokens: skipSpecialTokens)
    return decoder.decode(ids)
  }

  /// An id's piece in the vocabulary's own spelling; nil if the id has none.
  package func piece(_ id: Int32) -> String? {
    if let token = addedTokens.token(id) { return String(decoding: token.pattern, as: UTF8.self) }
    return model.vocabulary.piece(id).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The id of a piece in the vocabulary's own spelling.
  package func id(of piece: String) -> Int32? {
    let bytes = Array(piece.utf8)
    return addedTokens.token(of: bytes)?.id ?? model.vocabulary.id(of: bytes)
  }

  /// The special tokens that stand around a text.
  package var around: (before: [Int32], after: [Int32]) {
    (postProcessor.single.before, postProcessor.single.after)
  }

  /// Whether an id is one of those that `skipSpecialTokens` leaves out.
  package func isSpecial(_ id: Int32) -> Bool { addedTokens.token(id)?.special ?? false }

  /// Whether an id is that of an added token.
  func isAdded(_ id: Int32) -> Bool { addedTokens.token(id) != nil }

  /// Appends an id's piece for the decoder.
  func append(_ id: Int32, skipSpecialTokens: Bool, to pieces: inout Pieces) {
    if let token = addedTokens.token(id) {
      if skipSpecialTokens, token.special { return }
      pieces.bytes.append(contentsOf: token.pattern)
    } else if let piece = model.vocabulary.piece(id) {
      pieces.bytes.append(contentsOf: piece)
    } else {
      return
    }
    pieces.endPiece()
  }
}
