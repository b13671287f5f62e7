// synthesize: what a language model answers to prompts made from rows; for each row, or for new rows made from examples
// (Self-Instruct, Wang et al. 2023). Of several answers to one prompt, the one that most agree in (Wang et al. 2022).
import Base
import Collectives
import Templates

package final class Synthesize: ModelStep {
  package static let name = "synthesize"
  package let record = StepRecord()
  package let modelFolders: [String]
  package var modelUse: ModelUse { .answers(isChat: form.isChat) }
  private let facts: StepFacts
  private var form: AnswerRequest
  private let template: Template?
  /// The column of the answer.
  private let target: [UInt8]
  /// New rows; nil to answer for each row.
  private let count: Int?
  /// Rows that a prompt for a new row shows.
  private let examples: Int
  private var pool = RowPool(limit: 1000)
  private let vote: Vote
  private let keepsCut: Bool
  private var model: (any TextModel)?
  /// New rows for which the model is asked at once.
  private static let batch = 128

  package init(_ section: Section, _ facts: StepFacts) {
    self.facts = facts
    modelFolders = [section.filePath("model")]
    count = section.has("count") ? section.integer("count", in: 1...1 << 32) : nil
    examples = section.integer("examples", default: 3, in: 1...100)
    if count == nil, section.has("examples") {
      section.fail("examples", "is for new rows", hint: "give count, or leave it out")
    }
    target = Array(section.text("into", default: count == nil ? "completion" : "prompt").utf8)
    vote = Vote(section)
    form = AnswerRequest(section, temperature: count == nil && vote.samples == 1 ? 0 : 0.7)
    form.isChat = section.bool("chat", default: false)
    if vote.samples > 1, form.temperature == 0 {
      section.fail("samples", "is \(vote.samples), and all are alike with temperature 0")
    }
    keepsCut = section.bool("keep_cut", default: false)
    let source = section.text("prompt")
    do throws(TemplateError) {
      template = source.isEmpty ? nil : try Template(source)
    } catch {
      template = nil
      section.fail(
        "prompt", error.message, hint: "a Jinja template with the columns of a row, or with examples")
    }
  }

  package func take(_ models: [any TextModel]) { model = models.first }

  package func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow] {
    guard count == nil else {
      for row in rows where row.split == 0 { pool.add(row, draw: row.draw(0, step: facts.index + 1 << 20)) }
      return rows
    }
    return try ranks.together {
      let prompts = try rows.map { try prompt($0.json.members ?? [], record.place($0)) }
      return try answered(rows, prompts) { record.place(rows[$0]) }
    }
  }

  package var addsRows: Bool { count != nil }

  /// New rows, of which each rank makes some.
  package func lastRows(_ ranks: Ranks) throws -> [PreparedRow] {
    guard let count else { return [] }
    let pool = try pool.gathered(ranks)
    return try ranks.together {
      guard !pool.isEmpty else {
        throw UserError(.data, "there is no row to show as an example", at: Self.name)
      }
      var made: [PreparedRow] = []
      let own = Array(stride(from: ranks.rank, to: count, by: ranks.count))
      for start in stride(from: 0, to: own.count, by: Self.batch) {
        let numbers = own[start..<min(start + Self.batch, own.count)]
        let rows = numbers.map { number in
          var order = RowOrder(row: number)
          // Behind all others, and unlike what another such step makes.
          (order.place, order.copy) = (.max, UInt64(facts.index + 1) << 32)
          return PreparedRow(order: order, json: .object([]))
        }
        let prompts = try rows.map { row in
          let chosen = shown(of: pool, for: row)
          let members = [
            JSON.Member(key: Array("examples".utf8), value: .array(chosen.map(\.json))),
            JSON.Member(key: Array("number".utf8), value: .integer(Int(row.order.row))),
          ]
          return try prompt(members, "\(Self.name): new row \(row.order.row + 1)")
        }
        made += try answered(rows, prompts) { "\(Self.name): new row \(rows[$0].order.row + 1)" }
      }
      return made
    }
  }

  /// Different rows in random order.
  private func shown(of pool: [PreparedRow], for row: PreparedRow) -> [PreparedRow] {
    var random = row.random(seed: facts.seed, step: facts.index)
    var places = Array(pool.indices)
    return (0..<min(examples, pool.count)).map { taken in
      places.swapAt(taken, taken + random.below(places.count - taken))
      return pool[places[taken]]
    }
  }

  private func prompt(_ members: [JSON.Member], _ place: String) throws -> [UInt8] {
    guard let template else { preconditionFailure("a recipe without a prompt is refused") }
    do throws(TemplateError) {
      // Jinja drops a line end at the end of a template, where a prompt means it.
      let end = template.source.last == UInt8(ascii: "\n") ? [UInt8(ascii: "\n")] : []
      return try template.render(members).text + end
    } catch { throw UserError(.data, "prompt: \(error.message)", at: place) }
  }

  /// The rows with their answers, without those that have none.
  private func answered(
    _ rows: [PreparedRow], _ prompts: [[UInt8]], at place: (Int) -> String
  ) throws -> [PreparedRow] {
    guard let model else { preconditionFailure("the model is given before any row") }
    let samples = vote.samples
    let all: [TextAnswer]
    do {
      all = try model.answers(
        to: prompts.flatMap { [[UInt8]](repeating: $0, count: samples) },
        draws: rows.flatMap { row in (0..<samples).map { row.draw($0, step: facts.index) } },
        seed: facts.seed, form)
    } catch let mistake as PromptMistake {
      throw UserError(.data, mistake.what, at: place(mistake.prompt / samples), hint: "shorten the prompt")
    }
    return rows.indices.compactMap { number in
      let own = all[number * samples..<(number + 1) * samples]
      switch vote.chosen(of: own.filter { keepsCut || $0.isWhole }.map { Self.trimmed($0.text) }) {
      case .failure(let reason):
        let isCut = own.allSatisfy { !$0.isWhole } && !keepsCut
        record.remove(rows[number], isCut ? "cut off at max_tokens" : reason.words, reason.facts)
        return nil
      case .success(let text):
        var row = rows[number]
        row.json = row.json.setting(target, to: .string(text))
        if count != nil {
          record.copy(row, from: [], to: text)
        } else {
          record.change(row, from: [], to: text)
        }
        return row
      }
    }
  }

  /// Without white space around it.
  private static func trimmed(_ text: [UInt8]) -> [UInt8] {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
    let rest = text.drop(while: isBlank)
    return Array(rest.prefix(rest.count - rest.reversed().prefix(while: isBlank).count))
  }
}
