// Methods of texts that search.

enum StringSearch {
  /// The byte range that two bounds in characters mean, as slices do.
  /// - Returns: nil if it begins behind the end of the text.
  static func range(_ text: [UInt8], _ start: Value?, _ stop: Value?) throws -> Range<Int>? {
    func bound(_ value: Value?) throws -> Int? {
      guard let value, !value.isNone else { return nil }
      return try Optional(value).integer()
    }
    let (start, stop) = (try bound(start), try bound(stop))
    guard start != nil || stop != nil else { return 0..<text.count }
    let count = PythonText.count(text)
    func clamped(_ bound: Int) -> Int { bound < 0 ? max(0, max(bound, -count) + count) : bound }
    let first = clamped(start ?? 0)
    let last = min(clamped(stop ?? count), count)
    guard first <= count, first <= last else { return nil }
    return PythonText.place(text, ofCharacter: first)..<PythonText.place(text, ofCharacter: last)
  }

  static func find(fromEnd: Bool, raises: Bool) -> Method {
    { receiver, call, rendering in
      let text = receiver.bytes
      let arguments = try call.unnamed(1...3)
      let part = try Optional(arguments[0]).text(call)!
      try rendering.charge(text.count / 16)
      let range = try range(
        text, arguments.count > 1 ? arguments[1] : nil, arguments.count > 2 ? arguments[2] : nil)
      let place = range.flatMap { range in
        fromEnd ? PythonText.findLast(part, in: text[range]) : PythonText.find(part, in: text[range])
      }
      if place == nil, raises { throw PythonError("substring not found") }
      return .integer(place.map { PythonText.count(text[..<$0]) } ?? -1)
    }
  }

  static let count: @Sendable (Value, inout Call, Rendering) throws -> Value = { receiver, call, rendering in
    let text = receiver.bytes
    let arguments = try call.unnamed(1...3)
    let part = try Optional(arguments[0]).text(call)!
    try rendering.make(text.count * 8)
    guard
      let range = try range(
        text, arguments.count > 1 ? arguments[1] : nil, arguments.count > 2 ? arguments[2] : nil)
    else { return .integer(0) }
    let inner = Array(text[range])
    return .integer(part.isEmpty ? PythonText.count(inner) + 1 : PythonText.places(of: part, in: inner).count)
  }

  /// `startswith` and `endswith`, with one text or a tuple of them.
  static func hasEnd(atEnd: Bool) -> Method {
    { receiver, call, rendering in
      let text = receiver.bytes
      let arguments = try call.unnamed(1...3)
      try rendering.charge(1 + text.count / 64)
      let parts: [Value] = if case .tuple(let list) = arguments[0] { list.elements } else { [arguments[0]] }
      let range = try range(
        text, arguments.count > 1 ? arguments[1] : nil, arguments.count > 2 ? arguments[2] : nil)
      for part in parts {
        guard case .string(let part) = part else {
          try part.defined()
          throw PythonError(
            "\(call.name) first arg must be str or a tuple of str, not \(part.typeName)")
        }
        guard let range else { continue }
        let inner = text[range]
        if atEnd ? inner.suffix(part.count).elementsEqual(part) : inner.starts(with: part) {
          return .bool(true)
        }
      }
      return .bool(false)
    }
  }
}

extension PythonText {
  /// Where a part begins last.
  static func findLast(_ part: [UInt8], in text: ArraySlice<UInt8>) -> Int? {
    if part.isEmpty { return text.endIndex }
    guard part.count <= text.count else { return nil }
    // Backwards, the last place is the first.
    let reversedText = Array(text.reversed())
    guard let place = find(Array(part.reversed()), in: reversedText[...]) else { return nil }
    return text.endIndex - place - part.count
  }
}
