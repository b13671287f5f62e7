// Python's `textwrap.wrap`, as the filter `wordwrap` calls it.

struct TextWrapping {
  let width: Int
  let breaksLongWords: Bool
  let breaksOnHyphens: Bool

  /// Every line of the text is wrapped by itself.
  func wrapped(_ text: [UInt8], separator: [UInt8], _ rendering: Rendering) throws -> [UInt8] {
    try rendering.make(text.count * 4)
    var out: [[UInt8]] = []
    for line in PythonText.lines(text) {
      let parts = try wrap(PythonText.scalars(line)).map { PythonText.bytes($0) }
      try rendering.make((parts.count + 1) * (separator.count + 8))
      out.append(Array(parts.joined(separator: separator)))
    }
    return Array(out.joined(separator: separator))
  }

  private func wrap(_ line: [Unicode.Scalar]) throws -> [[Unicode.Scalar]] {
    guard width > 0 else { throw PythonError("invalid width \(width) (must be > 0)") }
    var chunks: [[Unicode.Scalar]] = Array(Self.chunks(line, hyphens: breaksOnHyphens).reversed())
    var lines: [[Unicode.Scalar]] = []
    while !chunks.isEmpty {
      var current: [[Unicode.Scalar]] = []
      var length = 0
      if !lines.isEmpty, Self.isBlank(chunks[chunks.count - 1]) { chunks.removeLast() }
      while let next = chunks.last, length + next.count <= width {
        current.append(next)
        length += next.count
        chunks.removeLast()
      }
      if let long = chunks.last, long.count > width { handle(long, &chunks, &current, room: width - length) }
      if let last = current.last, Self.isBlank(last) { current.removeLast() }
      if !current.isEmpty { lines.append(Array(current.joined())) }
    }
    return lines
  }

  private func handle(
    _ long: [Unicode.Scalar], _ chunks: inout [[Unicode.Scalar]], _ current: inout [[Unicode.Scalar]],
    room: Int
  ) {
    let room = max(width < 1 ? 1 : room, 0)
    if breaksLongWords {
      var end = room
      if breaksOnHyphens, long.count > room, let hyphen = long[..<room].lastIndex(of: "-"), hyphen > 0,
        long[..<hyphen].contains(where: { $0 != "-" })
      {
        end = hyphen + 1
      }
      current.append(Array(long[..<end]))
      chunks[chunks.count - 1] = Array(long[end...])
    } else if current.isEmpty {
      current.append(chunks.removeLast())
    }
  }

  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    "\t\n\u{B}\u{C}\r ".unicodeScalars.contains(scalar)
  }

  private static func isBlank(_ chunk: [Unicode.Scalar]) -> Bool {
    chunk.allSatisfy { PythonText.isSpace($0.value) }
  }

  /// Words and the spaces between them; words also end behind a hyphen between letters.
  private static func chunks(_ line: [Unicode.Scalar], hyphens: Bool) -> [[Unicode.Scalar]] {
    var chunks: [[Unicode.Scalar]] = []
    var at = 0
    while at < line.count {
      var end = at
      let inSpace = isSpace(line[at])
      while end < line.count, isSpace(line[end]) == inSpace { end += 1 }
      var start = at
      if hyphens, !inSpace {
        for place in (at + 1)..<max(end - 1, at + 1) where line[place] == "-" {
          func isLetter(_ place: Int) -> Bool {
            place >= start && place < end && (PythonText.isAlphabetic(line[place]) || line[place] == "_")
          }
          // Two letters before the hyphen, and a letter or two behind it.
          if place > start, isLetter(place - 1), isLetter(place - 2) || (place - 2 == start - 1 && false),
            isLetter(place + 1), isLetter(place + 2) || line[min(place + 2, end - 1)] == "-"
          {
            chunks.append(Array(line[start...place]))
            start = place + 1
          }
        }
      }
      if start < end { chunks.append(Array(line[start..<end])) }
      at = end
    }
    return chunks
  }
}
