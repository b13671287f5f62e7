// Attention: values and gradients against fp64 for grouped heads, packed documents, cached keys, dropout.
import Kernels
import Reference
import Testing

/// One attention with random operands that lie in rows with gaps.
struct AttentionCase: CustomTestStringConvertible, Sendable {
  var sequences = 1
  var queries: Int
  /// Keys beyond the queries, as in decoding.
  var earlier = 0
  var heads = 1
  var keyHeads = 1
  var width: Int
  var packed = false
  /// Any interval of keys, even an empty one, instead of the keys up to the query itself.
  var anyInterval = false
  var dropout = 0.0
  var size: Float = 1
  /// A slope is taken every so many elements, as each costs a whole forward pass.
  var step = 1

  var keys: Int { queries + earlier }
  var testDescription: String {
    "\(sequences)x\(queries)+\(earlier), \(heads)/\(keyHeads) heads of \(width), packed \(packed), any \(anyInterval), "
      + "dropout \(dropout), size \(size)"
  }

  static let all = [
    AttentionCase(queries: 1, width: 1),
    AttentionCase(queries: 3, width: 2),
    AttentionCase(sequences: 2, queries: 5, heads: 4, keyHeads: 2, width: 3),
    AttentionCase(sequences: 2, queries: 17, heads: 3, keyHeads: 1, width: 15, packed: true, step: 5),
    AttentionCase(sequences: 3, queries: 16, heads: 2, keyHeads: 2, width: 16, dropout: 0.3, step: 7),
    AttentionCase(
      sequences: 2, queries: 33, heads: 4, keyHeads: 2, width: 4, packed: true, dropout: 0.2, step: 7),
    // More than one block of 64 queries.
    AttentionCase(queries: 100, heads: 2, width: 5, packed: true, step: 13),
    AttentionCase(
      sequences: 2, queries: 130, heads: 4, keyHeads: 2, width: 8, packed: true, dropout: 0.1, step: 211),
    // Fewer queries than keys.
    AttentionCase(sequences: 2, queries: 1, earlier: 32, heads: 2, width: 7),
    AttentionCase(
      sequences: 2, queries: 4, earlier: 70, heads: 4, keyHeads: 1, width: 3, packed: true, dropout: 0.4),
    AttentionCase(queries: 70, earlier: 15, heads: 2, width: 4, packed: true, step: 11),
    // Windows, rows that see all keys of others, and queries that see none.
    AttentionCase(sequences: 2, queries: 9, heads: 2, width: 4, anyInterval: true),
    AttentionCase(
      sequences: 2, queries: 70, earlier: 20, heads: 4, keyHeads: 2, width: 4, anyInterval: true,
      dropout: 0.2, step: 23),
    AttentionCase(sequences: 9, queries: 67, heads: 2, width: 8, anyInterval: true, step: 101),
    // Scores of some thousands: softmax is all or nothing.
    AttentionCase(sequences: 2, queries: 20, heads: 2, width: 16, size: 60, step: 9),
  ]
}

@Suite struct AttentionTests {
  static let dropout = DropoutReference(probability: 0, seed: 11, step: 5, site: 4)

  private struct Operands {
    let shape: AttentionShape
    let reference: AttentionReference
    let q, k, v, dOutput: Floats
    let firstKeys: [Int32]
    let endKeys: [Int32]
    let sampleIDs: [Int32]
    let dropout: Dropout?

