// Decoders that work on the text of pieces.

/// No decoder at all: pieces are joined with spaces.
struct SpacesBetween: DecoderStep {
  private var isFirst = true

  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    var isFirst = isFirst
    pieces.visit { part, isEnd in
      if !isFirst { out.bytes.append(0x20) }
      isFirst = false
      out.bytes.append(contentsOf: part)
      if isEnd { out.endPiece() }
    }
    self.isFirst = isFirst
  }
}

/// All pieces become one.
struct FuseDecoder: DecoderStep {
  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    out.bytes.append(contentsOf: pieces.bytes)
    if isLast { out.endPiece() }
  }
}

/// The visible character becomes a space; in the first piece it becomes nothing if the encoder puts one in front.
struct MetaspaceDecoder: DecoderStep {
  let replacement: [UInt8]
  let dropsFirst: Bool
  private var isFirst = true

  init(replacement: [UInt8], dropsFirst: Bool) {
    self.replacement = replacement
    self.dropsFirst = dropsFirst
  }

  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    var isFirst = isFirst
    pieces.visit { part, isEnd in
      var at = 0
      while at < part.count {
        if part[at] == replacement.first, part[at...].starts(with: replacement) {
          if !(isFirst && dropsFirst) { out.bytes.append(0x20) }
          at += replacement.count
        } else {
          out.bytes.append(part[at])
          at += 1
        }
      }
      if isEnd {
        out.endPiece()
        isFirst = false
      }
    }
    self.isFirst = isFirst
  }
}

/// Replaces a literal text by another within each piece.
struct ReplaceDecoder: DecoderStep {
  let pattern: [UInt8]
  let content: [UInt8]
  /// The end of a piece that goes on, if it may be the beginning of the pattern.
  private var held: [UInt8] = []
  var growth: Int { Self.growth(pattern.count, content.count) }

  init(pattern: [UInt8], content: [UInt8]) {
    self.pattern = pattern
    self.content = content
  }

  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    var held = held
    pieces.visit { part, isEnd in
      if held.isEmpty {
        held = Array(part.suffix(replace(part, isEnd, &out)))
      } else {
        let text = held + part
        held = Array(text.suffix(text.withUnsafeBufferPointer { replace($0, isEnd, &out) }))
      }
      if isEnd { out.endPiece() }
    }
    if isLast, !held.isEmpty {
      out.bytes.append(contentsOf: held)
      out.endPiece()
      held = []
    }
    self.held = held
  }

  /// - Returns: how many bytes at the end of `text` must wait for what follows.
  private func replace(_ text: UnsafeBufferPointer<UInt8>, _ isEnd: Bool, _ out: inout Pieces) -> Int {
    var at = 0
    while at < text.count {
      // For nearly all bytes, this rules out even the first byte of the pattern.
      if text[at] == pattern.first {
        let rest = text[at...]
        if rest.starts(with: pattern) {
          out.bytes.append(contentsOf: content)
          at += pattern.count
          continue
        }
        if !isEnd, pattern.starts(with: rest) { return rest.count }
      }
      out.bytes.append(text[at])
      at += 1
    }
    return 0
  }
}

/// Removes a character from the ends of each piece, up to a number of times.
struct StripDecoder: DecoderStep {
  let character: [UInt8]
  let start: Int
  let stop: Int
  /// How many were removed from the start of this piece; the maximum once another character was seen.
  private var taken = 0
  /// How many characters at the end of a piece that goes on wait for more text.
  private var held = 0

  init(character: [UInt8], start: Int, stop: Int) {
    self.character = character
    self.start = start
    self.stop = stop
  }

  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    var taken = taken
    var held = held
    pieces.visit { part, isEnd in
      var at = 0
      while taken < start, at < part.count, part[at...].starts(with: character) {
        taken += 1
        at += character.count
      }
      if at < part.count { taken = start }
      var end = part.count
      var ending = 0
      while end - character.count >= at, part[(end - character.count)..<end].elementsEqual(character) {
        end -= character.count
        ending += 1
      }
      if end > at {
        emit(held, &out)
        held = 0
        out.bytes.append(contentsOf: part[at..<end])
      }
      // Remove the last `stop` of the characters at the end; the others stay.
      held += ending
      if held > stop {
        emit(held - stop, &out)
        held = stop
      }
      if isEnd {
        out.endPiece()
        taken = 0
        held = 0
      }
    }
    self.taken = taken
    self.held = held
  }

  private func emit(_ count: Int, _ out: inout Pieces) {
    for _ in 0..<count { out.bytes.append(contentsOf: character) }
  }
}

/// The suffix at the end of a word becomes a space, except in the last piece of all.
struct WordEndDecoder: DecoderStep {
  let suffix: [UInt8]
  /// The last piece so far.
  private var held: [UInt8]?

  init(suffix: [UInt8]) { self.suffix = suffix }

  mutating func decode(_ pieces: Pieces, isLast: Bool, into out: inout Pieces) {
    var held = held
    var isOpen = false
    pieces.visit { part, isEnd in
      if let piece = held, !isOpen { emit(piece, [0x20], &out) }
      held = isOpen ? (held ?? []) + Array(part) : Array(part)
      isOpen = !isEnd
    }
    if isLast, let piece = held {
      emit(piece, [], &out)
      held = nil
    }
    self.held = held
  }

  private func emit(_ piece: [UInt8], _ space: [UInt8], _ out: inout Pieces) {
    var text = piece
    Replace(pattern: suffix, content: space).normalize(&text)
    out.bytes.append(contentsOf: text)
    out.endPiece()
  }
}
