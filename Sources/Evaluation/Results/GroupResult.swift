// The numbers of a group of tasks: means over its tasks, and their standard errors as lm-evaluation-harness pools them.
import Base
import Foundation

struct GroupResult {
  let group: GroupDefinition
  /// The rows of all tasks.
  private(set) var rows = 0
  private(set) var numbers: [(key: String, value: JSON)] = []
  private(set) var counts: [(String, Int)] = []

  init(_ group: GroupDefinition, _ tasks: [TaskResult]) {
    self.group = group
    guard !group.aggregates.isEmpty else { return }
    rows = tasks.reduce(0) { $0 + $1.answered }
    for aggregate in group.aggregates {
      let filters = aggregate.filters ?? Self.filters(aggregate.metric, tasks)
      for filter in filters { add(aggregate, filter, tasks) }
    }
  }

  private static func filters(_ metric: String, _ tasks: [TaskResult]) -> [String] {
    let keys = tasks.flatMap { $0.numbers.map(\.key) }.filter { $0.hasPrefix(metric + ",") }
    return Set(keys.map { String($0.dropFirst(metric.count + 1)) }).sorted()
  }

  private mutating func add(_ aggregate: GroupAggregate, _ filter: String, _ tasks: [TaskResult]) {
    let (key, errorKey) = ("\(aggregate.metric),\(filter)", "\(aggregate.metric)_stderr,\(filter)")
    func value(_ task: TaskResult, _ key: String) -> Double? {
      task.numbers.first { $0.key == key }?.value.double
    }
    let having = tasks.filter { value($0, key) != nil }
    guard !having.isEmpty else { return }
    // Of two for one metric, the last counts.
    numbers.removeAll { $0.key == key || $0.key == errorKey }
    counts.removeAll { $0.0 == key }
    let values = having.map { value($0, key) ?? .nan }
    let sizes = having.map { Double($0.answered) }
    let weights = aggregate.isWeighted ? sizes : sizes.map { _ in 1 }
    let mean = zip(values, weights).reduce(0) { $0 + $1.0 * $1.1 } / weights.reduce(0, +)
    numbers.append((key, .number(mean)))
    counts.append((key, having.reduce(0) { $0 + $1.answered }))
    let errors = having.compactMap { value($0, errorKey) }
    guard errors.count == values.count else { return numbers.append((errorKey, .string("N/A"))) }
    let error: Double
    if aggregate.isWeighted {
      let pooled =
        zip(errors, sizes).reduce(0) { $0 + ($1.1 - 1) * $1.0 * $1.0 * $1.1 }
        / (sizes.reduce(0, +) - Double(sizes.count))
      error = sqrt(pooled / sizes.reduce(0, +))
    } else {
      error = sqrt(errors.reduce(0) { $0 + $1 * $1 }) / Double(errors.count)
    }
    numbers.append((errorKey, error.isFinite ? .number(error) : .string("N/A")))
  }
}
