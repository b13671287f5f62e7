// System prompts that differ from chat to chat, or are missing from some.
import Base
import Datasets

final class SystemPrompts: Check {
  static let name = "system_prompts"
  static let readsTexts = true
  private var prompts = SeenRows<(example: Finding.Example, rows: Int)>()
  private var (with, without) = (0, 0)

  init?(_ facts: InspectionFacts) { guard facts.learnsNextTokens else { return nil } }

  func look(at row: InspectedRow) {
    guard row.part == .training, case .chat = row.example else { return }
    guard let first = row.texts.first, first.role == "system" else {
      without += 1
      return
    }
    with += 1
    prompts.keep(
      RowHash([first]), (Finding.Example(row.place, Excerpt.text(first.bytes)), 1)
    ) { $0.rows += 1 }
  }

  func findings() -> [Finding] {
    guard with > 0, without > 0 || prompts.rows.count > 1 else { return [] }
    let found = prompts.rows.values.sorted {
      ($1.rows, $0.example.place) < ($0.rows, $1.example.place)
    }
    return [
      Finding(
        Self.name, .note, "chats with a system prompt, \(counted(found.count, "different one")) in all",
        rows: (with, with + without),
        examples: found.prefix(Tally.examplesKept).map {
          Finding.Example($0.example.place, "\(counted($0.rows, "row")): \($0.example.text)")
        },
        advice: "the model will depend on which one it gets: use the same when you ask it")
    ]
  }
}
