// How many rows each label has.
import Base

final class LabelBalance: Check {
  static let name = "label_balance"
  static let readsTexts = true
  private var counts: [String: Int] = [:]
  /// Whether labels are those of words, most of which have none worth the name.
  private var areOfWords = false
  private var rows = 0

  /// A label with fewer rows than this, or a smaller share, is hardly learned.
  private static let fewest = 10
  private static let share = 0.01
  private static let told = 12

  init?(_ facts: InspectionFacts) {
    guard facts.options.isLabelled else { return nil }
    for label in facts.labels ?? [] { counts[label] = 0 }
  }

  func look(at row: InspectedRow) {
    guard row.part == .training else { return }
    switch row.example {
    case .labelled(_, _, let labels?): add(labels)
    case .words(_, let labels?):
      areOfWords = true
      add(labels)
    case .choices(_, _, let right?): add(["choice \(right)"])
    case .preference(let preference) where preference.isWanted != nil: add(preference.judgement)
    default: return
    }
    rows += 1
  }

  private func add(_ labels: [String]) { for label in labels { counts[label, default: 0] += 1 } }

  func findings() -> [Finding] {
    guard rows > 0, counts.count > 1 else { return [] }
    let all = counts.values.reduce(0, +)
    let sorted = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    let rare = sorted.filter { $0.value < Self.fewest || Double($0.value) < Self.share * Double(all) }
    let most = sorted[0]
    let isOneSided = Double(most.value) > (1 - Self.share) * Double(all)
    // A place is found by chance where nobody has shuffled.
    let isAlarming = !areOfWords && rows >= 50 && (!rare.isEmpty || isOneSided)
    func words(_ label: (key: String, value: Int)) -> String {
      "\(label.key.printable(40).quoted) \(percent(label.value, of: all))"
    }
    let more = sorted.count > Self.told ? " and \(counted(sorted.count - Self.told, "more", "more"))" : ""
    let scarce = rare.prefix(4).map { "\($0.key.printable(40).quoted) \(grouped($0.value))" }.joined(
      separator: ", ")
    return [
      Finding(
        Self.name, isAlarming ? .warning : .note,
        "labels of \(areOfWords ? "words" : "rows"): "
          + sorted.prefix(Self.told).map(words).joined(separator: ", ") + more
          + (isAlarming && !rare.isEmpty ? "; few rows have \(scarce)" : ""),
        advice: isAlarming
          ? "add rows of rare labels, give labels weights (task.class_weights), or look at F1 beside accuracy"
          : "nothing to do where the shares are those of what the model will see")
    ]
  }
}
