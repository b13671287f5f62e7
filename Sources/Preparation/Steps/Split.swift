// split: some of the rows into outputs of their own, for validation and tests.
import Base
import Collectives
import Metrics

package final class Split: WholeStep {
  package static let name = "split"
  package let record = StepRecord()
  /// Of the outputs beside that of the training.
  let names: [String]
  private let shares: [Double]
  private let facts: StepFacts
  private let by: Criterion
  private let column: [[UInt8]]
  private var choice = RowChoice()
  private var groups: [[UInt8]: Int] = [:]
  private var groupParts: [[UInt8]: Int] = [:]

  private enum Criterion: String, CaseIterable {
    /// Rows by chance.
    case rows
    /// All rows with one value of a column together.
    case group
    /// Of each value of a column the same share.
    case label
    /// By the hash of a column's value, whatever other rows and whatever seed there are.
    case hash
  }

  package init(_ section: Section, _ facts: StepFacts) {
    self.facts = facts
    by = section.choice("by", default: .rows)
    let name = section.has("column") ? section.text("column") : ""
    column = name.split(separator: ".").map { Array($0.utf8) }
    if by != .rows, name.isEmpty {
      section.fail("column", "is missing", hint: "by: \(by.rawValue) reads one")
    }
    if by == .rows, !name.isEmpty { section.fail("column", "is not read by: rows", hint: "leave it out") }
    names = section.names.filter { !["by", "column"].contains($0) }
    shares = names.map { section.number($0, in: 0...1) }
    if names.isEmpty {
      section.failWhole("names no part", hint: "such as validation: 0.05")
    }
    for name in names {
      if name == "train" { section.fail(name, "is what is left", hint: "give the shares of the other parts") }
      if !name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }) {
        section.fail(name, "is no name of a file", hint: "use letters and digits")
      }
    }
    if shares.reduce(0, +) >= 1 {
      section.failWhole("leaves no row to train on", hint: "lower the shares")
    }
  }

  package var isImmediate: Bool { by == .hash }

  private func draw(_ row: PreparedRow) -> UInt64 {
    // Copies of a row go where the row goes.
    var row = row
    row.order.copy = 0
    var random = row.random(seed: facts.seed, step: facts.index)
    return random.next()
  }

  /// The value of the column as text; its JSON, where it is none.
  private func value(_ row: PreparedRow) throws -> [UInt8] {
    guard by != .rows else { return [] }
    var value = row.json
    for key in column {
      guard let next = value.members?.first(where: { $0.key == key })?.value, !next.isNull else {
        let name = column.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ".")
        throw UserError(
          .data, "has no \"\(name)\"", at: record.place(row), hint: "split: by: \(by.rawValue) reads it")
      }
      value = next
    }
    return value.bytes ?? Array(value.encoded().utf8)
  }

  package func look(at rows: inout [PreparedRow]) throws {
    for row in rows {
      let value = try value(row)
      if by == .group { groups[value, default: 0] += 1 } else { choice.count(draw(row), of: value) }
    }
    guard !choice.hasTooMany else {
      throw UserError(
        .data, "the column has more than \(RowChoice.mostStrata) values", at: "split.column",
        hint: "by: group keeps the rows of each value together")
    }
  }

  /// How many of so many rows belong to the parts up to each one.
  private func sizes(_ count: Int) -> [Int] {
    var sum = 0.0
    return shares.map { share in
      sum += share
      return Int((sum * Double(count)).rounded())
    }
  }

  package func decide(_ rounds: StoredRounds, _ ranks: Ranks) throws {
    if by == .group { return decideGroups(ranks) }
    try choice.decide(ranks, sizes: sizes) { found in
      try rounds.forEach(ranks) { for row in $0 { found(draw(row), try value(row)) } }
    }
    guard !choice.hasTooMany else {
      try ranks.together {
        throw UserError(
          .data, "the column has more than \(RowChoice.mostStrata) values", at: "split.column",
          hint: "by: group keeps the rows of each value together")
      }
      return
    }
  }

  /// Groups in random order: each goes to the first part that it brings nearer to its share.
  private func decideGroups(_ ranks: Ranks) {
    var counts: [[UInt8]: Int] = [:]
    let own = JSON.array(groups.map { .array([.string($0.key), .integer($0.value)]) })
    for text in ranks.gather(own.encoded()) {
      for pair in (try? JSON.parse(text))?.elements?.compactMap(\.elements) ?? [] {
        guard let name = pair[0].bytes, let count = pair[1].integer else { continue }
        counts[name, default: 0] += count
      }
    }
    let total = Double(counts.values.reduce(0, +))
    let drawn = counts.map { (draw: hash($0.key, seed: facts.seed), name: $0.key, count: $0.value) }
      .sorted { $0.draw != $1.draw ? $0.draw < $1.draw : $0.name.lexicographicallyPrecedes($1.name) }
    var have = [Double](repeating: 0, count: shares.count)
    for group in drawn {
      let count = Double(group.count)
      guard let part = shares.indices.first(where: { have[$0] + count / 2 <= shares[$0] * total }) else {
        continue
      }
      have[part] += count
      groupParts[group.name] = part
    }
    groups = [:]
  }

  private func hash(_ value: [UInt8], seed: UInt64) -> UInt64 {
    var hash = FNV1a()
    hash.mix(seed)
    for byte in value { hash.mix(UInt64(byte)) }
    return MinHash.mixed(hash.value)
  }

  private func part(of row: PreparedRow) throws -> Int? {
    let value = try value(row)
    switch by {
    case .rows, .label: return choice.part(of: draw(row), in: value)
    case .group: return groupParts[value]
    case .hash:
      let place = Double(hash(value, seed: 0) >> 11) * 0x1p-53
      var sum = 0.0
      for (part, share) in shares.enumerated() {
        sum += share
        if place < sum { return part }
      }
      return nil
    }
  }

  package func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow] {
    try ranks.together {
      try rows.map { row in
        var row = row
        row.split = try part(of: row).map { $0 + 1 } ?? 0
        return row
      }
    }
  }
}
