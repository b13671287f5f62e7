// From pieces back to text: the list of decoders tokenizer.json may name.
//
// A decoder is a step that passes pieces on as soon as they cannot change any more, so the same code decodes
// a whole list of ids and a stream of them.

/// Some pieces of a stream, one after another.
struct Pieces {
  /// The pieces' text, valid UTF-8.
  var bytes: [UInt8] = []
  /// Where pieces end. Text after the last end is the beginning of a piece that goes on.
  var ends: [Int] = []

  mutating func endPiece() { ends.append(bytes.count) }
  mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
  }

  /// Each piece, or part of one, and whether it ends here.
  func visit(_ body: (_ part: UnsafeBufferPointer<UInt8>, _ isEnd: Bool) -> Void) {
    bytes.withUnsafeBufferPointer { bytes in
      var start = 0
      for end in ends {
        body(UnsafeBufferPointer(rebasing: bytes[start..<end]), true)
        start = end
      }
      if start < bytes.count { body(UnsafeBufferPointer(rebasing: bytes[start...]), false) }
    }
  }
}

/// One step. A value holds the state of one stream.
protocol DecoderStep: Sendable, TextStep {
  /// - Parameter isLast: whether nothing follows, so that everything held back must be passed on.
  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces)
}

enum Decoders {
  /// The decoders of the file in order, with nested sequences flattened.
  static func read(_ part: FilePart?) throws -> [any DecoderStep] {
    // Without a decoder, the pieces are joined with spaces.
    guard let part else { return [SpacesBetween()] }
    return try steps(part)
  }

  private static func steps(_ part: FilePart) throws -> [any DecoderStep] {
    let type = try part.type()
    switch type {
    case "Sequence": return try part.required("decoders").elements().flatMap { try steps($0) }
    case "ByteLevel": return [ByteLevelDecoder()]
    case "ByteFallback": return [ByteFallbackDecoder()]
    case "Fuse": return [FuseDecoder()]
    case "Metaspace":
      let settings = try MetaspaceSettings(part)
      return [MetaspaceDecoder(replacement: settings.replacement, dropsFirst: settings.prepend != .never)]
    case "WordPiece": return [try WordPieceDecoder(part)]
    case "BPEDecoder":
      return [WordEndDecoder(suffix: try part.part("suffix")?.bytes() ?? Array("</w>".utf8))]
    case "Replace":
      guard let pattern = try part.literalPattern() else {
        throw part.unsupported("decoder", "Replace with a regular expression")
      }
      return [ReplaceDecoder(pattern: pattern, content: try part.required("content").bytes())]
    case "Strip":
      return [
        StripDecoder(
          character: try part.required("content").character(), start: try part.required("start").count(),
          stop: try part.required("stop").count())
      ]
    default: throw part.unsupported("decoder", type)
    }
  }
}
