// Where a text that is one word to the model may still be cut without changing any id.
//
// SentencePiece-style files pass a whole text as one word. If no piece that the model makes holds some character before
// "▁", no piece ever crosses that border, so the text on either side can be encoded, and cached, by itself.

struct MarkerCut: Sendable {
  static let marker: [UInt8] = [0xE2, 0x96, 0x81]

  /// Whether some piece has this ASCII character right before a marker.
  private let asciiBefore: [Bool]
  /// Whether some piece has any other character there, except the marker itself.
  private let otherBefore: Bool

  /// nil if no piece has a marker, or if a piece from outside the text could merge with it.
  init?(_ vocabulary: Vocabulary, merges: [BPE.Merge], unknown: [UInt8]?, fallsBack: Bool) {
    self.init(vocabulary, pieces: merges.map(\.id))
    // `<0x0A>` and the unknown piece stand for characters that they do not end with.
    if fallsBack, asciiBefore[Int(UInt8(ascii: ">"))] { return nil }
    if let last = unknown?.last, last >= 0x80 || asciiBefore[Int(last)] { return nil }
  }

  /// - Parameter pieces: those that the model makes of more than one character.
  init?(_ vocabulary: Vocabulary, pieces: some Sequence<Int32>) {
    guard vocabulary.id(of: Self.marker) != nil else { return nil }
    var asciiBefore = [Bool](repeating: false, count: 128)
    var otherBefore = false
    for id in pieces {
      guard let piece = vocabulary.piece(id), piece.count > 3 else { continue }
      for at in (piece.startIndex + 1)..<(piece.endIndex - 2)
      where piece[at] == 0xE2 && piece[at...].starts(with: Self.marker) {
        let before = piece[at - 1]
        if before < 0x80 {
          asciiBefore[Int(before)] = true
        } else if !piece[..<at].suffix(3).elementsEqual(Self.marker) {
          otherBefore = true
        }
      }
    }
    self.asciiBefore = asciiBefore
    self.otherBefore = otherBefore
  }

  /// The first place after `start` where the text may be cut; `end` if there is none.
  @inline(__always)
  func next(_ text: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
    var at = start + 1
    while at + 2 < end {
      if text[at] == 0xE2, text[at + 1] == 0x96, text[at + 2] == 0x81, isFree(text, start, at) { return at }
      at += 1
    }
    return end
  }

  @inline(__always)
  private func isFree(_ text: UnsafePointer<UInt8>, _ start: Int, _ at: Int) -> Bool {
    let before = text[at - 1]
    if before < 0x80 { return !asciiBefore[Int(before)] }
    // A run of markers stays together, and so does everything that might merge with a marker.
    let isMarker = at - start >= 3 && before == 0x81 && text[at - 2] == 0x96 && text[at - 3] == 0xE2
    return !otherBefore && !isMarker
  }
}
