// How well a search finds what is relevant, as trec_eval counts it (and pytrec_eval, which calls it): the means over all
// questions.
import Foundation

package struct RetrievalMeasures {
  /// The measures of one question, whose ranking is cut at a depth.
  private struct Question {
    /// Grades of what was found, in order; 0 for what is not relevant.
    let grades: [Int]
    /// All grades above 0, the highest first.
    let ideal: [Int]
  }

  private var questions: [Question] = []

  package init() {}

  /// - Parameters:
  ///   - found: documents with their scores. They are ordered as trec_eval orders them: by score in fp32, and of equal
  ///     scores the one whose id comes last in the alphabet first.
  ///   - relevant: the grade of each relevant document; those of 0 or less are not.
  package mutating func count(_ found: [(id: String, score: Double)], relevant: [String: Int]) {
    let order = found.sorted { a, b in
      let (first, second) = (Float(a.score), Float(b.score))
      return first == second ? b.id.utf8.lexicographicallyPrecedes(a.id.utf8) : first > second
    }
    questions.append(
      Question(
        grades: order.map { max(relevant[$0.id] ?? 0, 0) },
        ideal: relevant.values.filter { $0 > 0 }.sorted(by: >)))
  }

  package var count: Int { questions.count }

  /// `recall_k`: the share of the relevant documents that are among the first `k`; 0 where none is relevant.
  package func recall(at k: Int) -> Double {
    mean { $0.ideal.isEmpty ? 0 : Double($0.grades.prefix(k).count { $0 > 0 }) / Double($0.ideal.count) }
  }

  /// `recip_rank`: 1 / the place of the first relevant one; 0 where none was found.
  package var reciprocalRank: Double {
    mean { question in question.grades.firstIndex { $0 > 0 }.map { 1 / Double($0 + 1) } ?? 0 }
  }

  /// `ndcg_cut_k`: the sum of grade / log2(place + 1) over the first `k`, as a share of what the best order would have.
  package func gain(at k: Int) -> Double {
    mean { question in
      let ideal = Self.gain(question.ideal.prefix(k))
      return ideal > 0 ? Self.gain(question.grades.prefix(k)) / ideal : 0
    }
  }

  private static func gain(_ grades: ArraySlice<Int>) -> Double {
    grades.enumerated().reduce(0) { $0 + Double($1.element) / log2(Double($1.offset + 2)) }
  }

  private func mean(_ measure: (Question) -> Double) -> Double {
    questions.reduce(0) { $0 + measure($1) } / Double(max(questions.count, 1))
  }
}
