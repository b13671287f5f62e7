// A kind of question that has one right answer, which follows from the question.
import Base

package protocol CheckableTask: Sendable {
  /// The name, unique in the catalogue.
  var name: String { get }
  /// A question and its answer; equal draws give equal examples.
  func example(using random: inout PhiloxStream) -> TaskExample
}

/// A question and its one right answer, both without white space around them.
package struct TaskExample: Hashable, Sendable {
  package var prompt: String
  package var answer: String

  package init(_ prompt: String, _ answer: String) {
    self.prompt = prompt
    self.answer = answer
  }
}

extension PhiloxStream {
  /// A random element, all equally likely. The list must not be empty.
  mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }

  mutating func pick(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

  /// Different elements in random order.
  mutating func pick<Element>(_ count: Int, of list: [Element]) -> [Element] {
    var list = list
    for place in 0..<count { list.swapAt(place, place + below(list.count - place)) }
    return Array(list[..<count])
  }
}

/// Ways to ask the same question, with `X` for the word that it is about.
///
/// If a kind has few facts, many ways of asking let the held-out questions ask for facts that were trained on in
/// other words.
struct Phrasings: Sendable {
  var ways: [String]

  init(_ ways: String...) { self.ways = ways }

  func ask(_ subject: String, using random: inout PhiloxStream) -> String {
    String(random.pick(ways).flatMap { $0 == "X" ? Array(subject) : [$0] })
  }
}
