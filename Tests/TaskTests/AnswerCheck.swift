// Answers every kind of question again, from the words of the question alone and in another way than the generator.
import Foundation

enum AnswerCheck {
  /// The names of all kinds that are checked here.
  static let kinds: Set<String> = [
    "first-letter", "last-letter", "uppercase", "reverse", "count-letter", "sort-letters", "sort-numbers",
    "larger-number", "addition", "number-in-words", "calendar", "unit-conversion", "opposite",
  ]

  /// The right answer; nil if the question is not understood.
  static func answer(_ kind: String, _ prompt: String) -> String? {
    guard prompt.hasSuffix("?") else { return nil }
    let words = prompt.dropLast().split(separator: " ").map(String.init)
    let numbers = words.compactMap { Int($0) }
    switch kind {
    case "first-letter":
      return subject(of: words, in: ["first", "letter", "of", "starts", "with"])?.first.map(String.init)
    case "last-letter":
      return subject(of: words, in: ["last", "letter", "of", "ends", "with"])?.last.map(String.init)
    case "uppercase":
      let word = subject(of: words, in: ["uppercase", "in", "capitals"])
      return word.map { String($0.unicodeScalars.map { Character(Unicode.Scalar($0.value - 32)!) }) }
    case "reverse":
      guard words.count == 2 else { return nil }
      return words[1].reduce("") { "\($1)" + $0 }
    case "count-letter":
      guard words.count == 5 else { return nil }
      return String(words[4].components(separatedBy: words[2]).count - 1)
    case "sort-letters":
      guard words.count == 2 else { return nil }
      return String("abcdefghij".filter { words[1].contains($0) })
    case "sort-numbers":
      guard numbers.count == 3 else { return nil }
      return (0...9).filter { numbers.contains($0) }.map(String.init).joined(separator: " ")
    case "larger-number":
      guard numbers.count == 2 else { return nil }
      return String((0...99).last { numbers.contains($0) } ?? -1)
    case "addition":
      guard numbers.count == 2 else { return nil }
      return String(numbers.reduce(0, +))
    case "number-in-words":
      let formatter = NumberFormatter()
      formatter.numberStyle = .spellOut
      formatter.locale = Locale(identifier: "en")
      return numbers.first.flatMap { formatter.string(from: NSNumber(value: $0)) }
    case "calendar": return calendar(words)
    case "unit-conversion": return conversion(words, numbers)
    case "opposite":
      let phrase = "what is the opposite of name which word to antonym contrary".split(separator: " ")
      return subject(of: words, in: phrase.map(String.init)).flatMap { opposites[$0] }
    default: return nil
    }
  }

  /// The only word that is not part of the phrase.
  private static func subject(of words: [String], in phrase: [String]) -> String? {
    let rest = words.filter { !phrase.contains($0) }
    return rest.count == 1 ? rest[0] : nil
  }

  private static let english: DateFormatter = {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en")
    return formatter
  }()
  private static let days: [String] = english.weekdaySymbols.map { $0.lowercased() }
  private static let months: [String] = english.monthSymbols.map { $0.lowercased() }
  static let calendarNames = Set(days + months)

  private static func calendar(_ words: [String]) -> String? {
    let back = words.contains { ["before", "precedes", "last", "preceding"].contains($0) }
    let forward = words.contains { ["after", "follows", "next", "then", "following"].contains($0) }
    let circle = words.contains("day") ? days : months
    guard back != forward, let asked = circle.firstIndex(where: { words.contains($0) }) else { return nil }
    return circle[(asked + circle.count + (back ? -1 : 1)) % circle.count]
  }

  private static func conversion(_ words: [String], _ numbers: [Int]) -> String? {
    // The value in the smallest unit of its kind.
    let sizes = [
      "mm": 1, "cm": 10, "m": 1000, "km": 1_000_000, "g": 1, "kg": 1000, "minutes": 1, "hours": 60, "days": 1,
      "weeks": 7,
    ]
    let units = words.compactMap { sizes[$0] }
    guard units.count == 2, numbers.count == 1, let large = units.max(), let small = units.min() else {
      return nil
    }
    return String(numbers[0] * large / small)
  }

  static let opposites: [String: String] = {
    let pairs = """
      hot cold big small up down open closed wet dry old new fast slow high low full empty hard soft day night
      black white good bad rich poor early late left right strong weak long short happy sad clean dirty
      light dark first last near far loud quiet
      """.split(whereSeparator: \.isWhitespace).map(String.init)
    var table: [String: String] = [:]
    for index in stride(from: 0, to: pairs.count, by: 2) {
      table[pairs[index]] = pairs[index + 1]
      table[pairs[index + 1]] = pairs[index]
    }
    return table
  }()
}
