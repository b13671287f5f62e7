// The merges that lead to the pieces of a BPE vocabulary, for SentencePiece's files hold scores and no merges.

struct SentencePieceMerges {
  private let pieces: [[UInt8]]
  private let beginnings: PieceTrie
  /// The pieces backwards, so that one walk finds all that another ends with.
  private let endings: PieceTrie

  /// - Parameter mergeable: whether a piece is made by merges and takes part in them.
  init(_ pieces: [[UInt8]], mergeable: [Bool], _ part: FilePart) throws {
    self.pieces = pieces
    let kept = zip(pieces, mergeable).map { $1 ? $0 : nil }
    beginnings = PieceTrie(try Vocabulary(pieces: kept, part))
    endings = PieceTrie(try Vocabulary(pieces: kept.map { $0.map { $0.reversed() } }, part))
  }

  /// Every way to cut a piece in two: of the pieces in their order, and of each with the shortest left part first.
  func ranked(_ order: [Int], _ part: FilePart) throws -> [BPE.Merge] {
    var merges: [BPE.Merge] = []
    var left: [(id: Int32, end: Int)] = []
    var right: [Int32] = []
    for piece in order {
      let text = pieces[piece]
      left.removeAll(keepingCapacity: true)
      right = [Int32](repeating: -1, count: text.count)
      text.withUnsafeBufferPointer { text in
        guard let base = text.baseAddress else { return }
        beginnings.withReader { $0.prefixes(base, 0, text.count) { left.append(($0, $1)) } }
      }
      Array(text.reversed()).withUnsafeBufferPointer { backwards in
        guard let base = backwards.baseAddress else { return }
        endings.withReader {
          $0.prefixes(base, 0, backwards.count) { id, count in right[text.count - count] = id }
        }
      }
      for (id, end) in left where end < text.count && right[end] >= 0 {
        merges.append((id, right[end], Int32(piece)))
      }
      guard merges.count < MergeTable.largestCount else {
        throw part.error("its pieces have more than \(MergeTable.largestCount - 1) merges")
      }
    }
    return merges
  }
}

extension SentencePieceFile {
  /// As classes of transformers have it: all pieces take part, the lower id first, whatever the scores are.
  func mergesByID() throws -> [BPE.Merge] {
    try SentencePieceMerges(pieces, mergeable: types.map { _ in true }, part)
      .ranked(Array(pieces.indices), part)
  }

  /// As SentencePiece has it: pieces of the normal type take part, the best score first, of equal ones the lower id.
  func mergesByScore(_ pieces: [[UInt8]]) throws -> [BPE.Merge] {
    let normal = types.map { $0 == .normal }
    let order = pieces.indices.filter { normal[$0] }.sorted {
      scores[$0] == scores[$1] ? $0 < $1 : scores[$0] > scores[$1]
    }
    return try SentencePieceMerges(pieces, mergeable: normal, part).ranked(order, part)
  }
}
