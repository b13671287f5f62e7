// Cuts a template into tokens. In chat templates, white space around tags goes as with Jinja's `trim_blocks` and
// `lstrip_blocks`, which transformers switches on: a statement or comment that stands alone in a line takes its line with
// it.
import Base

struct Lexer {
  let source: [UInt8]
  private let trims: Bool
  var at = 0
  var line = 1
  var tokens: [PlacedToken] = []
  /// Whether what was read last ends a line.
  private var startsLine = true
  /// Closing brackets that are awaited.
  var awaited: [UInt8] = []

  /// The most bytes of a template.
  static let longest = 1 << 20

  /// - Parameter source: UTF-8. The line end that it ends with does not belong to a chat template.
  init(_ source: [UInt8], _ style: TemplateStyle) throws(TemplateError) {
    guard source.count <= Self.longest else {
      throw TemplateError("has \(source.count) bytes, and a template at most \(Self.longest)")
    }
    guard String(validating: source, as: UTF8.self) != nil else { throw TemplateError("is not UTF-8") }
    trims = style.trims
    let text = PythonText.withLineFeeds(source)
    self.source = style.trims ? Self.withoutLastLineEnd(text) : text
  }

  private static func withoutLastLineEnd(_ source: [UInt8]) -> [UInt8] {
    source.last == 0x0A ? Array(source.dropLast()) : source
  }

  static func tokens(_ source: [UInt8], _ style: TemplateStyle) throws(TemplateError) -> [PlacedToken] {
    var lexer = try Lexer(source, style)
    try lexer.readAll()
    return lexer.tokens
  }

  mutating func add(_ token: Token) { tokens.append(PlacedToken(token: token, line: line)) }

  func failure(_ message: String) -> TemplateError { TemplateError(message, line: line) }

  /// Whether the source goes on with an ASCII text.
  func has(_ text: StaticString, at place: Int) -> Bool {
    let count = text.utf8CodeUnitCount
    guard place + count <= source.count else { return false }
    for index in 0..<count where source[place + index] != text.utf8Start[index] { return false }
    return true
  }

  /// Moves on and counts lines.
  mutating func move(to place: Int) {
    for index in at..<place where source[index] == 0x0A { line += 1 }
    if place > at { startsLine = source[place - 1] == 0x0A }
    at = place
  }

  /// Where the white space from `place` on ends.
  func skippingSpace(_ place: Int) -> Int {
    var place = place
    while place < source.count {
      let length = PythonText.spaceLength(source, place)
      if length == 0 { break }
      place += length
    }
    return place
  }

  // MARK: - Outside of tags

  private mutating func readAll() throws(TemplateError) {
    while at < source.count {
      var tag = at
      while tag < source.count, !isTag(tag) { tag += 1 }
      guard tag < source.count else {
        add(.data(Array(source[at...])))
        move(to: source.count)
        break
      }
      try readTag(tag)
    }
    add(.end)
  }

  private func isTag(_ place: Int) -> Bool {
    source[place] == UInt8(ascii: "{") && place + 1 < source.count
      && (source[place + 1] == UInt8(ascii: "{") || source[place + 1] == UInt8(ascii: "%")
        || source[place + 1] == UInt8(ascii: "#"))
  }

  private mutating func readTag(_ tag: Int) throws(TemplateError) {
    let kind = source[tag + 1]
    var inside = tag + 2
    var sign: UInt8 = 0
    if inside < source.count, source[inside] == UInt8(ascii: "-") || source[inside] == UInt8(ascii: "+") {
      sign = source[inside]
      inside += 1
    }
    addText(before: tag, sign: sign, isVariable: kind == UInt8(ascii: "{"))
    switch kind {
    case UInt8(ascii: "#"):
      move(to: inside)
      try readComment()
    case UInt8(ascii: "{"):
      add(.variableBegin)
      move(to: inside)
      try readInside(isBlock: false)
    default:
      if let raw = rawBegin(inside) {
        move(to: raw)
        try readRaw()
      } else {
        add(.blockBegin)
        move(to: inside)
        try readInside(isBlock: true)
      }
    }
  }

  /// Adds the text up to a tag, cut by what the tag does to white space before it.
  private mutating func addText(before tag: Int, sign: UInt8, isVariable: Bool) {
    var end = tag
    if sign == UInt8(ascii: "-") {
      end = PythonText.trimmedEnd(source, at..<tag)
    } else if trims, sign != UInt8(ascii: "+"), !isVariable {
      var lineStart = tag
      while lineStart > at, source[lineStart - 1] != 0x0A { lineStart -= 1 }
      if lineStart > at || startsLine, skippingSpace(lineStart) >= tag { end = lineStart }
    }
    if end > at { add(.data(Array(source[at..<end]))) }
    move(to: tag)
  }

  /// Where a statement that ends at `place` lets the text go on: without one line end, or without all white space.
  private func afterBlock(_ place: Int, minus: Bool, plus: Bool) -> Int {
    if minus { return skippingSpace(place) }
    return trims && !plus && place < source.count && source[place] == 0x0A ? place + 1 : place
  }

  private mutating func readComment() throws(TemplateError) {
    var place = at
    while place + 1 < source.count {
      if has("#}", at: place) {
        let sign = place > at ? source[place - 1] : 0
        move(
          to: afterBlock(place + 2, minus: sign == UInt8(ascii: "-"), plus: sign == UInt8(ascii: "+")))
        return
      }
      place += 1
    }
    // Jinja takes a comment that begins where the template ends.
    if at < source.count { throw failure("Missing end of comment tag") }
  }

  // MARK: - Raw blocks

  /// The end of `{% raw %}` whose inside begins at `place`.
  private func rawBegin(_ place: Int) -> Int? {
    var place = skippingSpace(place)
    guard has("raw", at: place) else { return nil }
    place = skippingSpace(place + 3)
    if has("-%}", at: place) { return skippingSpace(place + 3) }
    return has("%}", at: place) ? place + 2 : nil
  }

  private mutating func readRaw() throws(TemplateError) {
    var place = at
    while place + 1 < source.count {
      if has("{%", at: place) {
        var inside = place + 2
        let sign = inside < source.count ? source[inside] : 0
        let signed = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
        if signed { inside += 1 }
        inside = skippingSpace(inside)
        if has("endraw", at: inside) {
          inside = skippingSpace(inside + 6)
          let minus = has("-%}", at: inside)
          let plus = has("+%}", at: inside)
          if minus || plus || has("%}", at: inside) {
            addText(before: place, sign: signed ? sign : 0, isVariable: false)
            move(to: afterBlock(inside + (minus || plus ? 3 : 2), minus: minus, plus: plus))
            return
          }
        }
      }
      place += 1
    }
    if at < source.count { throw failure("Missing end of raw directive") }
  }

  // MARK: - Inside of tags

  private mutating func readInside(isBlock: Bool) throws(TemplateError) {
    awaited = []
    while at < source.count {
      if awaited.isEmpty, try readTagEnd(isBlock: isBlock) { return }
      try readToken()
    }
  }

  private mutating func readTagEnd(isBlock: Bool) throws(TemplateError) -> Bool {
    let minus = source[at] == UInt8(ascii: "-")
    let plus = isBlock && source[at] == UInt8(ascii: "+")
    let place = minus || plus ? at + 1 : at
    guard isBlock ? has("%}", at: place) : has("}}", at: place) else { return false }
    add(isBlock ? .blockEnd : .variableEnd)
    move(to: isBlock || minus ? afterBlock(place + 2, minus: minus, plus: plus) : place + 2)
    return true
  }
}
