// Unigram: each piece has a score, and a word becomes the pieces whose scores have the largest sum (Kudo, "Subword
// regularization: improving neural network translation models with multiple subword candidates", ACL 2018).
import Base

final class Unigram: TokenModel {
  let vocabulary: Vocabulary
  let scores: [Double]
  /// The id of what no piece stands for.
  let unknown: Int32
  /// The score of an unknown character: 10 below the least score of a piece.
  let unknownScore: Double
  /// The ids of `<0x00>` to `<0xFF>`, -1 where missing; empty where the model does not fall back to bytes.
  let bytePieces: [Int32]
  let trie: PieceTrie
  /// Where words may be cut further; nil if they may not be cut.
  let marker: MarkerCut?
  /// Up to so many bytes, sums of scores are exact, so that they compare as the sums of a cut word do.
  let longestCut: Int

  convenience init(_ part: FilePart) throws {
    let list = try part.required("vocab")
    guard let elements = list.json.elements else { throw list.wrong("a list of pieces and scores") }
    var pieces: [[UInt8]] = []
    var scores: [Double] = []
    pieces.reserveCapacity(elements.count)
    scores.reserveCapacity(elements.count)
    for (index, element) in elements.enumerated() {
      guard let pair = element.elements, pair.count == 2, let piece = pair[0].bytes,
        let score = pair[1].double,
        score.isFinite
      else {
        throw FilePart(json: element, path: part.path, place: "\(list.place)[\(index)]")
          .wrong("a list of a piece and its score")
      }
      pieces.append(piece)
      scores.append(score)
    }
    // The tokenizers package reads such a file, and fails at the first unknown character.
    guard let id = part.part("unk_id") else { throw part.unsupported("model", "Unigram without an unk_id") }
    let unknown = try id.count()
    guard unknown < pieces.count else { throw id.error("the id \(unknown) is not in the vocabulary") }
    self.init(
      try Vocabulary(pieces: pieces, list), scores: scores, unknown: Int32(unknown),
      fallsBack: try part.bool("byte_fallback", default: false))
  }

  /// - Parameters:
  ///   - scores: one finite number for each piece.
  ///   - unknown: the id for characters that are no piece.
  ///   - fallsBack: whether such characters become pieces for bytes, where there are any.
  init(_ vocabulary: Vocabulary, scores: [Double], unknown: Int32, fallsBack: Bool) {
    self.vocabulary = vocabulary
    self.scores = scores
    self.unknown = unknown
    unknownScore = (scores.min() ?? 0) - 10
    bytePieces = fallsBack ? vocabulary.bytePieces : []
    trie = PieceTrie(vocabulary)
    let isMarked = (vocabulary.piece(unknown) ?? []).contains(MarkerCut.marker[0])
    marker =
      isMarked ? nil : MarkerCut(vocabulary, pieces: (0..<Int32(scores.count)).filter { $0 != unknown })
    longestCut = Self.longestExact(scores + [unknownScore])
  }

  /// How many numbers of a list, each as often as one likes, have a sum that is exact in any order.
  private static func longestExact(_ numbers: [Double]) -> Int {
    var largest = 1.0
    var finest = 0
    for number in numbers where number != 0 {
      largest = max(largest, abs(number))
      let bits = 52 - min(52, number.significandBitPattern.trailingZeroBitCount)
      finest = max(finest, bits - Int(number.exponent))
    }
    guard finest < 52, largest < 0x1p50 else { return 0 }
    return Int(0x1p53 / largest / Double(sign: .plus, exponent: finest, significand: 1))
  }

  func makeEncoder() -> any TokenModelEncoder { UnigramEncoder(self) }
}

/// Unigram for one thread: words come from the cache, or new ones from the best path through their pieces.
final class UnigramEncoder: TokenModelEncoder {
  /// The best way to cut a word up to one of its bytes.
  private struct Node {
    var score: Double
    /// Where the last piece starts; all ones if no path ends here.
    var start: UInt32
    var id: Int32

    static let unreached = Node(score: 0, start: .max, id: -1)
  }

  private typealias Piece = (id: Int32, start: Int, end: Int)

  private let model: Unigram
  private let cache = WordCache()
  private var nodes: [Node] = []
  /// The pieces of a word, the last first.
  private var pieces: [Piece] = []

  init(_ model: Unigram) { self.model = model }

  var footprint: Int {
    WordCache.footprint + nodes.capacity * MemoryLayout<Node>.stride
      + pieces.capacity * MemoryLayout<Piece>.stride
  }

