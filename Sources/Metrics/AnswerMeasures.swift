// Whether an answer is right, as SQuAD's evaluation script counts it.
import Foundation

package enum AnswerMeasures {
  /// Lower case, without punctuation, articles and spare white space.
  static func words(_ answer: String) -> [Substring] {
    let kept = answer.lowercased().unicodeScalars.filter { !isPunctuation($0) }
    let text = String(String.UnicodeScalarView(kept))
    return text.split(whereSeparator: \.isWhitespace).filter { !["a", "an", "the"].contains($0) }
  }

  /// Python's `string.punctuation`.
  private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: true
    default: false
    }
  }

  /// - Parameter answers: those that are right; none if the question has no answer.
  package static func isExact(_ answer: String, _ answers: [String]) -> Bool {
    (answers.isEmpty ? [""] : answers).contains { words($0) == words(answer) }
  }

  /// The best F1 of words, over the right answers.
  package static func f1(_ answer: String, _ answers: [String]) -> Double {
    (answers.isEmpty ? [""] : answers).map { f1(words(answer), words($0)) }.max() ?? 0
  }

  private static func f1(_ given: [Substring], _ right: [Substring]) -> Double {
    // Where one has no words, they agree or do not.
    guard !given.isEmpty, !right.isEmpty else { return given == right ? 1 : 0 }
    var left = right.reduce(into: [Substring: Int]()) { $0[$1, default: 0] += 1 }
    var both = 0
    for word in given where left[word, default: 0] > 0 {
      left[word]? -= 1
      both += 1
    }
    return 2 * Double(both) / Double(given.count + right.count)
  }
}

extension AnswerMeasures {
  /// Whether the words of an answer stand beside each other in one of some texts, as exact matches compare them. An answer
  /// without words stands nowhere.
  package static func stands(_ answer: String, in texts: [String]) -> Bool {
    let words = words(answer)
    guard !words.isEmpty else { return false }
    return texts.contains { text in
      let all = self.words(text)
      guard all.count >= words.count else { return false }
      return (0...all.count - words.count).contains { all[$0..<$0 + words.count].elementsEqual(words) }
    }
  }
}
