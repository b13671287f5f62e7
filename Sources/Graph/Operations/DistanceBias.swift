// A trained number for each head and distance between query and key, which attention adds to scores (T5, Raffel et al.
// 2020): near distances have a row of the table each, farther ones share rows by their logarithm.
import Foundation
import Kernels
import Tensors

/// Which row of a table a distance has, as transformers' `_relative_position_bucket`.
package struct DistanceBuckets: Sendable, Equatable {
  package var count: Int
  /// From this distance on, all share the last row.
  package var farthest: Int
  /// Whether keys stand before the query only; otherwise those behind it have the second half of the rows.
  package var isCausal: Bool

  package init(count: Int, farthest: Int, isCausal: Bool) {
    self.count = count
    self.farthest = farthest
    self.isCausal = isCausal
  }

  /// - Parameter distance: key minus query.
  package func row(of distance: Int) -> Int {
    let rows = isCausal ? count : count / 2
    let start = !isCausal && distance > 0 ? rows : 0
    let length = isCausal ? max(-distance, 0) : abs(distance)
    let exact = rows / 2
    guard length >= exact else { return start + length }
    // In fp32, as it decides where the buckets end.
    let share = log(Float(length) / Float(exact)) / Float(log(Double(farthest) / Double(exact)))
    return start + min(exact + Int(share * Float(rows - exact)), rows - 1)
  }
}

extension Graph {
  /// The bias of all distances in texts of this graph's length, for any number of attentions: [H, distances].
  /// - Parameter name: the table's, [rows, H], without `.weight`.
  package func distanceBias(_ name: String, _ buckets: DistanceBuckets, heads: Int) -> Value {
    let table = parameter(
      name + ".weight", [buckets.count, heads], decays: true, initial: .normal(deviation: 0.02))
    let keys = cache?.capacity ?? shape.length
    let count = AttentionShape.distances(keys: keys, isCausal: buckets.isCausal)
    let rows = declaring ? [] : (0..<count).map { Int32(buckets.row(of: $0 - keys + 1)) }
    return append(
      DistanceBias(rows: rows, heads: heads, buckets: buckets.count), parameters: [table], columns: count,
      rows: heads)
  }
}

struct DistanceBias: Operation {
  /// The row of the table for every distance, from the farthest before the query on.
  let rows: [Int32]
  let heads: Int
  let buckets: Int
  var keeps: Keeps { Keeps() }

  /// [distances, H].
  func scratchCount(threads: Int) -> Int { rows.count * heads }

  func forward(_ frame: Frame) {
    rows.withUnsafeBufferPointer {
      frame.engine.embed(
        $0.baseAddress!, table: frame.matrix(0, rows: buckets, columns: heads), rows: rows.count,
        into: frame.scratch, adding: false)
    }
    for head in 0..<heads {
      let y = frame.output(0) + head * rows.count
      for place in rows.indices { y[place] = frame.scratch[place * heads + head] }
    }
  }

  func backward(_ frame: Frame) {
    guard let dTable = frame.weightGradient(0) else { return }
    if !dTable.adding { frame.engine.clear(dTable.base, count: buckets * heads) }
    for head in 0..<heads {
      let dy = frame.outputGradient(0) + head * rows.count
      for place in rows.indices { frame.scratch[place * heads + head] = dy[place] }
    }
    rows.withUnsafeBufferPointer {
      frame.engine.embedBackward(
        $0.baseAddress!, dy: frame.scratch, rows: rows.count, columns: heads, dTable: dTable.base)
    }
  }
}