    init(_ test: AttentionCase, draw: inout Draw) {
      let (b, t, n, d) = (test.sequences, test.queries, test.keys, test.width)
      shape = AttentionShape(
        sequences: b, queries: t, keys: n, heads: test.heads, keyHeads: test.keyHeads, headWidth: d,
        queryStride: test.heads * d + 3, keyStride: test.keyHeads * d + 1, outputStride: test.heads * d + 2,
        scale: 1 / Float(d).squareRoot())
      q = Floats(draw.floats(b * t * shape.queryStride, scale: test.size))
      k = Floats(draw.floats(b * n * shape.keyStride, scale: test.size))
      v = Floats(draw.floats(b * n * shape.keyStride))
      dOutput = Floats(draw.floats(b * t * shape.outputStride))
      var firstKeys: [Int32] = []
      for _ in 0..<b {
        var first = 0
        for query in 0..<t {
          // A document ends about every tenth token; the next one sees nothing before itself.
          if test.packed, draw.chance(0.1) { first = query + test.earlier }
          firstKeys.append(Int32(first))
        }
      }
      var endKeys = (0..<b * t).map { Int32(test.earlier + $0 % t + 1) }
      if test.anyInterval {
        for query in 0..<b * t {
          firstKeys[query] = Int32(draw.below(n))
          endKeys[query] = firstKeys[query] + Int32(draw.below(n - Int(firstKeys[query]) + 1))
        }
      }
      self.firstKeys = firstKeys
      self.endKeys = endKeys
      sampleIDs = (0..<b).map { Int32(3 * $0 + 1) }
      var masks = AttentionTests.dropout
      masks.probability = test.dropout
      dropout =
        test.dropout > 0
        ? Dropout(probability: test.dropout, seed: masks.seed, step: masks.step, site: masks.site) : nil
      reference = AttentionReference(
        sequences: b, queries: t, keys: n, heads: test.heads, keyHeads: test.keyHeads, width: d,
        scale: Double(shape.scale), firstKeys: firstKeys, endKeys: endKeys,
        dropout: test.dropout > 0 ? masks : nil,
        sampleIDs: sampleIDs)
    }

    /// Output, log-sum-exps, dq, dk, dv.
    func run(_ engine: Engine) -> [Floats] {
      firstKeys.withUnsafeBufferPointer { first in
        endKeys.withUnsafeBufferPointer { end in
          run(engine, KeyIntervals(first: first.baseAddress!, end: end.baseAddress!))
        }
      }
    }

    private func run(_ engine: Engine, _ intervals: KeyIntervals) -> [Floats] {
      let scratch = Floats(count: shape.scratchCount * engine.pool.threads)
      let backwardScratch = Floats(count: shape.backwardScratchCount(threads: engine.pool.threads))
      let output = Floats(count: dOutput.count)
      let logSums = Floats(count: shape.sequences * shape.heads * shape.queries)
      engine.attention(
        shape, q: q.input, k: k.input, v: v.input, intervals: intervals, dropout: dropout,
        sampleIDs: sampleIDs,
        output: output.base, logSums: logSums.base, scratch: scratch.base)
      let (dq, dk, dv) = (Floats(count: q.count), Floats(count: k.count), Floats(count: v.count))
      engine.attentionBackward(
        shape,
        AttentionGradients(
          q: q.input, k: k.input, v: v.input, output: output.input, dOutput: dOutput.input,
          logSums: logSums.input, dq: dq.base, dk: dk.base, dv: dv.base),
        intervals: intervals, dropout: dropout, sampleIDs: sampleIDs, scratch: backwardScratch.base)
      // Checks the guards of the scratch.
      _ = (scratch.values.count, backwardScratch.values.count)
      return [output, logSums, dq, dk, dv]
    }
  }

