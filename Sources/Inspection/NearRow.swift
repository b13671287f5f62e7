// Rows that nearly say the same, by MinHash.
import Base
import Datasets
import Metrics

/// What is kept of a row to compare it with others.
struct NearRow {
  let part: DataPart
  let place: String
  let beginning: String

  /// Words that a text needs to be compared: of a few words, most are alike by chance.
  static let fewestWords = 10
  /// The Jaccard index of their sets of five words in a row.
  static let threshold = 0.8
  /// So many rows are kept, in two kilobytes or three each.
  static let most = 200_000

  /// nil where the row has too few words.
  init?(_ row: InspectedRow) {
    guard row.example != nil, row.words.reduce(0, { $0 + $1.count }) >= Self.fewestWords else { return nil }
    part = row.part
    place = row.place
    beginning = row.beginning
  }
}
