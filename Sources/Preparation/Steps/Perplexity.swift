// perplexity: rows by how well a language model predicts their texts.
import Base
import Collectives
import Foundation

package final class Perplexity: ModelStep, TextStep {
  package static let name = "perplexity"
  package let record = StepRecord()
  package let modelFolders: [String]
  package let modelUse = ModelUse.losses
  let columns: TextColumns
  private let range: ClosedRange<Double>
  private let sequenceLength: Int
  /// The column that it is written to; nil for none.
  private let target: [UInt8]?
  private var model: (any TextModel)?

  package init(_ section: Section, _ facts: StepFacts) {
    modelFolders = [section.filePath("model")]
    columns = TextColumns(section)
    let least = section.has("min") ? section.number("min", in: 1...Double.greatestFiniteMagnitude) : 1
    let most = section.has("max") ? section.number("max", in: 1...Double.greatestFiniteMagnitude) : .infinity
    range = min(least, most)...most
    if least > most { section.fail("min", "is \(least), and max is \(most)") }
    sequenceLength = section.integer("sequence_length", default: 1024, in: 2...1 << 20)
    target = section.has("into") ? Array(section.text("into").utf8) : nil
    if !section.has("min"), !section.has("max"), target == nil {
      section.failWhole("keeps every row", hint: "give max, min, or into: COLUMN to write it to")
    }
  }

  package func take(_ models: [any TextModel]) { model = models.first }

  package func run(_ rows: [PreparedRow], _ ranks: Ranks) throws -> [PreparedRow] {
    try ranks.together { try rows.compactMap(measured) }
  }

  /// All texts of a row count together, weighted by their tokens.
  private func measured(_ row: PreparedRow) throws -> PreparedRow? {
    guard let model else { preconditionFailure("the model is given before any row") }
    var (sum, count) = (0.0, 0)
    for text in columns.texts(of: row.json) where !text.isEmpty {
      let loss = try model.loss(of: text, sequenceLength: sequenceLength)
      sum += loss.sum
      count += loss.count
    }
    guard count > 0 else {
      record.remove(row, "nothing to predict")
      return nil
    }
    let value = exp(sum / Double(count))
    guard range.contains(value) else {
      let reason =
        value > range.upperBound ? "above max" : value < range.lowerBound ? "below min" : "not a number"
      record.remove(row, reason, [("perplexity", .number(value.rounded(digits: 6)))])
      return nil
    }
    guard let target else { return row }
    var written = row
    written.json = row.json.setting(target, to: .number(value.rounded(digits: 6)))
    return written
  }
}

extension Double {
  /// The nearest number of so many significant digits.
  func rounded(digits: Int) -> Double {
    guard isFinite, self != 0 else { return self }
    return Double(String(format: "%.\(digits - 1)e", self)) ?? self
  }
}

extension JSON {
  /// An object with a value under a key, in its place where it has one.
  func setting(_ key: [UInt8], to value: JSON) -> JSON {
    guard var members else { return self }
    if let place = members.firstIndex(where: { $0.key == key }) {
      members[place].value = value
    } else {
      members.append(JSON.Member(key: key, value: value))
    }
    return .object(members)
  }
}
