// novelty: rows whose texts are unlike all that were kept before, as Self-Instruct has it (Wang et al. 2023).
import Base
import Collectives
import Datasets
import Metrics

package final class Novelty: RoundStep, TextStep {
  package static let name = "novelty"
  package let record = StepRecord()
  let columns: TextColumns
  /// The F1 of ROUGE-L that a row must be below.
  private let limit: Double
  /// The words of texts that were kept, as hashes.
  private var kept: [[UInt64]] = []

  package init(_ section: Section, _ facts: StepFacts) {
    columns = TextColumns(section, usual: TextColumns.asked)
    limit = section.number("rouge_l", default: 0.7, in: 0.01...1)
    guard section.has("against") else { return }
    let (files, mistakes) = DataFileNames.files(
      section.filePaths("against"), at: section.keyPath("against"))
    for mistake in mistakes { section.fail("against", mistake.what, hint: mistake.hint) }
    guard mistakes.isEmpty else { return }
    _ = section.problems.collect {
      try SourceRows(files).read { row in
        let words = words(row.json)
        if !words.isEmpty { kept.append(words) }
      }
    }
  }

  private func words(_ row: JSON) -> [UInt64] {
    columns.texts(of: row).flatMap { text in
      ROUGE.tokens(String(decoding: text, as: UTF8.self)).map { FNV1a($0).value }
    }
  }

  /// Whether a text is as like one of the others as the limit says, or more.
  private func isKnown(_ words: some Collection<UInt64>, among others: some Sequence<[UInt64]>) -> Bool {
    let words = Array(words)
    return others.contains { other in
      let total = Double(words.count + other.count)
      // The longest common part has at most as many words as the shorter text.
      guard 2 * Double(min(words.count, other.count)) >= limit * total, total > 0 else { return false }
      return 2 * Double(ROUGE.longestCommon(words, other)) >= limit * total
    }
  }

  /// What was kept in rounds before is compared with on the rank that has a row, and the rows of the round on all ranks.
  package func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow] {
    let own = rows.map { row -> [UInt64] in
      let words = words(row.json)
      return isKnown(words, among: kept) ? [1] : [0] + words
    }
    let start = kept.count
    var new: [PreparedRow] = []
    for found in ranks.gather(rows, words: own) {
      let words = found.words.dropFirst()
      let isNew = found.words.first == 0 && !isKnown(words, among: kept[start...])
      if isNew, !words.isEmpty { kept.append(Array(words)) }
      guard found.rank == ranks.rank else { continue }
      if isNew { new.append(rows[found.place]) } else { record.remove(rows[found.place], "not new") }
    }
    return new
  }
}
