// Which of several answers to one prompt is taken: the one whose result most of them have.
import Base

struct Vote {
  let samples: Int
  /// The share of the samples that must agree.
  private let agree: Double
  /// What they agree in: the last match, or its first group; nil for the whole answer.
  private let pattern: Regex<AnyRegexOutput>?

  /// Reads `samples`, `agree` and `answer`.
  init(_ section: Section) {
    samples = section.integer("samples", default: 1, in: 1...1000)
    agree = section.number("agree", default: 0.5, in: 0...1)
    if samples == 1, section.has("agree") {
      section.fail("agree", "is for several samples", hint: "give samples, or leave it out")
    }
    var pattern: Regex<AnyRegexOutput>?
    if section.has("answer") {
      do { pattern = try Regex(section.text("answer")) } catch {
        section.fail("answer", "is not a regular expression", hint: "such as 'answer is (-?[0-9]+)'")
      }
    }
    self.pattern = pattern
  }

  struct Reason: Error {
    let words: String
    var facts: [(String, JSON)] = []
  }

  /// The first answer with the result that most answers have.
  /// - Parameter answers: those that count, of `samples`.
  func chosen(of answers: [[UInt8]]) -> Result<[UInt8], Reason> {
    let texts = answers.filter { !$0.isEmpty }
    guard !texts.isEmpty else { return .failure(Reason(words: "empty answer")) }
    var votes: [(result: Substring, text: [UInt8], count: Int)] = []
    for text in texts {
      guard let result = result(of: String(decoding: text, as: UTF8.self)) else { continue }
      if let place = votes.firstIndex(where: { $0.result == result }) {
        votes[place].count += 1
      } else {
        votes.append((result, text, 1))
      }
    }
    guard let most = votes.map(\.count).max(), let best = votes.first(where: { $0.count == most }) else {
      return .failure(
        Reason(words: "no answer of that form", facts: [("answer", StepRecord.cut(texts[0]))]))
    }
    guard samples == 1 || Double(most) >= agree * Double(samples) else {
      return .failure(Reason(words: "too few agree", facts: [("most", .integer(most))]))
    }
    return .success(best.text)
  }

  private func result(of text: String) -> Substring? {
    guard let pattern else { return text[...] }
    guard let match = text.matches(of: pattern).last else { return nil }
    return match.output.count > 1 ? match.output[1].substring ?? text[match.range] : text[match.range]
  }
}
