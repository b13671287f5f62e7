// metrics.jsonl as columns of numbers, however the run that wrote it went.
import Base
import Foundation

/// The numbers of each step that counts. Where a run went back to a checkpoint and did steps again, the later lines
/// count.
package struct MetricsSeries {
  /// Rising.
  package private(set) var steps: [Int] = []
  /// The names of numbers in the order in which they come first, keys of objects joined by a slash.
  package private(set) var names: [String] = []
  /// For each name a number for each step; NaN where a line has none.
  private var columns: [String: [Double]] = [:]
  /// Steps whose update was not applied.
  package private(set) var skipped: [Int] = []
  /// Steps whose loss or norm was not a number.
  package private(set) var withoutNumbers: [Int] = []
  /// Lines that could not be read, and steps that were done again.
  package private(set) var damagedLines = 0
  package private(set) var repeatedSteps = 0

  /// The most names: a hostile file may have any.
  private static let mostNames = 200

  package init() {}

  /// - Throws: `UserError` where the file is there and cannot be read.
  package init(output: String) throws {
    let path = output + "/metrics.jsonl"
    self.init(FileManager.default.fileExists(atPath: path) ? try OpenFile.contents(path) : [])
  }

  package init(_ text: [UInt8]) {
    for line in text.split(separator: UInt8(ascii: "\n")) {
      guard let json = try? JSON.parse(Array(line)), let step = json["step"]?.amount, step > 0 else {
        damagedLines += 1
        continue
      }
      goBack(before: step)
      add(step, json)
    }
  }

  package var count: Int { steps.count }

  /// The numbers of a name by step; nil if no line has it.
  package subscript(_ name: String) -> [Double]? { columns[name] }

  /// The last number of a name that is one.
  package func last(_ name: String) -> Double? { columns[name]?.last { !$0.isNaN } }

  private mutating func goBack(before step: Int) {
    let kept = steps.lastIndex { $0 < step }.map { $0 + 1 } ?? 0
    guard kept < steps.count else { return }
    repeatedSteps += steps.count - kept
    steps.removeLast(steps.count - kept)
    for name in names { columns[name]!.removeLast(columns[name]!.count - kept) }
    skipped.removeAll { $0 >= step }
    withoutNumbers.removeAll { $0 >= step }
  }

  private mutating func add(_ step: Int, _ json: JSON) {
    steps.append(step)
    if json["skipped"]?.bool == true { skipped.append(step) }
    if json["loss"]?.isNull == true || json["grad_norm"]?.isNull == true { withoutNumbers.append(step) }
    for member in json.members ?? [] {
      take(member.value, named: String(decoding: member.key, as: UTF8.self), depth: 0)
    }
    for name in names where columns[name]!.count < steps.count { columns[name]!.append(.nan) }
  }

  private mutating func take(_ value: JSON, named name: String, depth: Int) {
    if let members = value.members, depth < 3 {
      for member in members {
        take(member.value, named: name + "/" + String(decoding: member.key, as: UTF8.self), depth: depth + 1)
      }
    } else if let number = value.double, name != "step" {
      if columns[name] == nil {
        guard names.count < Self.mostNames else { return }
        names.append(name)
        columns[name] = [Double](repeating: .nan, count: steps.count - 1)
      }
      guard columns[name]!.count < steps.count else { return }
      columns[name]!.append(number)
    }
  }
}
