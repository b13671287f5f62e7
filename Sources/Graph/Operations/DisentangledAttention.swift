// Attention by contents and distances (DeBERTa), and the table of distances that all layers project.
import Foundation
import Kernels
import Tensors

/// Which row of its table a distance has, as transformers' `make_log_bucket_position`.
package struct DisentangledDistances: Sendable, Equatable {
  /// Half of the rows of the table.
  package var span: Int
  /// The number of buckets of each sign, of which the farther half is logarithmic; nil where each distance has its own.
  package var buckets: Int?
  package var farthest: Int

  package init(span: Int, buckets: Int?, farthest: Int) {
    self.span = span
    self.buckets = buckets
    self.farthest = farthest
  }

  package var rows: Int { 2 * span }

  /// - Parameter distance: query minus key.
  package func row(of distance: Int) -> Int { min(max(bucket(distance) + span, 0), rows - 1) }

  private func bucket(_ distance: Int) -> Int {
    guard let buckets else { return distance }
    let middle = buckets / 2
    let length = abs(distance)
    guard length > middle else { return distance }
    // In fp32, as it decides where the buckets end.
    let share =
      log(Float(length) / Float(middle)) / log(Float(Double(farthest - 1) / Double(middle)))
      * Float(middle - 1)
    return (Int(share.rounded(.up)) + middle) * (distance < 0 ? -1 : 1)
  }
}

extension Graph {
  /// A table as a value that other operations read: [rows, columns].
  package func table(_ name: String, rows: Int, columns: Int) -> Value {
    let table = parameter(name, [rows, columns], decays: true, initial: .normal(deviation: 0.02))
    return append(
      Table(indices: declaring ? [] : (0..<Int32(rows)).map { $0 }, columns: columns), parameters: [table],
      columns: columns, rows: rows)
  }

  /// - Parameters:
  ///   - qkv: [B · T, 3C]: queries, keys and values of all heads, side by side.
  ///   - table: [R, C] or [R, 2C]: the projected table of distances, as keys for queries, then as queries for keys.
  ///   - hasKeys, hasQueries: which of the two parts it has.
  /// - Returns: [B · T, C].
  package func disentangledAttention(
    _ qkv: Value, _ table: Value, hasKeys: Bool, hasQueries: Bool, _ distances: DisentangledDistances,
    heads: Int,
    dropout: Double
  ) -> Value {
    let columns = qkv.columns / 3
    precondition(
      table.columns == columns * ((hasKeys ? 1 : 0) + (hasQueries ? 1 : 0)), "the table does not fit")
    let d = columns / heads
    let parts = 1 + (hasKeys ? 1 : 0) + (hasQueries ? 1 : 0)
    let probability = dropsOut ? dropout : 0
    let operation = DisentangledAttention(
      shape: DisentangledShape(
        sequences: shape.sequences, length: shape.length, heads: heads, headWidth: d, stride: qkv.columns,
        distances: table.rows, distanceStride: table.columns, scale: 1 / Float(d * parts).squareRoot()),
      rows: declaring ? [] : (1 - shape.length..<shape.length).map { Int32(distances.row(of: $0)) },
      keyPart: hasKeys ? 0 : nil, queryPart: hasQueries ? (hasKeys ? columns : 0) : nil, columns: columns,
      probability: probability, site: probability > 0 ? nextSite() : 0)
    return append(
      operation, inputs: [qkv, table], columns: columns,
      keeping: [(rows: shape.sequences * heads, columns: shape.length)])
  }
}

struct Table: Operation {
  /// 0 to the number of rows.
  let indices: [Int32]
  let columns: Int
  var keeps: Keeps { Keeps() }

  func forward(_ frame: Frame) {
    indices.withUnsafeBufferPointer {
      frame.engine.embed(
        $0.baseAddress!, table: frame.matrix(0, rows: indices.count, columns: columns), rows: indices.count,
        into: frame.output(0), adding: false)
    }
  }

  func backward(_ frame: Frame) {
    guard let dTable = frame.weightGradient(0) else { return }
    frame.engine.copy(
      frame.outputGradient(0), count: indices.count * columns, into: dTable.base, adding: dTable.adding)
  }
}

struct DisentangledAttention: Operation {
  let shape: DisentangledShape
  /// The row of the table for each distance.
  let rows: [Int32]
  /// Where its keys, and its queries, begin in a row of the table.
  let keyPart: Int?
  let queryPart: Int?
  let columns: Int
  let probability: Double
  let site: Int

  var keeps: Keeps { Keeps(inputs: [0, 1], outputs: [0]) }
  var isAttention: Bool { true }
  func scratchCount(threads: Int) -> Int { shape.scratchCount * threads }

  var productOperations: Double {
    let parts = (keyPart == nil ? 0 : 1) + (queryPart == nil ? 0 : 1)
    return 2 * Double(shape.sequences * shape.length * columns)
      * Double(2 * shape.length + parts * shape.distances)
  }

  private func dropout(_ frame: Frame) -> Dropout? {
    guard probability > 0 else { return nil }
    return Dropout(probability: probability, seed: frame.input.seed, step: frame.input.step, site: site)
  }

  private func withOperands(_ frame: Frame, _ body: (DisentangledOperands) -> Void) {
    let (qkv, table) = (frame.input(0), frame.input(1))
    rows.withUnsafeBufferPointer {
      body(
        DisentangledOperands(
          q: qkv, k: qkv + columns, v: qkv + 2 * columns,
          distanceKeys: keyPart.map { UnsafePointer(table + $0) },
          distanceQueries: queryPart.map { UnsafePointer(table + $0) }, rows: $0.baseAddress!,
          intervals: frame.input.stream.keys))
    }
  }

  func forward(_ frame: Frame) {
    withOperands(frame) {
      frame.engine.disentangledAttention(
        shape, $0, dropout: dropout(frame), sampleIDs: frame.input.sampleIDs, output: frame.output(0),
        logSums: frame.kept(0), scratch: frame.scratch)
    }
  }

  func backward(_ frame: Frame) {
    guard let dQKV = frame.inputGradient(0) else { return }
    let dTable = frame.inputGradient(1)
    precondition(!dQKV.adding && dTable?.adding != true, "something else reads the operands")
    withOperands(frame) {
      frame.engine.disentangledAttentionBackward(
        shape, $0,
        DisentangledGradients(
          dq: dQKV.base, dk: dQKV.base + columns, dv: dQKV.base + 2 * columns,
          dDistanceKeys: keyPart.flatMap { part in dTable.map { $0.base + part } },
          dDistanceQueries: queryPart.flatMap { part in dTable.map { $0.base + part } }),
        output: frame.output(0), dOutput: frame.outputGradient(0), logSums: frame.kept(0),
        dropout: dropout(frame), sampleIDs: frame.input.sampleIDs, scratch: frame.scratch)
    }
  }
}