  /// The columns of each row without the gaps; expects the gaps to be unwritten.
  private func dense(_ values: [Float], stride: Int, columns: Int, gapIsNaN: Bool = true) -> [Float] {
    let gaps = values.indices.filter { $0 % stride >= columns }
    if gapIsNaN { #expect(gaps.allSatisfy { values[$0].isNaN }, "a gap was written") }
    return values.indices.filter { $0 % stride < columns }.map { values[$0] }
  }

  @Test(arguments: AttentionCase.all) func valuesAndSlopes(_ test: AttentionCase) throws {
    var draw = Draw(70)
    let operands = Operands(test, draw: &draw)
    let shape = operands.shape
    let results = try onEveryEngine { operands.run($0) }
    let (columns, keyColumns) = (test.heads * test.width, test.keyHeads * test.width)
    func inputs(_ floats: Floats, _ stride: Int, _ columns: Int) -> [Double] {
      doubles(dense(floats.values, stride: stride, columns: columns, gapIsNaN: false))
    }
    let q = inputs(operands.q, shape.queryStride, columns)
    let k = inputs(operands.k, shape.keyStride, keyColumns)
    let v = inputs(operands.v, shape.keyStride, keyColumns)
    let dOutput = inputs(operands.dOutput, shape.outputStride, columns)
    let reference = operands.reference
    let want = reference.forward(q: q, k: k, v: v)
    // fp32 scores are off by their own size times 6e-8, and the exponential by the same factor again.
    let spread = max(1, want.logSums.reduce(0) { max($0, abs($1)) })
    let tolerance = 1e-6 * spread
    expectClose(
      dense(results[0], stride: shape.outputStride, columns: columns), want.output, tolerance, scale: 1, "O")
    expectClose(results[1], want.logSums, 1e-6, scale: spread, "L")

    // Gradients are sums over as many terms as there are keys or queries.
    func slopesOf(_ point: [Double], _ function: ([Double]) -> [Double]) -> (places: [Int], slopes: [Double])
    {
      let places = Array(stride(from: 0, to: point.count, by: test.step))
      return (places, slopes(of: { dot(function($0), dOutput) }, at: point, places: places))
    }
    let dq = slopesOf(q) { reference.forward(q: $0, k: k, v: v).output }
    let dk = slopesOf(k) { reference.forward(q: q, k: $0, v: v).output }
    let dv = slopesOf(v) { reference.forward(q: q, k: k, v: $0).output }
    for (index, slopes, stride, columns) in [
      (2, dq, shape.queryStride, columns), (3, dk, shape.keyStride, keyColumns),
      (4, dv, shape.keyStride, keyColumns),
    ] {
      let got = dense(results[index], stride: stride, columns: columns)
      let scale = max(1, slopes.slopes.reduce(0) { max($0, abs($1)) })
      expectClose(
        slopes.places.map { got[$0] }, slopes.slopes, 2 * tolerance, scale: scale,
        ["dQ", "dK", "dV"][index - 2])
    }
  }

  /// One key head of one sequence would keep only one worker busy, so its blocks of queries are computed in parallel.
  @Test func fewKeyHeadsAreSharedByWorkers() {
    func shape(sequences: Int, queries: Int, heads: Int, keyHeads: Int) -> AttentionShape {
      AttentionShape(
        sequences: sequences, queries: queries, keys: queries, heads: heads, keyHeads: keyHeads,
        headWidth: 64, queryStride: 64 * heads, keyStride: 64 * keyHeads, outputStride: 64 * heads, scale: 1)
    }
    #expect(shape(sequences: 1, queries: 1024, heads: 1, keyHeads: 1).backwardPieces == 16)
    #expect(shape(sequences: 1, queries: 64, heads: 8, keyHeads: 1).backwardPieces == 8)
    #expect(shape(sequences: 4, queries: 256, heads: 12, keyHeads: 12).backwardPieces == 48)
    let long = shape(sequences: 1, queries: 1 << 17, heads: 8, keyHeads: 1)
    #expect(long.backwardPieces == 2)
    #expect(long.backwardScratchCount(threads: 64) * 4 < 300_000_000)
  }

  @Test func invisibleKeysDoNotMatter() throws {
    var draw = Draw(71)
    let test = AttentionCase(queries: 30, heads: 2, width: 8)
    let operands = Operands(test, draw: &draw)
    let engine = try Engine(threads: 1)
    let before = operands.run(engine)[0].values
    // Only the last query sees the last key.
    for column in 0..<8 {
      operands.k.base[29 * operands.shape.keyStride + column] = 1e4
      operands.v.base[29 * operands.shape.keyStride + column] = -1e4
    }
    let after = operands.run(engine)[0].values
    let last = 29 * operands.shape.outputStride
    #expect(sameBits(Array(before[..<last]), Array(after[..<last])))
    #expect(!sameBits(before, after))
  }

  @Test func notANumberReachesWhoSeesIt() throws {
    var draw = Draw(72)
    let test = AttentionCase(queries: 20, heads: 1, width: 4)
    let operands = Operands(test, draw: &draw)
    operands.k.base[12 * operands.shape.keyStride] = .nan
    let results = try onEveryEngine { operands.run($0) }
    let output = dense(results[0], stride: operands.shape.outputStride, columns: 4)
    #expect(output[..<(12 * 4)].allSatisfy { $0.isFinite })
    #expect(output[(12 * 4)...].allSatisfy { $0.isNaN })
    #expect(
      dense(results[2], stride: operands.shape.queryStride, columns: 4)[(12 * 4)...].allSatisfy { $0.isNaN })
  }
}
