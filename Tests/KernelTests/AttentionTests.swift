// Attention: values and gradients against fp64 for every case of AttentionCase.swift.
import Kernels
import Reference
import Testing

@Suite struct AttentionTests {
  @Test(arguments: AttentionCase.all) func valuesAndSlopes(_ test: AttentionCase) throws {
    var draw = Draw(70)
    let operands = AttentionOperands(test, draw: &draw)
    let shape = operands.shape
    let results = try onEveryEngine { operands.run($0) }
    func matrix(_ values: [Float], _ stride: Int, _ heads: Int, gapIsNaN: Bool) -> [Float] {
      denseRows(
        values, stride: stride, heads: heads, headStride: test.headStride, width: test.width,
        gapIsNaN: gapIsNaN)
    }
    func inputs(_ floats: Floats, _ stride: Int, _ heads: Int) -> [Double] {
      doubles(matrix(floats.values, stride, heads, gapIsNaN: false))
    }
    let columns = test.heads * test.width
    let q = inputs(operands.q, shape.queryStride, test.heads)
    let k = inputs(operands.k, shape.keyStride, test.keyHeads)
    let v = inputs(operands.v, shape.keyStride, test.keyHeads)
    let dOutput = doubles(
      denseRows(operands.dOutput.values, stride: shape.outputStride, width: columns, gapIsNaN: false))
    let reference = operands.reference
    let want = reference.forward(q: q, k: k, v: v)
    // fp32 scores are off by their own size times 6e-8, and the exponential by the same factor again.
    let spread = max(1, want.logSums.reduce(0) { max($0, abs($1)) })
    let tolerance = 1e-6 * spread
    expectClose(
      denseRows(results[0], stride: shape.outputStride, width: columns), want.output, tolerance, scale: 1, "O"
    )
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
    for (index, slopes, stride, heads) in [
      (2, dq, shape.queryStride, test.heads), (3, dk, shape.keyStride, test.keyHeads),
      (4, dv, shape.keyStride, test.keyHeads),
    ] {
      let got = matrix(results[index], stride, heads, gapIsNaN: true)
      let scale = max(1, slopes.slopes.reduce(0) { max($0, abs($1)) })
      expectClose(
        slopes.places.map { got[$0] }, slopes.slopes, 2 * tolerance, scale: scale,
        ["dQ", "dK", "dV"][index - 2])
    }
    guard let bias = reference.bias else { return }
    let dBias = slopesOf(bias) { bias in
      var other = reference
      other.bias = bias
      return other.forward(q: q, k: k, v: v).output
    }
    // A distance is that of many pairs.
    let scale = max(1, dBias.slopes.reduce(0) { max($0, abs($1)) })
    expectClose(
      dBias.places.map { results[5][$0] }, dBias.slopes.map { $0 + 1 }, 4 * tolerance, scale: scale, "dB")
    #expect(dBias.slopes.contains { abs($0) > 1e-3 })
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

  /// What is counted of a window is what its queries see, and blocks of queries have room for no more.
  @Test func aWindowCostsWhatItSees() {
    var compared = 0
    for isCausal in [true, false] {
      for (keys, window) in [(1, 1), (7, 3), (100, 16), (100, 99), (100, 250), (1024, 128)] {
        let shape = AttentionShape(
          sequences: 1, queries: keys, keys: keys, heads: 1, keyHeads: 1, headWidth: 4, queryStride: 4,
          keyStride: 4, outputStride: 4, scale: 1, isCausal: isCausal, window: window)
        let seen = (0..<keys).map { query in
          isCausal
            ? min(query + 1, window)
            : min(query + window / 2, keys - 1) - max(query - window / 2, 0) + 1
        }
        #expect(abs(shape.averageKeys * Double(keys) - Double(seen.reduce(0, +))) < 1e-9 * Double(keys))
        compared += 1
      }
    }
    #expect(compared == 12)
    let long = AttentionShape(
      sequences: 1, queries: 4096, keys: 4096, heads: 1, keyHeads: 1, headWidth: 4, queryStride: 4,
      keyStride: 4, outputStride: 4, scale: 1, window: 128)
    #expect(long.scratchCount(threads: 1) == 64 * (128 + 63))
  }

  /// - Parameter rounds: whether operands are rounded to bfloat16, where processors multiply it.
  @Test(arguments: [false, true]) func invisibleKeysDoNotMatter(rounds: Bool) throws {
    var draw = Draw(71)
    let test = AttentionCase(queries: 150, heads: 2, width: 8)
    let operands = AttentionOperands(test, draw: &draw, rounds: rounds)
    let engine = try Engine(threads: 1)
    let before = operands.run(engine)[0].values
    // Only the last query sees the last key.
    for column in 0..<8 {
      operands.k.base[149 * operands.shape.keyStride + column] = 1e4
      operands.v.base[149 * operands.shape.keyStride + column] = -1e4
    }
    let after = operands.run(engine)[0].values
    let last = 149 * operands.shape.outputStride
    #expect(sameBits(Array(before[..<last]), Array(after[..<last])))
    #expect(!sameBits(before, after))
  }

  @Test(arguments: [false, true]) func notANumberReachesWhoSeesIt(rounds: Bool) throws {
    var draw = Draw(72)
    let test = AttentionCase(queries: 20, heads: 1, width: 4)
    let operands = AttentionOperands(test, draw: &draw, rounds: rounds)
    operands.k.base[12 * operands.shape.keyStride] = .nan
    let results = try onEveryEngine { operands.run($0) }
    let output = denseRows(results[0], stride: operands.shape.outputStride, width: 4)
    #expect(output[..<(12 * 4)].allSatisfy { $0.isFinite })
    #expect(output[(12 * 4)...].allSatisfy { $0.isNaN })
    #expect(
      denseRows(results[2], stride: operands.shape.queryStride, width: 4)[(12 * 4)...].allSatisfy { $0.isNaN }
    )
  }
}
