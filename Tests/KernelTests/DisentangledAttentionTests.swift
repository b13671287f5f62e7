// Disentangled attention against fp64: values, and every gradient by finite differences.
import Foundation
import Kernels
import Reference
import Testing

@Suite struct DisentangledAttentionTests {
  private struct Case {
    let shape: DisentangledShape
    let hasKeys: Bool
    let hasQueries: Bool
    /// [2T − 1]
    let rows: [Int32]
    let first: [Int32]
    let end: [Int32]

    /// The output in fp64, and the sum of its products with `weights`.
    func output(_ qkv: [Double], _ table: [Double]) -> [Double] {
      let s = shape
      let (n, d, h) = (s.length, s.headWidth, s.heads)
      let columns = h * d
      var output = [Double](repeating: 0, count: s.sequences * n * columns)
      for sequence in 0..<s.sequences {
        for head in 0..<h {
          for query in 0..<n {
            let place = sequence * n + query
            let keys = first[place] < end[place] ? Int(first[place])..<Int(end[place]) : 0..<0
            let q = place * 3 * columns + head * d
            let scores = keys.map { key -> Double in
              let k = (sequence * n + key) * 3 * columns + columns + head * d
              let row = Int(rows[query - key + n - 1]) * s.distanceStride
              var sum = 0.0
              for i in 0..<d {
                sum += qkv[q + i] * qkv[k + i]
                if hasKeys { sum += qkv[q + i] * table[row + head * d + i] }
                if hasQueries { sum += qkv[k + i] * table[row + (hasKeys ? columns : 0) + head * d + i] }
              }
              return sum * Double(s.scale)
            }
            let peak = scores.max() ?? 0
            let total = scores.reduce(0) { $0 + exp($1 - peak) }
            for (score, key) in zip(scores, keys) {
              let v = (sequence * n + key) * 3 * columns + 2 * columns + head * d
              for i in 0..<d {
                output[place * columns + head * d + i] += exp(score - peak) / total * qkv[v + i]
              }
            }
          }
        }
      }
      return output
    }
  }

  @Test func valuesAndSlopes() throws {
    var draw = Draw(170)
    var ran = 0
    for (sequences, length, heads, width, span, parts) in [
      (1, 1, 1, 1, 1, 3), (2, 5, 3, 2, 3, 3), (1, 18, 2, 5, 4, 1), (3, 7, 1, 3, 2, 2),
    ] {
      let (hasKeys, hasQueries) = (parts & 1 != 0, parts & 2 != 0)
      let columns = heads * width
      let tableColumns = columns * (parts == 3 ? 2 : 1)
      let ends = (0..<sequences).map { length - $0 % 2 * (length / 3) }
      let test = Case(
        shape: DisentangledShape(
          sequences: sequences, length: length, heads: heads, headWidth: width, stride: 3 * columns,
          distances: 2 * span, distanceStride: tableColumns, scale: 0.6),
        hasKeys: hasKeys, hasQueries: hasQueries,
        rows: (1 - length..<length).map { Int32(min(max($0 + span, 0), 2 * span - 1)) },
        // The last query sees nothing.
        first: (0..<sequences * length).map {
          $0 == sequences * length - 1 && length > 1 ? 9 : Int32($0 % 2) % Int32(length)
        },
        end: ends.flatMap { [Int32](repeating: Int32($0), count: length) })
      let qkv = Floats(draw.floats(sequences * length * 3 * columns))
      let table = Floats(draw.floats(2 * span * tableColumns))
      let dOutput = Floats(draw.floats(sequences * length * columns))
      let results = try onEveryEngine { engine in
        let output = Floats(count: sequences * length * columns)
        let logs = Floats(count: sequences * heads * length)
        let scratch = Floats(count: test.shape.scratchCount * engine.pool.threads)
        let (dQKV, dTable) = (Floats(count: qkv.count), Floats(count: table.count))
        // With a frozen table.
        let dAlone = Floats(count: qkv.count)
        test.rows.withUnsafeBufferPointer { rows in
          test.first.withUnsafeBufferPointer { first in
            test.end.withUnsafeBufferPointer { end in
              let operands = DisentangledOperands(
                q: qkv.input, k: qkv.input + columns, v: qkv.input + 2 * columns,
                distanceKeys: hasKeys ? table.input : nil,
                distanceQueries: hasQueries ? table.input + (hasKeys ? columns : 0) : nil,
                rows: rows.baseAddress!,
                intervals: KeyIntervals(first: first.baseAddress!, end: end.baseAddress!))
              let samples = [Int32](repeating: 0, count: sequences)
              engine.disentangledAttention(
                test.shape, operands, dropout: nil, sampleIDs: samples, output: output.base,
                logSums: logs.base,
                scratch: scratch.base)
              engine.disentangledAttentionBackward(
                test.shape, operands,
                DisentangledGradients(
                  dq: dQKV.base, dk: dQKV.base + columns, dv: dQKV.base + 2 * columns,
                  dDistanceKeys: hasKeys ? dTable.base : nil,
                  dDistanceQueries: hasQueries ? dTable.base + (hasKeys ? columns : 0) : nil),
                output: output.input, dOutput: dOutput.input, logSums: logs.input, dropout: nil,
                sampleIDs: samples, scratch: scratch.base)
              engine.disentangledAttentionBackward(
                test.shape, operands,
                DisentangledGradients(
                  dq: dAlone.base, dk: dAlone.base + columns, dv: dAlone.base + 2 * columns,
                  dDistanceKeys: nil, dDistanceQueries: nil),
                output: output.input, dOutput: dOutput.input, logSums: logs.input, dropout: nil,
                sampleIDs: samples, scratch: scratch.base)
            }
          }
        }
        return [output, dQKV, dTable, dAlone]
      }
      let (qkvD, tableD, weights) = (doubles(qkv.values), doubles(table.values), doubles(dOutput.values))
      let what = "\(sequences) x \(length), \(heads) heads of \(width)"
      expectClose(results[0], test.output(qkvD, tableD), 1e-6, scale: 1, what)
      let dQKV = slopes(of: { dot(test.output($0, tableD), weights) }, at: qkvD)
      expectClose(results[1], dQKV, 2e-6, scale: 1, what + ", dQKV")
      let dTable = slopes(of: { dot(test.output(qkvD, $0), weights) }, at: tableD)
      expectClose(results[2], dTable, 2e-6, scale: Double(length).squareRoot(), what + ", dTable")
      #expect(results[3].elementsEqual(results[1]), "\(what), frozen table")
      ran += 1
    }
    #expect(ran == 4)
  }
}
