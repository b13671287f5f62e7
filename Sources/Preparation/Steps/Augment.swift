// augment: copies of rows that differ a little, beside the rows themselves.
import Base
import Datasets

package final class Augment: RowStep, TextStep {
  package static let name = "augment"
  package let record = StepRecord()
  let columns: TextColumns
  private let facts: StepFacts
  private let copies: Int
  private let keepsOriginal: Bool
  private var augmentation = TextAugmentation()

  package init(_ section: Section, _ facts: StepFacts) {
    self.facts = facts
    columns = TextColumns(section, usual: TextColumns.asked)
    copies = section.integer("copies", default: 1, in: 1...1000)
    keepsOriginal = section.bool("keep_original", default: true)
    augmentation.caseShare = section.number("case", default: 0, in: 0...1)
    augmentation.typos = section.number("typos", default: 0, in: 0...1)
    augmentation.spanDeletion = section.number("span_deletion", default: 0, in: 0...1)
    augmentation.shufflesSentences = section.bool("sentence_shuffle", default: false)
    if section.has("synonyms") {
      let path = section.filePath("synonyms")
      augmentation.synonyms = section.problems.collect { try Self.synonyms(path, section) } ?? [:]
      augmentation.synonymShare = section.number("synonym_share", default: 0.1, in: 0...1)
    } else if section.has("synonym_share") {
      section.fail("synonym_share", "is for synonyms: FILE", hint: "name a file")
    }
    let does =
      augmentation.caseShare > 0 || augmentation.typos > 0 || augmentation.spanDeletion > 0
      || augmentation.shufflesSentences || section.has("synonyms")
    if !does {
      section.failWhole(
        "changes nothing", hint: "give case, typos, synonyms, span_deletion or sentence_shuffle")
    }
  }

  /// A line of the file has words of one meaning, with commas or tabs between them.
  private static func synonyms(_ path: String, _ section: Section) throws -> [String: [String]] {
    if let missing = UserError.noFile(path, at: section.keyPath("synonyms")) { throw missing }
    guard let text = String(validating: try OpenFile.contents(path), as: UTF8.self) else {
      throw UserError(.data, "is not UTF-8", at: path, hint: "convert it to UTF-8")
    }
    var all: [String: [String]] = [:]
    for line in text.split(whereSeparator: \.isNewline) {
      let words = line.split { $0 == "," || $0 == "\t" }.map { word in
        String(word.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()).lowercased()
      }.filter { !$0.isEmpty }
      for word in words {
        for other in words where other != word && all[word]?.contains(other) != true {
          all[word, default: []].append(other)
        }
      }
    }
    guard !all.isEmpty else {
      throw UserError(
        .data, "has no words of one meaning", at: path, hint: "a line is such as big, large, huge")
    }
    return all
  }

  package func apply(to row: PreparedRow) throws -> [PreparedRow] {
    // What is kept apart for validation stays as it is.
    guard row.split == 0 else { return [row] }
    var rows = keepsOriginal ? [row] : []
    for number in 1...copies {
      var copy = row
      copy.order.copy = row.order.copy * 1001 + UInt64(number)
      var random = copy.random(seed: facts.seed, step: facts.index)
      var difference: (old: [UInt8], new: [UInt8])?
      copy.json = columns.mapped(row.json) { text in
        let new = augmentation.applied(to: text, &random)
        guard new != text else { return nil }
        difference = difference ?? (text, new)
        return new
      }
      // A copy of the same text would only weigh it twice.
      guard let difference else { continue }
      record.copy(copy, from: difference.old, to: difference.new)
      rows.append(copy)
    }
    return rows
  }
}
