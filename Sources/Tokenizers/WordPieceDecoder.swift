// The decoder of WordPiece: pieces with the prefix go on with a word, all others begin one.

struct WordPieceDecoder: DecoderStep {
  let prefix: [UInt8]
  /// Whether spaces before punctuation and short forms go, within each piece.
  let cleansUp: Bool
  /// A space before each piece.
  var growth: Int { 2 }
  private var isFirst = true
  /// The beginning of a piece that goes on.
  private var held: [UInt8] = []

  init(_ part: FilePart) throws {
    prefix = try part.part("prefix")?.bytes() ?? Array("##".utf8)
    cleansUp = try part.bool("cleanup", default: true)
  }

  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    var (isFirst, held) = (isFirst, held)
    pieces.visit { part, isEnd in
      held.append(contentsOf: part)
      guard isEnd else { return }
      emit(&held, isFirst, &out)
      isFirst = false
    }
    if isLast, !held.isEmpty { emit(&held, isFirst, &out) }
    (self.isFirst, self.held) = (isFirst, held)
  }

  private func emit(_ piece: inout [UInt8], _ isFirst: Bool, _ out: inout Pieces) {
    if !isFirst {
      if piece.starts(with: prefix) { piece.removeFirst(prefix.count) } else { piece.insert(0x20, at: 0) }
    }
    if cleansUp, piece.contains(0x20) { for replacement in Self.cleanup { replacement.normalize(&piece) } }
    out.bytes.append(contentsOf: piece)
    out.endPiece()
    piece.removeAll(keepingCapacity: true)
  }

  private static let cleanup = [
    (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
    (" do not", " don't"), (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
  ].map { Replace(pattern: Array($0.0.utf8), content: Array($0.1.utf8)) }
}
