// Which rows are shown as examples before a question, as lm-evaluation-harness draws them.
import Base

package struct FewshotSampler {
  package enum Kind: String, CaseIterable {
    /// Drawn for each question anew, in its order.
    case random = "default"
    /// The first rows.
    case first = "first_n"
    /// The rows whose words are most like the question's; the harness does not have it.
    case nearest
  }

  private let kind: Kind
  private let docs: [JSON]
  private var random: PythonRandom
  private let vectors: WordVectors?

  package init(_ kind: Kind, docs: [JSON], seed: Int) {
    self.kind = kind
    self.docs = docs
    random = PythonRandom(seed: seed)
    vectors = kind == .nearest ? WordVectors(docs) : nil
  }

  /// - Parameters:
  ///   - question: a row that must not be among them; nil where it comes from other rows.
  ///   - asked: the row that they stand before.
  /// - Throws: a message, where there are too few rows.
  package mutating func sample(
    _ count: Int, without question: JSON?, before asked: JSON = .null
  ) throws(FewshotMistake) -> [JSON] {
    if let vectors {
      let places = vectors.nearest(count, to: asked) { question != nil && docs[$0] == question }
      guard places.count == count else { throw FewshotMistake(asked: count, there: places.count) }
      return places.map { docs[$0] }
    }
    if kind == .first {
      let pool = question.map { question in docs.filter { $0 != question } } ?? docs
      guard count <= pool.count else { throw FewshotMistake(asked: count, there: pool.count) }
      return Array(pool.prefix(count))
    }
    guard let question else { return try draw(count, of: docs) }
    let kept = try draw(count + 1, of: docs).filter { $0 != question }
    if kept.count >= count { return Array(kept.prefix(count)) }
    return try draw(count, of: docs.filter { $0 != question })
  }

  private mutating func draw(_ count: Int, of docs: [JSON]) throws(FewshotMistake) -> [JSON] {
    guard count <= docs.count else { throw FewshotMistake(asked: count, there: docs.count) }
    return random.sample(count, of: docs.count).map { docs[$0] }
  }
}

package struct FewshotMistake: Error {
  var asked: Int
  var there: Int
  var what: String {
    "needs \(counted(asked, "row")) to choose examples from, and there \(there == 1 ? "is" : "are") \(there)"
  }
}
