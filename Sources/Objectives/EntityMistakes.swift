// Entities that a model has missed, invented, or given another type or other words.
import Base
import Datasets
import Metrics

/// The labels of the words of a sentence, right and given.
struct LabelledWords {
  let labels: [String]
  let given: [String]
  /// The probability of each given label.
  let confidences: [Double]
  /// Where they stand among the words of the row, some of which may have no tokens.
  let places: [Int]
  let texts: [[UInt8]]

  /// Labels that mark no entities: each that is wrong.
  func wrongLabels(row: Int, loss: (Int) -> Double) -> [Mistake] {
    labels.indices.filter { labels[$0] != given[$0] }.map { word in
      let (gold, predicted) = (JSON.string(labels[word]), JSON.string(given[word]))
      return Mistake(
        row: row, gold: gold, predicted: predicted, confidence: confidences[word], loss: loss(word),
        facts: [("word", .integer(place(of: word))), ("word_text", .string(text(word...word)))],
        classes: (gold, predicted))
    }
  }

  /// Each entity that is not found as it is, with the one that was found in its stead; then those that there are none
  /// of.
  func wrongEntities(row: Int) -> [Mistake] {
    let (have, gives) = (Entity.found(in: labels), Entity.found(in: given))
    let right = Set(have).intersection(gives)
    let wrong = have.filter { !right.contains($0) }
    var left = gives.filter { !right.contains($0) }
    var mistakes: [Mistake] = []
    for entity in wrong {
      let other = left.firstIndex { $0.words.overlaps(entity.words) }.map { left.remove(at: $0) }
      mistakes.append(mistake(row, entity, other))
    }
    return mistakes + left.map { mistake(row, nil, $0) }
  }

  private func mistake(_ row: Int, _ gold: Entity?, _ given: Entity?) -> Mistake {
    let kind =
      switch (gold, given) {
      case (_?, nil): "missed"
      case (nil, _): "extra"
      case (let gold?, let given?):
        gold.words == given.words ? "type" : gold.type == given.type ? "words" : "type and words"
      }
    // An entity is right only if every word is.
    let words = (given ?? gold)?.words ?? 0...0
    func type(_ entity: Entity?) -> JSON { entity.map { .string($0.type) } ?? .null }
    return Mistake(
      row: row, gold: json(gold), predicted: json(given), confidence: confidences[words].min(),
      facts: [("kind", .string(kind))], classes: (type(gold), type(given)))
  }

  private func json(_ entity: Entity?) -> JSON {
    guard let entity else { return .null }
    return .object([
      "type": .string(entity.type), "start": .integer(place(of: entity.words.lowerBound)),
      "end": .integer(place(of: entity.words.upperBound) + 1), "text": .string(text(entity.words)),
    ])
  }

  private func place(of word: Int) -> Int { word < places.count ? places[word] : word }

  /// Words with spaces between them.
  private func text(_ words: ClosedRange<Int>) -> [UInt8] {
    let range = place(of: words.lowerBound)...place(of: words.upperBound)
    guard range.upperBound < texts.count else { return [] }
    return Array(texts[range].joined(separator: [UInt8(ascii: " ")]))
  }
}
