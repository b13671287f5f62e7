// Decoders that turn pieces into bytes: the byte-level alphabet, and byte pieces such as <0x0A>.

/// Byte-level characters to bytes, over all pieces together, with U+FFFD for anything that is not UTF-8.
struct ByteLevelDecoder: DecoderStep {
  /// The beginning of a piece that has not ended.
  private var piece: [UInt8] = []
  /// Bytes that are not yet a whole character.
  private var unfinished: [UInt8] = []

  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    var decoded = unfinished
    var piece = piece
    pieces.visit { part, isEnd in
      if isEnd && piece.isEmpty {
        ByteAlphabet.appendDecoded(part, to: &decoded)
        return
      }
      piece.append(contentsOf: part)
      guard isEnd else { return }
      piece.withUnsafeBufferPointer { ByteAlphabet.appendDecoded($0, to: &decoded) }
      piece.removeAll()
    }
    if isLast, !piece.isEmpty {
      piece.withUnsafeBufferPointer { ByteAlphabet.appendDecoded($0, to: &decoded) }
      piece.removeAll()
    }
    let read = decoded.withUnsafeBufferPointer {
      UTF8Text.appendMended($0, to: &out.bytes, keepingCut: !isLast)
    }
    if isLast { out.endPiece() }
    unfinished = Array(decoded[read...])
    self.piece = piece
  }
}

/// Runs of byte pieces become text, or one U+FFFD per byte if the whole run is not UTF-8.
struct ByteFallbackDecoder: DecoderStep {
  private var piece: [UInt8] = []
  private var run: [UInt8] = []

  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    var piece = piece
    var run = run
    pieces.visit { part, isEnd in
      if isEnd && piece.isEmpty {
        Self.take(part, &run, &out)
        return
      }
      piece.append(contentsOf: part)
      guard isEnd else { return }
      piece.withUnsafeBufferPointer { Self.take($0, &run, &out) }
      piece.removeAll(keepingCapacity: true)
    }
    if isLast {
      if !piece.isEmpty { piece.withUnsafeBufferPointer { Self.take($0, &run, &out) } }
      piece = []
      Self.flush(&run, &out)
    }
    self.piece = piece
    self.run = run
  }

  private static func take(_ piece: UnsafeBufferPointer<UInt8>, _ run: inout [UInt8], _ out: inout Pieces) {
    if let byte = byte(piece) {
      run.append(byte)
      return
    }
    flush(&run, &out)
    out.bytes.append(contentsOf: piece)
    out.endPiece()
  }

  private static func flush(_ run: inout [UInt8], _ out: inout Pieces) {
    guard !run.isEmpty else { return }
    if run.withUnsafeBufferPointer({ UTF8Text.validPrefix($0) }) == run.count {
      out.bytes.append(contentsOf: run)
      out.endPiece()
    } else {
      for _ in run {
        out.bytes.append(contentsOf: UTF8Text.replacement)
        out.endPiece()
      }
    }
    run.removeAll()
  }

  /// The byte of a piece such as `<0x0A>`.
  private static func byte(_ piece: UnsafeBufferPointer<UInt8>) -> UInt8? {
    guard piece.count == 6, piece[0] == UInt8(ascii: "<"), piece[1] == UInt8(ascii: "0"),
      piece[2] == UInt8(ascii: "x"), piece[5] == UInt8(ascii: ">")
    else { return nil }
    var value: UInt8 = 0
    for digit in piece[3..<5] {
      switch digit {
      case 0x30...0x39: value = value << 4 | (digit - 0x30)
      case 0x41...0x46: value = value << 4 | (digit - 0x41 + 10)
      case 0x61...0x66: value = value << 4 | (digit - 0x61 + 10)
      default: return nil
      }
    }
    return value
  }
}
