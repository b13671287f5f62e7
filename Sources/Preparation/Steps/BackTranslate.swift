// back_translate: copies of rows whose texts were translated into another language and back (Sennrich et al. 2016).
import Base
import Collectives

package final class BackTranslate: ModelStep, TextStep {
  package static let name = "back_translate"
  package let record = StepRecord()
  package let modelFolders: [String]
  package let modelUse = ModelUse.answers(isChat: false)
  let columns: TextColumns
  private let facts: StepFacts
  private let copies: Int
  private let keepsOriginal: Bool
  private let form: AnswerRequest
  /// What stands before each text for the two models, such as "translate English to German: ".
  private let prefixes: [[UInt8]]
  private var models: [any TextModel] = []

  package init(_ section: Section, _ facts: StepFacts) {
    self.facts = facts
    modelFolders = ["there", "back"].map { section.filePath($0) }
    columns = TextColumns(section, usual: TextColumns.asked)
    copies = section.integer("copies", default: 1, in: 1...100)
    keepsOriginal = section.bool("keep_original", default: true)
    form = AnswerRequest(section, temperature: 0)
    prefixes = ["there_prefix", "back_prefix"].map { Array(section.text($0, default: "").utf8) }
    if copies > 1, form.temperature == 0 {
      section.fail(
        "copies", "is \(copies), and all are alike with temperature 0", hint: "set temperature: 0.7")
    }
  }

  package func take(_ models: [any TextModel]) { self.models = models }

  package func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow] {
    try ranks.together {
      // What is kept apart for validation stays as it is.
      let asked = rows.filter { $0.split == 0 }
      let texts = asked.map { columns.texts(of: $0.json) }
      var copiesOf: [RowOrder: [PreparedRow]] = [:]
      for number in 1...copies {
        let new = try translated(texts, of: asked, copy: number)
        for (row, (old, new)) in zip(asked, zip(texts, new)) {
          guard let copy = copied(row, number, old, new) else { continue }
          copiesOf[row.order, default: []].append(copy)
        }
      }
      return rows.flatMap { row in
        (keepsOriginal || row.split != 0 ? [row] : []) + (copiesOf[row.order] ?? [])
      }
    }
  }

  /// The texts of rows there and back.
  private func translated(
    _ texts: [[[UInt8]]], of rows: [PreparedRow], copy: Int
  ) throws -> [[[UInt8]]] {
    var flat = texts.flatMap { $0 }
    let owners = texts.enumerated().flatMap { row, texts in texts.indices.map { (row: row, place: $0) } }
    for (direction, model) in models.enumerated() {
      // A text that became empty stays so.
      let asked = flat.indices.filter { !flat[$0].isEmpty }
      let draws = asked.map {
        rows[owners[$0].row].draw(copy << 32 | owners[$0].place << 1 | direction, step: facts.index)
      }
      do {
        let answers = try model.answers(
          to: asked.map { prefixes[direction] + flat[$0] }, draws: draws, seed: facts.seed, form)
        for (text, answer) in zip(asked, answers) { flat[text] = answer.text }
      } catch let mistake as PromptMistake {
        throw UserError(.data, mistake.what, at: record.place(rows[owners[asked[mistake.prompt]].row]))
      }
    }
    var rest = flat[...]
    return texts.map { own in
      defer { rest = rest.dropFirst(own.count) }
      return Array(rest.prefix(own.count))
    }
  }

  /// nil where no text has changed.
  private func copied(_ row: PreparedRow, _ number: Int, _ old: [[UInt8]], _ new: [[UInt8]]) -> PreparedRow? {
    guard let place = old.indices.first(where: { !new[$0].isEmpty && new[$0] != old[$0] }) else { return nil }
    var copy = row
    copy.order.copy = row.order.copy * 1001 + UInt64(number)
    var next = 0
    copy.json = columns.mapped(row.json) { text in
      defer { next += 1 }
      return new[next].isEmpty || new[next] == text ? nil : new[next]
    }
    record.copy(copy, from: old[place], to: new[place])
    return copy
  }
}
