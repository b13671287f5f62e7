// Files that a model will be measured by, which training must not have seen.
import Base
import Datasets
import Metrics

package struct EvaluationSet: Sendable {
  package let files: [String]
  package private(set) var grams = WordGrams()

  /// Reads the texts of all rows, whatever their keys are.
  /// - Throws: `UserError` for the first file or row that cannot be read.
  package init(_ files: [String]) throws {
    self.files = files
    let rows = SourceRows(files)
    try rows.read { row in
      let texts = Self.texts(row.json)
      grams.add(
        texts.map(MinHash.words), at: "\(rows.name(of: row.file)):\(row.number)",
        Excerpt.text(texts.max { $0.count < $1.count } ?? []))
    }
  }

  private static func texts(_ value: JSON) -> [[UInt8]] {
    if let bytes = value.bytes { return [bytes] }
    return (value.elements ?? value.members?.map(\.value) ?? []).flatMap(texts)
  }
}
