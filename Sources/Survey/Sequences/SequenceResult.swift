// What was measured of one measure on a sequence, and the table of all.
import Base
import Foundation

struct SequenceResult {
  let measure: String
  let commands: [String]
  /// [stages][tasks], from 0 to 1; nil for tasks that have not come yet.
  let qualities: [[Double?]]

  /// The mean over all stages but the last of what their task has at the end, less what it had then (Lopez-Paz & Ranzato
  /// 2017): below 0 where later tasks made earlier ones worse.
  func backwardTransfer(_ sequence: TaskSequence) -> Double {
    let tasks = sequence.tasks.map(\.name)
    let changes = sequence.stages.dropLast().enumerated().compactMap { number, stage -> Double? in
      guard let task = tasks.firstIndex(of: stage.task.name), let then = qualities[number][task],
        let now = qualities.last?[task]
      else { return nil }
      return now - then
    }
    return changes.isEmpty ? .nan : changes.reduce(0, +) / Double(changes.count)
  }

  var json: JSON {
    .object(members: [
      ("measure", .string(measure)),
      ("qualities", .array(qualities.map { .array($0.map { $0.map { .number($0) } ?? .null }) })),
      ("commands", .array(commands.map { .string($0) })),
    ])
  }
}

extension SequenceResult {
  /// - Returns: nil if the JSON is not that of a row.
  init?(_ json: JSON) {
    guard let measure = json["measure"]?.text, let lines = json["qualities"]?.elements,
      let commands = json["commands"]?.elements
    else { return nil }
    self.init(
      measure: measure, commands: commands.compactMap(\.text),
      qualities: lines.map { ($0.elements ?? []).map(\.double) })
  }
}

extension TaskSequence {
  /// The table of all measures, with a heading.
  func markdown(_ results: [SequenceResult]) -> String {
    var places: [(stage: Int, task: Int)] = []
    for (stage, line) in (results.first?.qualities ?? []).enumerated() {
      for (task, quality) in line.enumerated() where quality != nil { places.append((stage, task)) }
    }
    let names = places.map { "\(tasks[$0.task].name) after \($0.stage + 1)" } + ["backward transfer"]
    var lines = [
      "### \(title)", "", "| measure | " + names.joined(separator: " | ") + " |",
      "| --- |" + String(repeating: " ---: |", count: names.count),
    ]
    for result in results {
      let cells = places.map { percent(result.qualities[$0.stage][$0.task] ?? .nan) }
      let transfer = String(format: "%+.1f %%", result.backwardTransfer(self) * 100)
      lines.append("| `\(result.measure)` | " + (cells + [transfer]).joined(separator: " | ") + " |")
    }
    let words = tasks.map { "\($0.name): \($0.quality.name.replacing("_", with: " "))" }.joined(
      separator: ", ")
    lines += ["", "\(words)."]
    return lines.joined(separator: "\n") + "\n"
  }
}
