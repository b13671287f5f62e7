// One part of tokenizer.json, read strictly: an error names the place of anything that is missing or has the wrong
// type.
import Base

struct FilePart {
  let json: JSON
  /// The file, for messages.
  let path: String
  /// Where in the file, such as `model.merges[3]`.
  let place: String

  static let hint = "the file may be damaged, or made by a newer version of the tokenizers package"

  func error(_ what: String, hint: String = Self.hint) -> UserError {
    UserError(.data, place.isEmpty ? what : "\(place): \(what)", at: path, hint: hint)
  }

  /// Refuses a component that is not built in, and names it.
  func unsupported(_ kind: String, _ name: String) -> UserError {
    UserError(
      .data, "the \(kind) \(name) is not supported", at: path,
      hint: "it is the part \(place.isEmpty ? "of the whole file" : place) of the file")
  }

  func wrong(_ expected: String) -> UserError { error("this must be \(expected), not \(json.kind)") }

  /// A key's value; nil if it is missing or null.
  func part(_ key: String) -> FilePart? {
    guard let value = json[key], !value.isNull else { return nil }
    return FilePart(json: value, path: path, place: place.isEmpty ? key : place + "." + key)
  }

  func required(_ key: String) throws(UserError) -> FilePart {
    guard json.members != nil else { throw wrong("an object") }
    guard let part = part(key) else { throw error("the key \"\(key)\" is missing") }
    return part
  }

  func elements() throws(UserError) -> [FilePart] {
    guard let elements = json.elements else { throw wrong("a list") }
    return elements.enumerated().map { FilePart(json: $1, path: path, place: "\(place)[\($0)]") }
  }

  func bytes() throws(UserError) -> [UInt8] {
    guard let bytes = json.bytes else { throw wrong("a string") }
    return bytes
  }

  func text() throws(UserError) -> String { String(decoding: try bytes(), as: UTF8.self) }

  func bool() throws(UserError) -> Bool {
    guard let bool = json.bool else { throw wrong("true or false") }
    return bool
  }

  func bool(_ key: String, default value: Bool) throws(UserError) -> Bool {
    guard let part = part(key) else { return value }
    return try part.bool()
  }

  /// A count that is not negative, and small enough to compute with.
  func count() throws(UserError) -> Int {
    guard let value = json.integer, value >= 0, value <= Int(Int32.max) else {
      throw error("this must be a whole number from 0 to \(Int32.max)")
    }
    return value
  }

  /// An id that is small enough for a table of all ids.
  func id() throws(UserError) -> Int32 {
    guard let id = json.integer, id >= 0, id < Vocabulary.largestCount else {
      throw error("an id must be a whole number from 0 to \(Vocabulary.largestCount - 1)")
    }
    return Int32(id)
  }

  /// A string of exactly one character (code point), as its UTF-8 bytes.
  func character() throws(UserError) -> [UInt8] {
    let bytes = try bytes()
    guard let first = bytes.first, UTF8Text.length(first) == bytes.count else {
      throw error("this must be a string of one character")
    }
    return bytes
  }

  /// The name under the key `type`.
  func type() throws(UserError) -> String { try required("type").text() }

  /// The literal text of a `pattern` that is `{"String": …}`; nil for a regular expression.
  func literalPattern() throws(UserError) -> [UInt8]? {
    let pattern = try required("pattern")
    if let text = pattern.part("String") { return try text.bytes() }
    guard pattern.part("Regex") != nil else {
      throw pattern.error("neither \"String\" nor \"Regex\" is here")
    }
    return nil
  }
}
