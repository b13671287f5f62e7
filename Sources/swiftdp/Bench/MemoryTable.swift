// Predicted and measured memory, as words and as JSON.
import Base
import Graph
import Planning
import Training

struct MemoryRow {
  struct Rank {
    /// Bytes.
    let peak: Double
    let pss: Double
    let predicted: Double
    /// The predicted bytes of weights, master weights, gradients and states.
    let model: Double
  }

  let shape: RunShape
  /// The estimate for the first rank.
  let estimate: MemoryEstimate
  /// The ranks of the first host.
  let ranks: [Rank]

  func sum(_ part: KeyPath<Rank, Double>) -> Double { ranks.reduce(0) { $0 + $1[keyPath: part] } }

  /// The rank with the highest peak.
  private var highest: Rank { ranks.max { $0.peak < $1.peak }! }
  /// The peak of that rank, without memory that its neighbours hold.
  var peak: Double { highest.peak - Double(estimate.seenBytes) }
  var predicted: Double { highest.predicted }
  /// The bytes of weights, master weights, gradients and states: by the formula, and as the rest of the measured
  /// peak.
  var model: Double { highest.model }
  var measuredModel: Double { peak - (highest.predicted - highest.model) }
  var hostPredicted: Double { sum(\.predicted) }
  var hostPSS: Double { sum(\.pss) }
}

struct MemoryTable {
  let model: String
  let parameters: Int
  let batch: BatchShape
  let ranks: Int
  let hosts: Int
  /// The number of threads of a rank.
  let threads: Int
  let rows: [MemoryRow]

  var text: String {
    let header = [
      "zero", "dtype", "weights", "formula", "measured", "diff.", "rank", "peak", "diff.", "host", "PSS",
      "diff.",
    ]
    let lines = [
      "bench     memory",
      "model     \(model), \(grouped(parameters)) parameters; \(batch.sequences) × \(batch.length) tokens",
      "machine   \(counted(ranks, "rank"))\(hosts > 1 ? " on \(hosts) hosts" : "") × \(counted(threads, "thread"))",
      "formula   bytes a parameter of weights, masters, gradients and states; measured is what the peak leaves",
      "rank      MB predicted of a rank, and its peak RSS; host: of all its ranks, and their PSS",
      "",
    ]
    return (lines + aligned([header] + rows.map(cells), textColumns: 3)).joined(separator: "\n")
  }

  private func cells(_ row: MemoryRow) -> [String] {
    func perParameter(_ bytes: Double) -> String { decimals(bytes / Double(parameters), 2) }
    func difference(_ measured: Double, _ predicted: Double) -> String {
      decimals((measured / predicted - 1) * 100, 1) + " %"
    }
    return [
      "\(row.shape.stage.rawValue)", row.shape.type.rawValue, row.estimate.sharedBytes > 0 ? "shared" : "own",
      perParameter(row.model), perParameter(row.measuredModel), difference(row.measuredModel, row.model),
      megabytes(row.predicted), megabytes(row.peak), difference(row.peak, row.predicted),
      megabytes(row.hostPredicted), megabytes(row.hostPSS), difference(row.hostPSS, row.hostPredicted),
    ]
  }

  var json: JSON {
    .object([
      "bench": .string("memory"), "model": .string(model), "parameters": .integer(parameters),
      "ranks": .integer(ranks), "hosts": .integer(hosts), "threads": .integer(threads),
      "rows": .array(
        rows.map { row in
          .object([
            "zero": .integer(row.shape.stage.rawValue), "model_dtype": .string(row.shape.type.rawValue),
            "recompute": .string(row.shape.recompute.rawValue),
            "shared_weights": .bool(row.estimate.sharedBytes > 0), "parts": row.estimate.json,
            "model_bytes": .number(row.model), "measured_model_bytes": .number(row.measuredModel),
            "bytes_per_rank": .number(row.predicted), "peak_per_rank": .number(row.peak),
            "bytes_per_host": .number(row.hostPredicted), "pss_per_host": .number(row.hostPSS),
          ])
        }),
    ])
  }
}
