// Rows of data whose questions have passages before them, as a model is asked them once it answers from an index. In training
// a share of rows lacks the passage that answers, and each has passages that do not help (Zhang et al. 2024, RAFT).
import Base
import Checkpoints
import Collectives
import Datasets
import Metrics

/// Which passages stand before a question.
package struct ContextChoice: Equatable, Sendable {
  /// How many in all.
  package var passages: Int
  /// How many of these are drawn from passages that were found behind the best ones.
  package var distractors = 0
  /// The share of rows from which the passage that answers is taken out.
  package var dropGold = 0.0
  package var seed: UInt64 = 0

  package init(passages: Int) { self.passages = passages }

  /// How many hits it looks at.
  var depth: Int { 4 * passages + 16 }

  /// - Parameters:
  ///   - hits: the best first.
  ///   - gold: the place of the passage that answers; nil where none of them is known to.
  ///   - row: the number of the row: draws depend on it and on the seed alone.
  package func chosen(_ hits: [SearchHit], gold: Int?, row: Int) -> [SearchHit] {
    var random = PhiloxStream(seed: seed, stream: UInt64(row))
    let drops = random.unit() < dropGold
    var others = hits.indices.filter { $0 != gold }
    var kept: [Int] = []
    if let gold, !drops { kept.append(gold) }
    let near = max(passages - distractors - kept.count, 0)
    kept += others.prefix(near)
    others.removeFirst(min(near, others.count))
    while kept.count < passages, !others.isEmpty {
      kept.append(others.remove(at: random.below(others.count)))
    }
    // Without distractors, the best passage comes first, as where questions are asked.
    guard distractors > 0 else { return kept.sorted().map { hits[$0] } }
    for last in stride(from: kept.count - 1, to: 0, by: -1) { kept.swapAt(last, random.below(last + 1)) }
    return kept.map { hits[$0] }
  }
}

package struct RetrievedRows {
  private let search: IndexSearch
  private let encoder: (any PassageEncoder)?
  private let mode: SearchMode
  private let template: PassagePrompt
  private let choice: ContextChoice
  private let ranks: Ranks
  /// Rows whose questions are searched for at once.
  private static let round = 256

  /// What was seen of the rows.
  package struct Summary: Equatable, Sendable {
    package var rows = 0
    /// Rows for which the passage that answers is known.
    package var withGold = 0
  }

  package init(
    _ search: IndexSearch, encoder: (any PassageEncoder)?, mode: SearchMode, template: PassagePrompt,
    choice: ContextChoice, ranks: Ranks
  ) {
    (self.search, self.encoder, self.mode) = (search, encoder, mode)
    (self.template, self.choice, self.ranks) = (template, choice, ranks)
  }

  /// Writes the rows of some files with their passages into a .jsonl file, which must not be there. Collective.
  package func write(_ files: [String], to path: String) throws -> Summary {
    let rows = try ranks.together { try Self.rows(of: files) }
    var summary = Summary(rows: rows.count)
    var text: [UInt8] = []
    for first in stride(from: 0, to: rows.count, by: Self.round) {
      let part = rows[first..<min(first + Self.round, rows.count)]
      var options = SearchOptions()
      (options.mode, options.count) = (mode, choice.depth)
      let found = try search.hits(for: part.map(\.query), options, encoder: encoder)
      try ranks.together {
        for (number, (row, hits)) in zip(part, found).enumerated() {
          let gold = row.gold(among: hits)
          if gold != nil { summary.withGold += 1 }
          let chosen = choice.chosen(hits, gold: gold, row: first + number)
          row.asking(try template.text(row.question, chosen)).write(to: &text)
          text.append(UInt8(ascii: "\n"))
        }
      }
    }
    try ranks.together {
      guard ranks.isFirst else { return }
      try NewFile(path, at: "data.retrieval").write(text)
    }
    return summary
  }

  /// - Throws: rows without a question, at once.
  private static func rows(of files: [String]) throws -> [RetrievedRow] {
    var rows: [RetrievedRow] = []
    var mistakes: [UserError] = []
    let source = SourceRows(files)
    try source.read { row in
      if let found = RetrievedRow(row.json) {
        rows.append(found)
      } else {
        mistakes.append(
          UserError(
            .data, "has no question to search for", at: "\(source.name(of: row.file)):\(row.number)",
            hint:
              "with data.retrieval, a row has \"prompt\", \"instruction\", or \"messages\" that a user begins"
          ))
      }
    }
    try PromptFile.refuse(mistakes, in: files.joined(separator: ", "))
    return rows
  }
}
