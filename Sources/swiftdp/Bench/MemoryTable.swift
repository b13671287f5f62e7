// Predicted and measured memory, as words and as JSON.
import Base
import Training

struct MemoryRow {
  struct Rank {
    /// Bytes.
    let rss: Double
    let pss: Double
    let predicted: Double
  }

  let shape: RunShape
  /// Of the first rank.
  let estimate: MemoryEstimate
  /// Those of the first host.
  let ranks: [Rank]

  func sum(_ part: KeyPath<Rank, Double>) -> Double { ranks.reduce(0) { $0 + $1[keyPath: part] } }
  /// How much more than predicted the host really gives, as a share of the prediction.
  var difference: Double { sum(\.pss) / sum(\.predicted) - 1 }
}

struct MemoryTable {
  let ranks: Int
  let hosts: Int
  /// Of a rank.
  let threads: Int
  let rows: [MemoryRow]

  var text: String {
    let header =
      ["zero", "dtype"] + rows[0].estimate.parts.map(\.name)
      + ["rank", "host", "RSS", "PSS", "difference"]
    let lines = [
      "bench     memory",
      "machine   \(counted(ranks, "rank"))\(hosts > 1 ? " on \(hosts) hosts" : "") × \(counted(threads, "thread"))",
      "MB predicted of the first rank by part, and all of it; of its host; measured RSS and PSS of that host",
    ]
    return (lines + aligned([header] + rows.map(cells))).joined(separator: "\n")
  }

  private func cells(_ row: MemoryRow) -> [String] {
    func megabytes(_ bytes: Double) -> String { grouped(Int((bytes / 1e6).rounded())) }
    return ["\(row.shape.stage.rawValue)", row.shape.type.rawValue]
      + row.estimate.parts.map { megabytes(Double($0.bytes)) }
      + [Double(row.estimate.bytes), row.sum(\.predicted), row.sum(\.rss), row.sum(\.pss)].map(megabytes)
      + [decimals(row.difference * 100, 1) + " %"]
  }

  var json: JSON {
    .object([
      "bench": .string("memory"), "ranks": .integer(ranks), "hosts": .integer(hosts),
      "threads": .integer(threads),
      "rows": .array(
        rows.map { row in
          .object([
            "zero": .integer(row.shape.stage.rawValue), "model_dtype": .string(row.shape.type.rawValue),
            "recompute": .string(row.shape.recompute.rawValue), "parts": row.estimate.json,
            "bytes_per_rank": .integer(row.estimate.bytes), "bytes_per_host": .number(row.sum(\.predicted)),
            "rss_per_host": .number(row.sum(\.rss)), "pss_per_host": .number(row.sum(\.pss)),
            "difference": .number(row.difference),
          ])
        }),
    ])
  }
}
