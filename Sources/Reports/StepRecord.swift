// What every log of numbers has of a step.
import Base
import Objectives
import Training

struct StepRecord {
  let step: Int
  /// As metrics.jsonl has them, in its order.
  let members: [JSON.Member]

  /// - Parameter unit: what the loss is the mean over.
  init(_ report: StepReport, validation: Evaluation?, unit: LossUnit) {
    step = report.step
    var members: [JSON.Member] = []
    func add(_ key: String, _ value: JSON) { members.append(JSON.Member(key: Array(key.utf8), value: value)) }
    add("step", .integer(report.step))
    add("loss", report.loss.map { .number($0) } ?? .null)
    for scalar in report.scalars { add(scalar.name, scalar.value) }
    add("grad_norm", .number(report.gradientNorm))
    add("learning_rate", .number(report.learningRate))
    add("tokens", .integer(report.tokens))
    add(unit.rawValue, .integer(report.units))
    add("tokens_per_second", .number((Double(report.tokens) / report.seconds * 10).rounded() / 10))
    add("seconds", .number((report.seconds * 1e6).rounded() / 1e6))
    add("exchange_seconds", .number((report.exchangeSeconds * 1e6).rounded() / 1e6))
    if report.finding?.isWithheld == true { add("skipped", .bool(true)) }
    if report.audits > 0 { add("audits", .integer(report.audits)) }
    if let validation { members += Self.members(validation, unit) }
    if !report.sources.isEmpty { add("sources", Self.json(report.sources, unit)) }
    self.members = members
  }

  /// What was measured before the first step.
  init(before validation: Evaluation, unit: LossUnit) {
    step = 0
    members =
      [JSON.Member(key: Array("step".utf8), value: .integer(0))] + Self.members(validation, unit)
  }

  private static func members(_ validation: Evaluation, _ unit: LossUnit) -> [JSON.Member] {
    var members: [(String, JSON)] = []
    if let loss = validation.loss {
      members.append(("validation_loss", .number(loss)))
      members += validation.scalars.map { ("validation_" + $0.name, $0.value) }
      if !validation.sources.isEmpty {
        members.append(("validation_sources", json(validation.sources, unit)))
      }
    }
    if let general = validation.general { members.append(("general_loss", .number(general))) }
    return members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) }
  }

  /// The numbers of each source by its name.
  private static func json(_ sources: [SourceReport], _ unit: LossUnit) -> JSON {
    .object(
      members: sources.map { source in
        (
          source.name,
          .object(
            members: [
              ("loss", source.loss.map { JSON.number($0) } ?? .null), ("tokens", .integer(source.tokens)),
              (unit.rawValue, .integer(source.units)),
            ])
        )
      })
  }

  /// Every number but that of the step, by its keys from the outside in. `true` is 1; a null is left out.
  var numbers: [(path: [String], value: Double)] {
    members.dropFirst().flatMap {
      Self.numbers($0.value, at: [String(decoding: $0.key, as: UTF8.self)])
    }
  }

  private static func numbers(_ value: JSON, at path: [String]) -> [(path: [String], value: Double)] {
    if let members = value.members {
      return members.flatMap { numbers($0.value, at: path + [String(decoding: $0.key, as: UTF8.self)]) }
    }
    return (value.double ?? value.bool.map { $0 ? 1 : 0 }).map { [(path, $0)] } ?? []
  }
}