  func encode(_ words: Words, into ids: inout [Int32]) {
    model.trie.withReader { trie in
      words.bytes.withUnsafeBufferPointer { text in
        guard let base = text.baseAddress else { return }
        for word in words.words {
          guard let marker = model.marker, word.end - word.start <= model.longestCut else {
            encode(base, word, trie, into: &ids)
            continue
          }
          var start = word.start
          while start < word.end {
            let end = marker.next(base, start, word.end)
            encode(base, Words.Word(start: start, end: end), trie, into: &ids)
            start = end
          }
        }
      }
    }
  }

  @inline(__always)
  private func encode(
    _ text: UnsafePointer<UInt8>, _ word: Words.Word, _ trie: PieceTrie.Reader, into ids: inout [Int32]
  ) {
    let count = word.end - word.start
    guard count <= WordCache.longestWord else {
      cut(text, word, trie)
      for piece in pieces.reversed() { ids.append(piece.id) }
      return
    }
    let key = WordCache.Key(text + word.start, count: count)
    if cache.append(key, to: &ids) { return }
    let first = ids.count
    cut(text, word, trie)
    for piece in pieces.reversed() { ids.append(piece.id) }
    cache.store(key, ids[first...])
  }

  func trace(_ words: Words, into ids: inout [Int32], spans: inout [Range<Int>]) {
    model.trie.withReader { trie in
      words.bytes.withUnsafeBufferPointer { text in
        guard let base = text.baseAddress else { return }
        for word in words.words {
          cut(base, word, trie)
          for piece in pieces.reversed() {
            ids.append(piece.id)
            spans.append((word.start + piece.start)..<(word.start + piece.end))
          }
        }
      }
    }
  }

  /// Finds the pieces of a word.
  @inline(never)
  private func cut(_ text: UnsafePointer<UInt8>, _ word: Words.Word, _ trie: PieceTrie.Reader) {
    let count = word.end - word.start
    precondition(count < Int(UInt32.max), "a word of 4 GiB must be cut before it is encoded")
    if nodes.count <= count { nodes = [Node](repeating: .unreached, count: count + 1 + count / 2) }
    nodes.withUnsafeMutableBufferPointer { nodes in
      guard let nodes = nodes.baseAddress else { return }
      nodes.update(repeating: .unreached, count: count + 1)
      findPaths(text + word.start, count, nodes, trie)
    }
    pieces.removeAll(keepingCapacity: true)
    collect(text + word.start, count)
  }

  /// Of equal sums, the path that was found first stays: the one whose last piece is longer.
  @inline(__always)
  private func findPaths(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ nodes: UnsafeMutablePointer<Node>, _ trie: PieceTrie.Reader
  ) {
    model.scores.withUnsafeBufferPointer { scores in
      let scores = scores.baseAddress.unsafelyUnwrapped  // a vocabulary has at least the unknown piece
      var at = 0
      while at < count {
        let before = nodes[at].score
        let next = at + UTF8Text.length(text[at])
        var isKnown = false
        @inline(__always)
        func offer(_ id: Int32, _ score: Double, _ end: Int) {
          if nodes[end].start == .max || score > nodes[end].score {
            nodes[end] = Node(score: score, start: UInt32(truncatingIfNeeded: at), id: id)
          }
        }
        trie.prefixes(text, at, count) { id, end in
          offer(id, scores[Int(id)] + before, end)
          if end == next { isKnown = true }
        }
        if !isKnown { offer(model.unknown, model.unknownScore + before, next) }
        at = next
      }
    }
  }

  /// Walks the best path back to the start. Unknown pieces that stand side by side are one.
  private func collect(_ text: UnsafePointer<UInt8>, _ count: Int) {
    var end = count
    while end > 0 {
      var start = Int(nodes[end].start)
      let id = nodes[end].id
      guard id == model.unknown else {
        pieces.append((id, start, end))
        end = start
        continue
      }
      while start > 0, nodes[start].id == model.unknown { start = Int(nodes[start].start) }
      appendUnknown(text, start, end)
      end = start
    }
  }

  /// Together, unknown characters may be a piece after all, or they become byte pieces.
  private func appendUnknown(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) {
    let run = UnsafeBufferPointer(start: text + start, count: end - start)
    if let id = model.vocabulary.id(of: run) {
      pieces.append((id, start, end))
    } else if !model.bytePieces.isEmpty, run.allSatisfy({ model.bytePieces[Int($0)] >= 0 }) {
      for byte in run.reversed() { pieces.append((model.bytePieces[Int(byte)], start, end)) }
    } else {
      pieces.append((model.unknown, start, end))
    }
  }
}
