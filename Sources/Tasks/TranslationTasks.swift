// Numbers and dates that are translated into words and back: small translations whose right answer is known.
import Base

/// Whole numbers and dates, in figures and in words of small letters without punctuation.
enum SpokenFigures {
  static let small = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
  ]
  static let tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
  static let ordinals = [
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
    "eighteenth", "nineteenth", "twentieth",
  ]
  static let months = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
    "november", "december",
  ]
  private static let days = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

  /// A number of 0..<1,000,000 in words, such as `four thousand eight hundred thirty two`.
  static func words(_ number: Int) -> String {
    if number < 20 { return small[number] }
    for (unit, name) in [(1000, "thousand"), (100, "hundred")] where number >= unit {
      let rest = number % unit
      return words(number / unit) + " " + name + (rest == 0 ? "" : " " + words(rest))
    }
    return tens[number / 10 - 2] + (number % 10 == 0 ? "" : " " + small[number % 10])
  }

  /// A day of a month, 1...31, such as `twenty first`.
  static func ordinal(_ day: Int) -> String {
    if day <= 20 { return ordinals[day - 1] }
    return day == 30 ? "thirtieth" : tens[day / 10 - 2] + " " + ordinals[day % 10 - 1]
  }

  /// A number below a million, of any number of digits as often.
  static func number(using random: inout PhiloxStream) -> (figures: String, words: String) {
    let digits = random.pick(1...6)
    var most = 1
    for _ in 0..<digits { most *= 10 }
    let number = random.below(most)
    return (String(number), words(number))
  }

  /// A date from 1000 to 2999, such as `1987 3 21` and
  /// `the twenty first of march one thousand nine hundred eighty seven`.
  static func date(using random: inout PhiloxStream) -> (figures: String, words: String) {
    let (year, month) = (random.pick(1000...2999), random.below(12))
    let day = random.pick(1...days[month])
    return (
      "\(year) \(month + 1) \(day)", "the \(ordinal(day)) of \(months[month]) \(words(year))"
    )
  }
}

/// Figures into words, or words into figures; the first word of the source says which.
struct Translation: CheckableTask {
  let name: String
  let isIntoWords: Bool
  let pair: @Sendable (inout PhiloxStream) -> (figures: String, words: String)

  func example(using random: inout PhiloxStream) -> TaskExample {
    let (figures, words) = pair(&random)
    return isIntoWords ? TaskExample("words " + figures, words) : TaskExample("figures " + words, figures)
  }

  static let all: [any CheckableTask] = [
    Translation(name: "number-into-words", isIntoWords: true) { SpokenFigures.number(using: &$0) },
    Translation(name: "words-into-number", isIntoWords: false) { SpokenFigures.number(using: &$0) },
    Translation(name: "date-into-words", isIntoWords: true) { SpokenFigures.date(using: &$0) },
    Translation(name: "words-into-date", isIntoWords: false) { SpokenFigures.date(using: &$0) },
  ]
}
