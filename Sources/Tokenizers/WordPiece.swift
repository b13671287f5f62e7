// WordPiece: a word is cut from left to right into the longest pieces that are in the vocabulary (Schuster and
// Nakajima, "Japanese and Korean voice search", ICASSP 2012; as BERT has it).
import Base

final class WordPiece: TokenModel {
  let vocabulary: Vocabulary
  /// The id of a word that cannot be cut into pieces, or is too long.
  let unknown: Int32
  /// In characters.
  let longestWord: Int
  /// Bytes of the prefix of pieces in the middle of a word.
  let prefixCount: Int
  /// Pieces at the beginning of a word.
  let first: PieceTable
  /// Pieces in the middle of a word, without their prefix.
  let rest: PieceTable

  init(_ part: FilePart) throws {
    let vocabulary = try Vocabulary(try part.required("vocab"))
    let prefix = try part.part("continuing_subword_prefix")?.bytes() ?? Array("##".utf8)
    let unknownPiece = try part.part("unk_token")?.bytes() ?? Array("[UNK]".utf8)
    guard let unknown = vocabulary.id(of: unknownPiece) else {
      throw part.error(
        "unk_token \"\(String(decoding: unknownPiece, as: UTF8.self))\" is not in the vocabulary")
    }
    self.unknown = unknown
    longestWord = try part.part("max_input_chars_per_word")?.count() ?? 100
    prefixCount = prefix.count
    first = PieceTable(vocabulary, prefix: [])
    rest = PieceTable(vocabulary, prefix: prefix)
    self.vocabulary = vocabulary
  }

  func makeEncoder() -> any TokenModelEncoder { WordPieceEncoder(self) }
}

/// WordPiece for one thread: words come from the cache, or are cut.
final class WordPieceEncoder: TokenModelEncoder {
  private let model: WordPiece
  private let cache = WordCache()

  init(_ model: WordPiece) { self.model = model }

  var footprint: Int { WordCache.footprint }

  func encode(_ words: Words, into ids: inout [Int32]) {
    words.bytes.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return }
      for word in words.words {
        let count = word.end - word.start
        guard count <= WordCache.longestWord else {
          cut(base, word, into: &ids)
          continue
        }
        let key = WordCache.Key(base + word.start, count: count)
        if cache.append(key, to: &ids) { continue }
        let first = ids.count
        cut(base, word, into: &ids)
        cache.store(key, ids[first...])
      }
    }
  }

  func trace(_ words: Words, into ids: inout [Int32], spans: inout [Range<Int>]) {
    words.bytes.withUnsafeBufferPointer { text in
      guard let base = text.baseAddress else { return }
      for word in words.words {
        let first = ids.count
        cut(base, word, into: &ids)
        var at = word.start
        for index in first..<ids.count {
          let start = at
          let piece = model.vocabulary.piece(ids[index])?.count ?? 0
          at += piece - (start == word.start ? 0 : model.prefixCount)
          // The last piece, which may be the unknown one, ends with the word.
          if index == ids.count - 1 { at = word.end }
          spans.append(start..<at)
        }
      }
    }
  }

  @inline(never)
  private func cut(_ text: UnsafePointer<UInt8>, _ word: Words.Word, into ids: inout [Int32]) {
    let count = ids.count
    var at = word.start
    var isPossible = Self.characters(text, word) <= model.longestWord
    while isPossible, at < word.end {
      let table = at == word.start ? model.first : model.rest
      if let (id, end) = table.longest(text, at, word.end) {
        ids.append(id)
        at = end
      } else {
        isPossible = false
      }
    }
    if !isPossible {
      ids.removeLast(ids.count - count)
      ids.append(model.unknown)
    }
  }

  private static func characters(_ text: UnsafePointer<UInt8>, _ word: Words.Word) -> Int {
    (word.start..<word.end).reduce(0) { $0 + (text[$1] & 0xC0 == 0x80 ? 0 : 1) }
  }
}
