// What a task gives: numbers with their standard errors, and a line for each row.
import Base
import Foundation

package struct TaskResult: Sendable {
  package let task: TaskDefinition
  /// How many rows the task has, and how many were answered.
  package let rows: Int
  package let answered: Int
  /// Of the harness's keys, such as "acc,none" and "acc_stderr,none", in its order.
  package let numbers: [(key: String, value: JSON)]
  /// Of each row and filter.
  package let samples: [JSON]

  /// The value of a metric by its name, of the first filter that has it, or with a filter: `acc` or `acc,none`.
  package func value(_ metric: String) -> Double? {
    (numbers.first { $0.key == metric } ?? numbers.first { $0.key.hasPrefix(metric + ",") })?.value.double
  }

  /// - Parameter needsErrors: whether standard errors are computed.
  /// - Throws: where values are not of the kind that an aggregation takes.
  init(
    _ task: TaskDefinition, rows: Int, answered: Int, values: [(filter: String, metrics: [RowMetrics])],
    samples: [JSON], needsErrors: Bool
  ) throws {
    self.task = task
    self.rows = rows
    self.answered = answered
    self.samples = samples
    var numbers: [(key: String, value: JSON)] = []
    for (filter, rows) in values {
      var names: [String] = []
      for row in rows { for (name, _) in row where !names.contains(name) { names.append(name) } }
      for name in names {
        let values = rows.compactMap { row in row.first { $0.name == name }?.value }
        let aggregation = task.metrics.first { $0.name == name }?.aggregation ?? Mean()
        guard let value = aggregation(values) else {
          throw task.mistake("\(type(of: aggregation).name) does not go with the metric \(name)")
        }
        numbers.append(("\(name),\(filter)", .number(value)))
        let error = needsErrors && values.count > 1 ? Self.error(aggregation, values) : nil
        numbers.append(("\(name)_stderr,\(filter)", error.map { .number($0) } ?? .string("N/A")))
      }
    }
    self.numbers = numbers
  }

  private static func error(_ aggregation: any Aggregation, _ values: [JSON]) -> Double? {
    switch type(of: aggregation).error {
    case .ofMean: values.numbers.map(Statistics.errorOfMean)
    case .bootstrap(let most):
      aggregation.prepared(values).map { Statistics.bootstrap(rows: values.count, samples: most, $0) }
    case .none: nil
    }
  }

  /// The lines of samples_TASK.jsonl.
  package var lines: [UInt8] {
    var out: [UInt8] = []
    for sample in samples {
      sample.write(to: &out)
      out.append(0x0A)
    }
    return out
  }
}
