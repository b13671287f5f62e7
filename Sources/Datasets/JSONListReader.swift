// Cuts a JSON list into its elements, so that a big .json file is parsed row by row and a bad row has a line number.
import Base

/// Finds where each element of a top-level list begins and ends, without reading what is inside.
struct JSONListReader {
  let text: UnsafeBufferPointer<UInt8>
  let path: String
  private var at = 0
  private var line = 1
  private var opened = false
  private var closed = false

  init(text: UnsafeBufferPointer<UInt8>, path: String) {
    self.text = text
    self.path = path
  }

  /// The bytes of the next element and the line it begins on; nil after the last one.
  /// - Throws: `UserError` if the file is not one list.
  mutating func next() throws -> (range: Range<Int>, line: Int)? {
    if closed { return nil }
    if !opened {
      if text.starts(with: [0xEF, 0xBB, 0xBF]) { at = 3 }
      skipSpace()
      guard peek == UInt8(ascii: "[") else { throw failure("is not a list of rows") }
      opened = true
      at += 1
      skipSpace()
      if peek == UInt8(ascii: "]") { return try close() }
    } else if peek == UInt8(ascii: "]") {
      return try close()
    } else {
      at += 1  // the comma that ended the element before
      skipSpace()
    }
    let start = at
    let startLine = line
    let end = try element(startLine: startLine)
    guard end > start else { throw failure("an element of the list is missing") }
    return (start..<end, startLine)
  }

  private var peek: UInt8? { at < text.count ? text[at] : nil }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
      if byte == 0x0A { line += 1 }
      at += 1
    }
  }

  /// Walks to the comma or bracket after an element and returns the element's end.
  private mutating func element(startLine: Int) throws -> Int {
    var depth = 0
    var inString = false
    while let byte = peek {
      switch byte {
      case 0x0A: line += 1
      case UInt8(ascii: "\\") where inString: at += 1
      case UInt8(ascii: "\""): inString.toggle()
      case _ where inString: break
      case UInt8(ascii: ","), UInt8(ascii: "]"):
        if depth == 0 { return at }
        if byte == UInt8(ascii: "]") { depth -= 1 }
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"): depth -= 1
      default: break
      }
      guard depth >= 0 else { throw failure("a closing brace has no opening one") }
      at += 1
    }
    line = startLine
    throw failure("the row that begins here has no end")
  }

  private mutating func close() throws -> (range: Range<Int>, line: Int)? {
    at += 1
    closed = true
    skipSpace()
    guard at == text.count else { throw failure("more text after the end of the list") }
    return nil
  }

  private func failure(_ reason: String) -> UserError {
    UserError(
      .data, "is not JSON: \(reason)", at: "\(path):\(line)",
      hint: "a .json file holds one list of objects; objects one a line are .jsonl")
  }
}
