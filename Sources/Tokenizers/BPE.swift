// Byte pair encoding: the characters of a word become pieces, and the earliest merge that applies is made until no
// merge applies (Sennrich et al., "Neural machine translation of rare words with subword units", ACL 2016).
import Base

final class BPE: TokenModel {
  let vocabulary: Vocabulary
  let merges: MergeTable
  /// Words are plain bytes that stand for their byte-level characters.
  let readsBytes: Bool
  /// The id of each byte's character; -1 if it has none. For text, only the 128 bytes of ASCII count.
  let symbols: [Int32]
  let symbolsAreWhole: Bool
  /// The id for a character that is not a piece; nil drops the character.
  let unknown: Int32?
  let fusesUnknown: Bool
  /// The ids of `<0x00>` to `<0xFF>`, -1 where missing; empty where the model does not fall back to bytes.
  let bytePieces: [Int32]
  /// A word that is a piece is taken as it is.
  let ignoresMerges: Bool
  /// Text before every character but the first of a word, and after its last.
  let prefix: [UInt8]
  let suffix: [UInt8]
  /// Where words of text may be cut further; nil if they may not be cut.
  let marker: MarkerCut?

  convenience init(_ part: FilePart, readsBytes: Bool) throws {
    if let dropout = part.part("dropout"), dropout.json.double != 0 {
      throw part.unsupported("model", "BPE with dropout")
    }
    let vocabulary = try Vocabulary(try part.required("vocab"))
    let prefix = try part.part("continuing_subword_prefix")?.bytes() ?? []
    try self.init(
      vocabulary, merges: try Self.merges(try part.required("merges"), vocabulary, prefixCount: prefix.count),
      unknown: try part.part("unk_token")?.bytes(), fusesUnknown: try part.bool("fuse_unk", default: false),
      fallsBack: try part.bool("byte_fallback", default: false),
      ignoresMerges: try part.bool("ignore_merges", default: false), readsBytes: readsBytes, prefix: prefix,
      suffix: try part.part("end_of_word_suffix")?.bytes() ?? [], part)
  }

  /// - Parameters:
  ///   - merges: in the order of their ranks.
  ///   - unknown: the piece for characters that are none.
  ///   - fallsBack: whether such characters become pieces for bytes, where there are any.
  ///   - part: the model, for messages.
  init(
    _ vocabulary: Vocabulary, merges: [Merge], unknown unknownPiece: [UInt8]?, fusesUnknown: Bool,
    fallsBack: Bool, ignoresMerges: Bool, readsBytes: Bool = false, prefix: [UInt8] = [],
    suffix: [UInt8] = [], _ part: FilePart
  ) throws {
    let isPlain = prefix.isEmpty && suffix.isEmpty
    symbols = (0..<256).map { byte in
      guard isPlain, readsBytes || byte < 128 else { return -1 }
      return vocabulary.id(of: readsBytes ? ByteAlphabet.characters[byte] : [UInt8(byte)]) ?? -1
    }
    symbolsAreWhole = symbols.allSatisfy { $0 >= 0 }
    bytePieces = fallsBack ? vocabulary.bytePieces : []

    unknown = unknownPiece.flatMap { vocabulary.id(of: $0) }
    let isNeverUnknown =
      (readsBytes && symbolsAreWhole) || (!bytePieces.isEmpty && bytePieces.allSatisfy { $0 >= 0 })
    if let unknownPiece, unknown == nil, !isNeverUnknown {
      throw part.error(
        "unk_token \"\(String(decoding: unknownPiece, as: UTF8.self))\" is not in the vocabulary")
    }
    marker =
      !readsBytes && isPlain
      ? MarkerCut(vocabulary, merges: merges, unknown: unknownPiece, fallsBack: !bytePieces.isEmpty) : nil
    self.merges = MergeTable(merges)
    self.vocabulary = vocabulary
    self.fusesUnknown = fusesUnknown
    self.ignoresMerges = ignoresMerges
    self.readsBytes = readsBytes
    self.prefix = prefix
    self.suffix = suffix
  }

