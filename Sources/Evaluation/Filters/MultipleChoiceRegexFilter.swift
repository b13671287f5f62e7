// multi_choice_regex: the letter of a choice that an answer names, or whose text it holds.
import Base
import Foundation
import Templates

struct MultipleChoiceRegexFilter: ResponseFilter {
  static let name = "multi_choice_regex"
  private let pattern: Pattern?
  private let place: Int
  private let fallback: String
  private let ignoresCase: Bool
  private let ignoresPunctuation: Bool
  private let ignored: [Pattern]

  init(_ keys: Section) {
    pattern = FilterPipeline.patterns(keys, "regex_pattern", usual: RegexFilter.usual).first
    place = keys.integer("group_select", default: 0)
    fallback = keys.plainText("fallback") ?? "[invalid]"
    ignoresCase = keys.bool("ignore_case", default: false)
    ignoresPunctuation = keys.bool("ignore_punctuation", default: false)
    ignored = keys.has("regexes_to_ignore") ? FilterPipeline.patterns(keys, "regexes_to_ignore") : []
  }

  func apply(_ responses: [JSON], doc: JSON) throws(FilterMistake) -> JSON {
    guard let choices = doc["choices"]?.elements?.compactMap(\.text) else {
      throw FilterMistake(what: "reads the column \"choices\", a list of texts")
    }
    var letters: [String: String] = [:]
    var texts: [String] = []
    var names: [String] = []
    for (place, choice) in choices.enumerated() {
      let letter = Unicode.Scalar(UInt32(0x41 + place)).map { String(Character($0)) } ?? "?"
      let text = try normal(RegexMatch.stripped(choice))
      letters[text] = "(\(letter))"
      texts.append(Pattern.escaped(text))
      names.append(letter)
    }
    // The longest first, so that one that begins another does not hide it.
    let sorted = texts.enumerated().sorted {
      ($1.element.unicodeScalars.count, $0.offset) < ($0.element.unicodeScalars.count, $1.offset)
    }
    let byText = try compiled(sorted.map(\.element).joined(separator: "|"))
    let byLetter = try compiled(#":[\s]*("# + names.joined(separator: "|") + ")")
    return try Self.each(responses) { response throws(FilterMistake) in
      if let pattern, let found = try RegexMatch.find(pattern, response, place), !found.isEmpty {
        return .string(found)
      }
      if let found = try RegexMatch.find(byText, normal(response), place), !found.isEmpty {
        return .string(letters[found] ?? found)
      }
      if let found = try RegexMatch.find(byLetter, response, place), !found.isEmpty {
        return .string(names.contains(found) ? "(\(found))" : found)
      }
      return .string(fallback)
    }
  }

  private func compiled(_ text: String) throws(FilterMistake) -> Pattern {
    do throws(PatternMistake) { return try Pattern(text) } catch { throw FilterMistake(what: error.what) }
  }

  private func normal(_ text: String) throws(FilterMistake) -> String {
    var text = text
    for pattern in ignored {
      do throws(PatternMistake) { text = try pattern.replacing(text, by: "") } catch {
        throw FilterMistake(what: error.what)
      }
    }
    if ignoresCase { text = String(decoding: PythonText.lowercased(Array(text.utf8)), as: UTF8.self) }
    guard ignoresPunctuation else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.filter { !Self.isPunctuation($0) }))
  }

  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
      .finalPunctuation, .otherPunctuation:
      true
    default: false
    }
  }
}
