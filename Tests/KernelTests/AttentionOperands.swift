// The operands of an AttentionCase, and what kernels make of them.
import Kernels
import Reference
import Tensors
import Testing

struct AttentionOperands {
  private static let dropout = DropoutReference(probability: 0, seed: 11, step: 5, site: 4)

  var shape: AttentionShape
  let reference: AttentionReference
  let q, k, v, dOutput: Floats
  let bias: Floats?
  let firstKeys: [Int32]
  let endKeys: [Int32]
  let sampleIDs: [Int32]
  let dropout: Dropout?

  /// - Parameter rounds: whether products take operands in bfloat16; they are rounded here already.
  init(_ test: AttentionCase, draw: inout Draw, rounds: Bool = false) {
    let (b, t, n, d) = (test.sequences, test.queries, test.keys, test.width)
    shape = AttentionShape(
      sequences: b, queries: t, keys: n, heads: test.heads, keyHeads: test.keyHeads, headWidth: d,
      queryStride: test.headStride * test.heads + 3, queryHeadStride: test.headStride,
      keyStride: test.headStride * test.keyHeads + 1, keyHeadStride: test.headStride,
      outputStride: test.heads * d + 2, scale: 1 / Float(d).squareRoot(), isCausal: test.isCausal,
      window: test.window, softCap: test.softCap, hasBias: test.biased, rounding: rounds ? .operands : .none)
    func numbers(_ count: Int, _ draw: inout Draw, scale: Float = 1) -> Floats {
      let drawn = draw.floats(count, scale: scale)
      return Floats(rounds ? drawn.map { BFloat16(rounding: $0).float } : drawn)
    }
    q = numbers(b * t * shape.queryStride, &draw, scale: test.size)
    k = numbers(b * n * shape.keyStride, &draw, scale: test.size)
    v = numbers(b * n * shape.keyStride, &draw)
    dOutput = numbers(b * t * shape.outputStride, &draw)
    bias = test.biased ? Floats(draw.floats(test.heads * shape.distances, scale: 2)) : nil
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
    if !test.isCausal { endKeys = endKeys.map { _ in Int32(n) } }
    if test.anyInterval {
      for query in 0..<b * t {
        firstKeys[query] = Int32(draw.below(n))
        endKeys[query] = firstKeys[query] + Int32(draw.below(n - Int(firstKeys[query]) + 1))
      }
    }
    self.firstKeys = firstKeys
    self.endKeys = endKeys
    sampleIDs = (0..<b).map { Int32(3 * $0 + 1) }
    var masks = Self.dropout
    masks.probability = test.dropout
    dropout =
      test.dropout > 0
      ? Dropout(probability: test.dropout, seed: masks.seed, step: masks.step, site: masks.site) : nil
    reference = AttentionReference(
      sequences: b, queries: t, keys: n, heads: test.heads, keyHeads: test.keyHeads, width: d,
      scale: Double(shape.scale), firstKeys: firstKeys, endKeys: endKeys,
      dropout: test.dropout > 0 ? masks : nil,
      sampleIDs: sampleIDs, isCausal: test.isCausal, window: test.window,
      softCap: test.softCap.map(Double.init), bias: bias.map { doubles($0.values) })
  }

  /// Output, log-sum-exps, dq, dk, dv, and the gradient of a bias.
  func run(_ engine: Engine) -> [Floats] {
    firstKeys.withUnsafeBufferPointer { first in
      endKeys.withUnsafeBufferPointer { end in
        run(engine, KeyIntervals(first: first.baseAddress!, end: end.baseAddress!))
      }
    }
  }

  private func run(_ engine: Engine, _ intervals: KeyIntervals) -> [Floats] {
    let scratch = Floats(count: shape.scratchCount(threads: engine.pool.threads))
    let backwardScratch = Floats(count: shape.backwardScratchCount(threads: engine.pool.threads))
    let output = Floats(count: dOutput.count)
    let logSums = Floats(count: shape.sequences * shape.heads * shape.queries)
    engine.attention(
      shape, q: q.input, k: k.input, v: v.input, bias: bias?.input, intervals: intervals, dropout: dropout,
      sampleIDs: sampleIDs,
      output: output.base, logSums: logSums.base, scratch: scratch.base)
    let (dq, dk, dv) = (Floats(count: q.count), Floats(count: k.count), Floats(count: v.count))
    // Added to what is there.
    let dBias = bias.map { Floats(count: $0.count, of: 1) }
    engine.attentionBackward(
      shape,
      AttentionGradients(
        q: q.input, k: k.input, v: v.input, bias: bias?.input, output: output.input,
        dOutput: dOutput.input, logSums: logSums.input, dq: dq.base, dk: dk.base, dv: dv.base,
        dBias: dBias?.base, addsToBias: true),
      intervals: intervals, dropout: dropout, sampleIDs: sampleIDs, scratch: backwardScratch.base)
    // Checks the guards of the scratch.
    _ = (scratch.values.count, backwardScratch.values.count)
    return [output, logSums, dq, dk, dv] + (dBias.map { [$0] } ?? [])
  }
}

/// The heads of each row without the gaps; expects the gaps to be unwritten.
func denseRows(
  _ values: [Float], stride: Int, heads: Int = 1, headStride: Int? = nil, width: Int, gapIsNaN: Bool = true
) -> [Float] {
  let headStride = headStride ?? width
  func isGap(_ place: Int) -> Bool {
    place % stride >= heads * headStride || place % stride % headStride >= width
  }
  if gapIsNaN { #expect(values.indices.allSatisfy { !isGap($0) || values[$0].isNaN }, "a gap was written") }
  return values.indices.filter { !isGap($0) }.map { values[$0] }
}
