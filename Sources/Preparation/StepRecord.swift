// What a step did, for the report.
import Base
import Collectives

package final class StepRecord {
  /// How many examples of a kind are shown.
  static let shown = 3

  struct Example {
    var order: RowOrder
    var kind: String
    var facts: [(String, JSON)]
  }

  package var before = 0
  package var after = 0
  package private(set) var removed: [String: Int] = [:]
  package private(set) var changed = 0
  package private(set) var added = 0
  private(set) var examples: [Example] = []
  /// Names the place of a row.
  var place: (PreparedRow) -> String = { _ in "" }

  package init() {}

  /// - Parameter facts: what made the step decide so.
  func remove(_ row: PreparedRow, _ reason: String, _ facts: [(String, JSON)] = []) {
    removed[reason, default: 0] += 1
    add(row, reason) { [("row", Self.cut(row.encoded))] + facts }
  }

  func change(_ row: PreparedRow, from old: [UInt8], to new: [UInt8]) {
    changed += 1
    add(row, "changed") { Self.difference(old, new) }
  }

  func copy(_ row: PreparedRow, from old: [UInt8], to new: [UInt8]) {
    added += 1
    add(row, "added") { Self.difference(old, new) }
  }

  private func add(_ row: PreparedRow, _ kind: String, _ facts: () -> [(String, JSON)]) {
    guard examples.count(where: { $0.kind == kind }) < Self.shown else { return }
    examples.append(
      Example(order: row.order, kind: kind, facts: [("at", .string(place(row)))] + facts()))
  }

  /// Both texts around the first byte in which they differ.
  private static func difference(_ old: [UInt8], _ new: [UInt8]) -> [(String, JSON)] {
    let same = zip(old, new).prefix { $0 == $1 }.count
    let start = max(0, same - 40)
    return [("was", cut(Array(old[start...]))), ("is", cut(Array(new[start...])))]
  }

  /// A text that fits into a report.
  static func cut(_ bytes: [UInt8]) -> JSON {
    let longest = 160
    guard bytes.count > longest else { return .string(String(decoding: bytes, as: UTF8.self)) }
    return .string(String(decoding: bytes.prefix(longest), as: UTF8.self) + "…")
  }

  /// The records of all ranks as one, on every rank. Collective.
  func json(named name: String, _ ranks: Ranks) -> JSON {
    let reasons = Array(
      Set(
        ranks.gather(JSON.array(removed.keys.sorted().map { .string($0) }).encoded()).flatMap { text in
          (try? JSON.parse(text))?.elements?.compactMap(\.text) ?? []
        })
    ).sorted()
    var counts = [before, after, changed, added] + reasons.map { removed[$0] ?? 0 }
    counts = counts.map { ranks.sum($0) }
    let own = JSON.array(
      examples.map { example in
        .object(members: [
          (
            "order",
            .array(
              [example.order.place, example.order.row, example.order.copy].map {
                .string(zeroPadded(String($0), to: 20))
              })
          ), ("kind", .string(example.kind)), ("facts", .object(members: example.facts)),
        ])
      })
    var all: [(key: [String], kind: String, facts: [JSON.Member])] = []
    for text in ranks.gather(own.encoded()) {
      for example in (try? JSON.parse(text))?.elements ?? [] {
        all.append(
          (
            example["order"]?.elements?.compactMap(\.text) ?? [], example["kind"]?.text ?? "",
            example["facts"]?.members ?? []
          ))
      }
    }
    all.sort { $0.key.lexicographicallyPrecedes($1.key) }
    var members: [(String, JSON)] = [
      ("step", .string(name)), ("before", .integer(counts[0])), ("after", .integer(counts[1])),
    ]
    if counts[2] > 0 { members.append(("changed", .integer(counts[2]))) }
    if counts[3] > 0 { members.append(("added", .integer(counts[3]))) }
    members.append(
      ("removed", .object(members: reasons.enumerated().map { ($1, .integer(counts[4 + $0])) })))
    let kinds = reasons + ["changed", "added"]
    members.append(
      (
        "examples",
        .array(
          kinds.flatMap { kind in
            all.filter { $0.kind == kind }.prefix(Self.shown).map { example in
              let kind = [JSON.Member(key: Array("what".utf8), value: .string(kind))]
              return .object(kind + example.facts)
            }
          })
      ))
    return .object(members: members)
  }
}
