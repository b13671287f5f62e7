// filter: rows by the length of their texts, by what these are made of, and by a condition.
import Base
import Templates

package final class Filter: RowStep, TextStep {
  package static let name = "filter"
  package let record = StepRecord()
  let columns: TextColumns
  private let characters: ClosedRange<Int>
  private let words: ClosedRange<Int>
  private let letters: Double
  private let repeated: Double
  private let condition: Template?

  package init(_ section: Section, _ facts: StepFacts) {
    func range(_ what: String) -> ClosedRange<Int> {
      let least = section.integer("min_\(what)", default: 0, in: 0...Int.max)
      let most = section.has("max_\(what)") ? section.integer("max_\(what)", in: 0...Int.max) : Int.max
      guard least <= most else {
        section.fail("min_\(what)", "is \(least), and max_\(what) is \(most)")
        return 0...Int.max
      }
      return least...most
    }
    characters = range("characters")
    words = range("words")
    letters = section.number("min_letters", default: 0, in: 0...1)
    repeated = section.number("max_repeated", default: 1, in: 0...1)
    let columnsAreGiven = section.has("columns")
    columns = TextColumns(section)
    var condition: Template?
    if section.has("where") {
      let source = section.text("where")
      do {
        // A condition of its own first, so that nothing else can stand there.
        condition = try Template("{% if (\(source)) %}1{% endif %}")
      } catch {
        section.fail("where", error.message, hint: "a condition such as score > 0.5 and lang == \"en\"")
      }
    }
    self.condition = condition
    let looks = characters != 0...Int.max || words != 0...Int.max || letters > 0 || repeated < 1
    if !looks, condition == nil, !section.has("where") {
      section.failWhole(
        "keeps every row",
        hint: "give min_characters, max_characters, min_words, max_words, min_letters, max_repeated or where")
    }
    looksAtTexts = looks
    if !looks, columnsAreGiven {
      section.fail("columns", "are not looked at by where", hint: "leave them out")
    }
  }

  private let looksAtTexts: Bool

  package func apply(to row: PreparedRow) throws -> [PreparedRow] {
    if let reason = try self.reason(row.json) {
      record.remove(row, reason.what, reason.facts)
      return []
    }
    return [row]
  }

  /// Why a row goes; nil where it stays. All texts of a row count together.
  package func reason(_ json: JSON) throws -> (what: String, facts: [(String, JSON)])? {
    if looksAtTexts {
      let measures = TextMeasures(columns.texts(of: json))
      if measures.characters < characters.lowerBound {
        return ("shorter than min_characters", [("characters", .integer(measures.characters))])
      }
      if measures.characters > characters.upperBound {
        return ("longer than max_characters", [("characters", .integer(measures.characters))])
      }
      if measures.words < words.lowerBound {
        return ("shorter than min_words", [("words", .integer(measures.words))])
      }
      if measures.words > words.upperBound {
        return ("longer than max_words", [("words", .integer(measures.words))])
      }
      if measures.letterShare < letters {
        return ("fewer letters than min_letters", [("letters", .number(measures.letterShare))])
      }
      if measures.repeatedShare > repeated {
        return ("more repeated than max_repeated", [("repeated", .number(measures.repeatedShare))])
      }
    }
    guard let condition else { return nil }
    do throws(TemplateError) {
      return try condition.render(json.members ?? []).text.isEmpty ? ("where", []) : nil
    } catch { throw UserError(.data, "where: \(error.message)") }
  }
}

/// What texts of one row are made of.
struct TextMeasures {
  /// Code points.
  private(set) var characters = 0
  private(set) var words = 0
  private var letters = 0
  private var blanks = 0
  private var repeated = 0

  init(_ texts: [[UInt8]]) {
    for text in texts {
      var isInWord = false
      for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
        characters += 1
        let value = scalar.value
        let (isLetter, isBlank) =
          value < 0x80
          ? ((0x61...0x7A).contains(value | 0x20), value == 0x20 || (0x09...0x0D).contains(value))
          : (scalar.properties.isAlphabetic, scalar.properties.isWhitespace)
        if isLetter { letters += 1 }
        if isBlank { blanks += 1 }
        if !isBlank, !isInWord { words += 1 }
        isInWord = !isBlank
      }
      var seen: Set<ArraySlice<UInt8>> = []
      for line in text.split(separator: 0x0A) where !seen.insert(line).inserted {
        repeated += line.count { $0 & 0xC0 != 0x80 }
      }
    }
  }

  /// The share of letters among the characters that are no white space; 1 without any.
  var letterShare: Double { characters > blanks ? Double(letters) / Double(characters - blanks) : 1 }

  /// The share of characters that stand in a line that has stood before in its text.
  var repeatedShare: Double { characters > 0 ? Double(repeated) / Double(characters) : 0 }
}
