// remove_whitespace, lowercase, uppercase: answers in another spelling.
import Base
import Templates

struct WhitespaceFilter: ResponseFilter {
  static let name = "remove_whitespace"
  init(_ keys: Section) {}
  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON {
    try Self.each(responses) { .string(RegexMatch.stripped($0)) }
  }
}

struct LowercaseFilter: ResponseFilter {
  static let name = "lowercase"
  init(_ keys: Section) {}
  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON {
    try Self.each(responses) { .string(PythonText.lowercased(Array($0.utf8))) }
  }
}

struct UppercaseFilter: ResponseFilter {
  static let name = "uppercase"
  init(_ keys: Section) {}
  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON {
    try Self.each(responses) { .string(PythonText.uppercased(Array($0.utf8))) }
  }
}
