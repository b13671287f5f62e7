// Methods of texts that cut them.

enum StringCuts {
  static func strip(start: Bool, end: Bool) -> Method {
    { receiver, call, rendering in
      let characters = try call.unnamed(0...1).first ?? .none
      return .string(try stripped(receiver.bytes, characters, call, start: start, end: end, rendering))
    }
  }

  /// - Parameter characters: those that are cut off; white space if none are given.
  static func stripped(
    _ text: [UInt8], _ characters: Value, _ call: Call, start: Bool, end: Bool, _ rendering: Rendering
  ) throws -> [UInt8] {
    try rendering.make(text.count)
    var range = 0..<text.count
    if characters.isNone {
      if start { range = PythonText.trimmedStart(text, range)..<range.upperBound }
      if end { range = range.lowerBound..<PythonText.trimmedEnd(text, range) }
    } else {
      let set = Set(PythonText.scalars(try Optional(characters).text(call)!))
      let scalars = PythonText.scalars(text)
      if start {
        for scalar in scalars {
          guard set.contains(scalar) else { break }
          range = (range.lowerBound + UTF8.width(scalar))..<range.upperBound
        }
      }
      if end {
        for scalar in scalars.reversed() {
          guard set.contains(scalar), range.upperBound > range.lowerBound else { break }
          range = range.lowerBound..<(range.upperBound - UTF8.width(scalar))
        }
      }
    }
    return range.count == text.count ? text : Array(text[range])
  }

  private static func separator(_ call: inout Call) throws -> (separator: [UInt8]?, most: Int) {
    let arguments = try call.bound("sep", "maxsplit")
    let most = try arguments[1].integer() ?? -1
    guard let separator = arguments[0], !separator.isNone else { return (nil, most < 0 ? .max : most) }
    let text = try Optional(separator).text(call)!
    guard !text.isEmpty else { throw PythonError("empty separator") }
    return (text, most < 0 ? .max : most)
  }

  private static func list(_ parts: [[UInt8]], _ rendering: Rendering) throws -> Value {
    try rendering.make(elements: parts.count * 3)
    return .list(try List(parts.map { .string($0) }))
  }

  static let split: @Sendable (Value, inout Call, Rendering) throws -> Value = { receiver, call, rendering in
    let text = receiver.bytes
    let (separator, most) = try separator(&call)
    try rendering.make(text.count)
    guard let separator else { return try list(PythonText.words(text, atMost: most), rendering) }
    var parts: [[UInt8]] = []
    var from = 0
    let places = PythonText.places(of: separator, in: text, atMost: most)
    try rendering.make(elements: places.count)
    for place in places {
      parts.append(Array(text[from..<place]))
      from = place + separator.count
    }
    parts.append(Array(text[from...]))
    return try list(parts, rendering)
  }

  static let splitRight: @Sendable (Value, inout Call, Rendering) throws -> Value = {
    receiver, call, rendering in
    let text = receiver.bytes
    let (separator, most) = try separator(&call)
    try rendering.make(text.count)
    guard let separator else { return try list(PythonText.wordsFromEnd(text, atMost: most), rendering) }
    // From the end, the separators that are found first are others where they may overlap.
    let reversed = Array(text.reversed())
    let places = PythonText.places(of: Array(separator.reversed()), in: reversed, atMost: most)
    try rendering.make(elements: places.count)
    var parts: [[UInt8]] = []
    var end = text.count
    for place in places {
      let start = text.count - place
      parts.append(Array(text[start..<end]))
      end = start - separator.count
    }
    parts.append(Array(text[..<end]))
    return try list(parts.reversed(), rendering)
  }

  static let splitLines: @Sendable (Value, inout Call, Rendering) throws -> Value = {
    receiver, call, rendering in
    let keepEnds = try call.bound("keepends")[0].isTrue()
    try rendering.make(receiver.bytes.count)
    return try list(PythonText.lines(receiver.bytes, keepEnds: keepEnds), rendering)
  }

  static func partition(fromEnd: Bool) -> Method {
    { receiver, call, rendering in
      let text = receiver.bytes
      let separator = try Optional(try call.unnamed(1...1)[0]).text(call)!
      guard !separator.isEmpty else { throw PythonError("empty separator") }
      try rendering.make(text.count)
      let place =
        fromEnd ? PythonText.findLast(separator, in: text[...]) : PythonText.find(separator, in: text[...])
      let parts: [[UInt8]] =
        if let place {
          [Array(text[..<place]), separator, Array(text[(place + separator.count)...])]
        } else {
          fromEnd ? [[], [], text] : [text, [], []]
        }
      return .tuple(try List(parts.map { .string($0) }))
    }
  }

  static func remove(atEnd: Bool) -> Method {
    { receiver, call, rendering in
      let text = receiver.bytes
      let part = try Optional(try call.unnamed(1...1)[0]).text(call)!
      try rendering.make(text.count)
      if atEnd {
        return .string(text.suffix(part.count).elementsEqual(part) ? Array(text.dropLast(part.count)) : text)
      }
      return .string(text.starts(with: part) ? Array(text.dropFirst(part.count)) : text)
    }
  }
}

extension PythonText {
  /// The parts between white space; after `most` cuts the rest is one part.
  static func words(_ text: [UInt8], atMost most: Int) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var at = trimmedStart(text, 0..<text.count)
    while at < text.count {
      if words.count == most {
        words.append(Array(text[at...]))
        return words
      }
      var end = at
      while end < text.count, spaceLength(text, end) == 0 { end += length(text[end]) }
      words.append(Array(text[at..<end]))
      at = trimmedStart(text, end..<text.count)
    }
    return words
  }

  static func wordsFromEnd(_ text: [UInt8], atMost most: Int) -> [[UInt8]] {
    var words: [[UInt8]] = []
    var end = trimmedEnd(text, 0..<text.count)
    while end > 0 {
      if words.count == most {
        words.append(Array(text[..<end]))
        break
      }
      var start = end
      while start > 0 {
        var place = start - 1
        while text[place] & 0xC0 == 0x80 { place -= 1 }
        if spaceLength(text, place) > 0 { break }
        start = place
      }
      words.append(Array(text[start..<end]))
      end = trimmedEnd(text, 0..<start)
    }
    return words.reversed()
  }
}
