// regex: what a regular expression finds in an answer.
import Base
import Templates

struct RegexFilter: ResponseFilter {
  static let name = "regex"
  static let usual = #"#### (\-?[0-9\.\,]+)"#
  private let pattern: Pattern?
  private let place: Int
  private let fallback: String

  init(_ keys: Section) {
    pattern = FilterPipeline.patterns(keys, "regex_pattern", usual: Self.usual).first
    place = keys.integer("group_select", default: 0)
    fallback = keys.plainText("fallback") ?? "[invalid]"
  }

  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON {
    try Self.each(responses) { text throws(FilterMistake) in
      guard let pattern, let found = try RegexMatch.find(pattern, text, place) else {
        return .string(fallback)
      }
      return .string(found)
    }
  }
}

enum RegexMatch {
  /// What the chosen one of all matches gives, without white space around it: its first group that is not empty.
  /// - Returns: nil where nothing matches.
  static func find(_ pattern: Pattern, _ text: String, _ place: Int) throws(FilterMistake) -> String? {
    let matches: [[String]]
    do throws(PatternMistake) { matches = try pattern.findAll(in: text) } catch {
      throw FilterMistake(what: error.what)
    }
    guard !matches.isEmpty else { return nil }
    let index = place < 0 ? place + matches.count : place
    guard matches.indices.contains(index) else {
      throw FilterMistake(what: "selects match \(place), and an answer has \(matches.count)")
    }
    let found = matches[index]
    guard found.count > 1 else { return stripped(found[0]) }
    return found.first { !$0.isEmpty }.map(stripped)
  }

  static func stripped(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let start = PythonText.trimmedStart(bytes, bytes.indices)
    return String(decoding: bytes[start..<PythonText.trimmedEnd(bytes, start..<bytes.count)], as: UTF8.self)
  }
}
