// results.json in the form of lm-evaluation-harness, and its table.
import Base

package struct ResultsFile {
  private let set: TaskSet
  private let tasks: [TaskResult]
  private let groups: [GroupResult]
  private let shots: [String: Int]

  package init(_ set: TaskSet, _ tasks: [TaskResult], shots: [String: Int]) {
    self.set = set
    self.tasks = tasks
    self.shots = shots
    groups = set.groups.map { group in
      let names = set.leaves(of: group)
      return GroupResult(group, tasks.filter { names.contains($0.task.name) })
    }
  }

  /// - Parameter facts: of the run: the model, the settings.
  package func json(_ facts: [(String, JSON)]) -> JSON {
    var results: [(String, JSON)] = tasks.map { result in
      (
        result.task.name,
        .object(
          members: [
            ("name", .string(result.task.name)), ("alias", .string(result.task.alias)),
            ("sample_len", .integer(result.answered)),
          ] + result.numbers)
      )
    }
    var shown: [(String, JSON)] = []
    for result in groups {
      let group = result.group
      var members: [(String, JSON)] = [("alias", .string(group.alias)), ("name", .string(group.name))]
      if !group.aggregates.isEmpty {
        members.append(("sample_len", .integer(result.rows)))
        members += result.numbers
        if !result.counts.isEmpty {
          members.append(("sample_count", .object(members: result.counts.map { ($0.0, .integer($0.1)) })))
        }
        shown.append((group.name, .object(members: members)))
      }
      results.append((group.name, .object(members: members)))
    }
    var all: [(String, JSON)] = [("results", .object(members: results))]
    if !shown.isEmpty { all.append(("groups", .object(members: shown))) }
    let sorted = tasks.sorted { $0.task.name < $1.task.name }
    all += [
      (
        "group_subtasks",
        .object(members: set.groups.map { ($0.name, .array($0.members.map { .string($0) })) })
      ),
      ("configs", .object(members: sorted.map { ($0.task.name, config($0.task)) })),
      (
        "versions",
        .object(
          members: (tasks.map { ($0.task.name, $0.task.version) } + set.groups.map { ($0.name, $0.version) })
            .sorted { $0.0 < $1.0 })
      ),
      ("n-shot", .object(members: shotsOfAll.map { ($0.0, .integer($0.1)) }.sorted { $0.0 < $1.0 })),
      ("higher_is_better", .object(members: directions.sorted { $0.0 < $1.0 })),
      (
        "n-samples",
        .object(
          members: tasks.map {
            ($0.task.name, .object(["original": .integer($0.rows), "effective": .integer($0.answered)]))
          })
      ),
    ]
    let hashes = tasks.map { result in
      let text = result.samples.map { sample in
        ["doc_hash", "prompt_hash", "target_hash"].map { sample[$0]?.text ?? "" }.joined()
      }.joined()
      return (result.task.name, JSON.string(PythonJSON.hash(Array(text.utf8))))
    }
    return .object(members: all + facts + [("task_hashes", .object(members: hashes))])
  }

  /// The examples of tasks, and of groups whose members have equally many.
  private var shotsOfAll: [(String, Int)] {
    var all = tasks.map { ($0.task.name, shots[$0.task.name] ?? 0) }
    for group in set.groups {
      let numbers = Set(group.members.compactMap { name in all.first { $0.0 == name }?.1 })
      if let number = numbers.first, numbers.count == 1 { all.append((group.name, number)) }
    }
    return all
  }

  /// Which direction of a metric is better, of tasks and groups; null where the members of a group differ.
  private var directions: [(String, JSON)] {
    var all = tasks.map { ($0.task.name, $0.task.metrics.map { ($0.name, JSON.bool($0.isHigherBetter)) }) }
    for group in set.groups {
      var own: [(String, JSON)] = []
      for (name, direction) in group.members.flatMap({ name in all.first { $0.0 == name }?.1 ?? [] }) {
        if let place = own.firstIndex(where: { $0.0 == name }) {
          if own[place].1 != direction { own[place].1 = .null }
        } else {
          own.append((name, direction))
        }
      }
      if !own.isEmpty { all.append((group.name, own)) }
    }
    return all.map { ($0.0, .object(members: $0.1)) }
  }

  /// The keys of the file, and what they are where it does not say so.
  private func config(_ task: TaskDefinition) -> JSON {
    task.config.setting([
      "output_type": .string(type(of: task.outputType).name),
      "target_delimiter": .string(task.targetDelimiter),
      "fewshot_delimiter": .string(task.fewshotDelimiter), "repeats": .integer(task.repeats),
      "num_fewshot": .integer(shots[task.name] ?? 0),
    ])
  }

  /// A line for each number, as columns.
  package var table: String {
    var rows: [[String]] = [["task", "filter", "shots", "metric", "value", "stderr"]]
    func add(_ name: String, _ shots: String, _ numbers: [(key: String, value: JSON)]) {
      var name = name
      for (key, value) in numbers where !key.contains("_stderr,") {
        let parts = key.split(separator: ",", maxSplits: 1).map(String.init)
        let error = numbers.first { $0.key == "\(parts[0])_stderr,\(parts[1])" }?.value.double
        rows.append([
          name, parts[1], shots, parts[0], decimals(value.double ?? .nan, 4),
          error.map { "± " + decimals($0, 4) } ?? "",
        ])
        name = ""
      }
    }
    for group in groups { add(group.group.name, "", group.numbers) }
    for task in tasks { add(task.task.name, String(shots[task.task.name] ?? 0), task.numbers) }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.enumerated().map { column, text in
        text + String(repeating: " ", count: widths[column] - text.count)
      }.joined(separator: "  ").trimmedEnd
    }.joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmedEnd: String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
