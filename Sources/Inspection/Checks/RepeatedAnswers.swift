// Answers that many rows share, such as one refusal for all that was left out.
import Base

final class RepeatedAnswers: Check {
  static let name = "repeated_answers"
  static let readsTexts = true
  private var answers = SeenRows<(place: PlaceList.Place, rows: Int, text: String)>()
  private var places = PlaceList()
  private var rows = 0

  /// What is shorter may well be the answer to many questions.
  private static let fewestWords = 5
  private static let fewestRows = 10
  private static let share = 0.01

  init?(_ facts: InspectionFacts) { guard facts.learnsNextTokens else { return nil } }

  func look(at row: InspectedRow) {
    guard row.part == .training, row.texts.contains(where: \.isAnswer) else { return }
    rows += 1
    var own: Set<RowHash> = []
    for (text, words) in zip(row.texts, row.words) where text.isAnswer && words.count >= Self.fewestWords {
      let hash = RowHash([text])
      guard own.insert(hash).inserted else { continue }
      answers.keep(hash, (places.place(row.place), 1, "")) { answer in
        answer.rows += 1
        if answer.text.isEmpty { answer.text = Excerpt.text(text.bytes) }
      }
    }
  }

  func findings() -> [Finding] {
    let limit = max(Self.fewestRows, Int(Self.share * Double(rows)))
    let found = answers.rows.values.filter { $0.rows >= limit }.sorted {
      ($1.rows, $0.place.file, $0.place.line) < ($0.rows, $1.place.file, $1.place.line)
    }
    guard !found.isEmpty else { return [] }
    return [
      Finding(
        Self.name, .warning,
        "rows with an answer that at least \(grouped(limit)) rows give, \(counted(found.count, "answer")) in all",
        rows: (min(found.reduce(0) { $0 + $1.rows }, rows), rows),
        examples: found.prefix(Tally.examplesKept).map {
          Finding.Example(places.name($0.place), "\(counted($0.rows, "row")): \($0.text)")
        },
        advice: "the model will give them often: keep fewer, unless that is meant")
    ]
  }
}
