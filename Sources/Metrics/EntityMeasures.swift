// Entities in sequences of labels such as B-PER, I-PER, O: found and counted as seqeval does by default.

/// A stretch of words with one type.
package struct Entity: Hashable, Sendable {
  package let type: String
  package let words: ClosedRange<Int>

  package init(_ type: String, _ words: ClosedRange<Int>) { (self.type, self.words) = (type, words) }

  /// The entities of one sentence, by the rules of the CoNLL evaluation: an I without a B begins one too.
  package static func found(in labels: [String]) -> [Entity] {
    var entities: [Entity] = []
    var before = Mark("O")
    var begin = 0
    for (place, label) in (labels + ["O"]).enumerated() {
      let mark = Mark(label)
      if before.ends(before: mark) { entities.append(Entity(before.type, begin...place - 1)) }
      if mark.begins(after: before) { begin = place }
      before = mark
    }
    return entities
  }
}

/// A label's prefix and type.
private struct Mark {
  let prefix: Character
  let type: String

  init(_ label: String) {
    prefix = label.first ?? "O"
    let parts = label.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let last = parts.last.map(String.init) ?? ""
    type = last.isEmpty ? "_" : last
  }

  private var isOutside: Bool { prefix == "O" || prefix == "." }

  func ends(before next: Mark) -> Bool {
    if prefix == "E" || prefix == "S" { return true }
    if prefix == "B" || prefix == "I", ["B", "S", "O"].contains(next.prefix) { return true }
    return !isOutside && type != next.type
  }

  func begins(after before: Mark) -> Bool {
    if prefix == "B" || prefix == "S" { return true }
    if ["E", "S", "O"].contains(before.prefix), prefix == "E" || prefix == "I" { return true }
    return !isOutside && before.type != type
  }
}

/// Precision, recall and F1 of entities: right ones have the same type and the same words.
package struct EntityMeasures {
  package struct Counts {
    package fileprivate(set) var have = 0
    package fileprivate(set) var given = 0
    package fileprivate(set) var right = 0

    package var precision: Double { given > 0 ? Double(right) / Double(given) : 0 }
    package var recall: Double { have > 0 ? Double(right) / Double(have) : 0 }
    package var f1: Double { have + given > 0 ? 2 * Double(right) / Double(have + given) : 0 }
  }

  package private(set) var all = Counts()
  package private(set) var byType: [String: Counts] = [:]

  package init() {}

  /// - Parameters:
  ///   - labels: those of the words of a sentence.
  ///   - predicted: as many.
  package mutating func count(_ labels: [String], predicted: [String]) {
    let (have, given) = (Entity.found(in: labels), Entity.found(in: predicted))
    for entity in have {
      all.have += 1
      byType[entity.type, default: Counts()].have += 1
    }
    let known = Set(have)
    for entity in given {
      all.given += 1
      byType[entity.type, default: Counts()].given += 1
      guard known.contains(entity) else { continue }
      all.right += 1
      byType[entity.type, default: Counts()].right += 1
    }
  }
}