  /// A model of byte strings, where the id of a token is its rank: of all neighbouring tokens, those are merged first
  /// that become the token of the lowest rank.
  init(ranked tokens: [[UInt8]?], _ part: FilePart) throws {
    let bytes = try Vocabulary(pieces: tokens, part)
    var merges: [Merge] = []
    for case (let rank, let token?) in tokens.enumerated() where token.count > 1 {
      token.withUnsafeBufferPointer { token in
        for cut in 1..<token.count {
          guard let left = bytes.id(of: UnsafeBufferPointer(rebasing: token[..<cut])),
            let right = bytes.id(of: UnsafeBufferPointer(rebasing: token[cut...]))
          else { continue }
          merges.append((left, right, Int32(rank)))
        }
      }
    }
    for byte in UInt8.min...UInt8.max where bytes.id(of: [byte]) == nil {
      throw part.error("the byte \(byte) has no token")
    }
    self.merges = MergeTable(merges, ranks: merges.map(\.id))
    vocabulary = try Vocabulary(
      pieces: tokens.map { token in
        token.map { token in
          var spelled: [UInt8] = []
          ByteAlphabet.append(token, to: &spelled)
          return spelled
        }
      }, part)
    symbols = (0..<256).map { bytes.id(of: [UInt8($0)]) ?? -1 }
    (readsBytes, symbolsAreWhole, ignoresMerges) = (true, true, true)
    (unknown, fusesUnknown, bytePieces, prefix, suffix, marker) = (nil, false, [], [], [], nil)
  }

  func makeEncoder() -> any TokenModelEncoder { BPEEncoder(self) }

  typealias Merge = (left: Int32, right: Int32, id: Int32)

  /// The merges in order; each is `"a b"` or `["a", "b"]`.
  private static func merges(
    _ part: FilePart, _ vocabulary: Vocabulary, prefixCount: Int
  ) throws -> [Merge] {
    guard let elements = part.json.elements else { throw part.wrong("a list") }
    guard elements.count < MergeTable.largestCount else {
      throw part.error("there are more than \(MergeTable.largestCount - 1) merges")
    }
    var merges: [Merge] = []
    merges.reserveCapacity(elements.count)
    var joined: [UInt8] = []
    for (index, element) in elements.enumerated() {
      func failure(_ what: String) -> UserError {
        FilePart(json: element, path: part.path, place: "\(part.place)[\(index)]").error(what)
      }
      func id(_ piece: some Collection<UInt8>) throws -> Int32 {
        guard let id = vocabulary.id(of: piece) else {
          throw failure("the piece \"\(String(decoding: piece, as: UTF8.self))\" is not in the vocabulary")
        }
        return id
      }
      let left: ArraySlice<UInt8>
      let right: ArraySlice<UInt8>
      switch element {
      case .string(let text):
        if text.starts(with: "#version".utf8) { continue }
        guard let space = text.firstIndex(of: 0x20), !text[(space + 1)...].contains(0x20) else {
          throw failure("a merge is two pieces with one space between them")
        }
        left = text[..<space]
        right = text[(space + 1)...]
      case .array(let pair):
        guard pair.count == 2, let first = pair[0].bytes, let second = pair[1].bytes else {
          throw failure("a merge is a list of two pieces")
        }
        left = first[...]
        right = second[...]
      default: throw failure("a merge is a string or a list of two pieces")
      }
      guard right.count >= prefixCount else { throw failure("a piece is shorter than its prefix") }
      joined.removeAll(keepingCapacity: true)
      joined.append(contentsOf: left)
      joined.append(contentsOf: right.dropFirst(prefixCount))
      merges.append((try id(left), try id(right), try id(joined)))
    }
    return merges
  }
}
