// Attention whose products take operands in bfloat16: against fp64 and fp32 within the rounding of P and dS, for every case
// of AttentionCase.swift and for longer ones.
import CProcessor
import Kernels
import Reference
import Tensors
import Testing

@Suite(.enabled(if: (try? Engine(threads: 1))?.hasHalfDots == true)) struct HalfAttentionTests {
  /// Several tiles of 128 keys and panels of 32 columns, odd widths, and widths of real models.
  private static let longer = [
    AttentionCase(queries: 300, heads: 2, width: 64),
    AttentionCase(sequences: 2, queries: 257, heads: 4, keyHeads: 2, width: 16, packed: true, dropout: 0.2),
    AttentionCase(sequences: 9, queries: 150, heads: 4, keyHeads: 2, width: 33, packed: true),
    AttentionCase(queries: 200, earlier: 75, heads: 2, width: 80, window: 90),
    AttentionCase(queries: 333, heads: 3, keyHeads: 3, width: 96, dropout: 0.1, window: 40),
    AttentionCase(sequences: 2, queries: 270, heads: 2, width: 17, isCausal: false, window: 130),
    AttentionCase(queries: 280, heads: 2, width: 8, dropout: 0.3, isCausal: false),
    AttentionCase(queries: 140, earlier: 1, heads: 2, width: 31, isCausal: false, biased: true),
    AttentionCase(sequences: 9, queries: 290, heads: 4, keyHeads: 2, width: 24, packed: true, biased: true),
    AttentionCase(queries: 260, heads: 2, keyHeads: 1, width: 40, packed: true, softCap: 2, size: 3),
    AttentionCase(queries: 150, earlier: 90, heads: 2, width: 12, anyInterval: true, dropout: 0.2),
  ]

  private func dense(_ values: [Float], _ test: AttentionCase, stride: Int, heads: Int) -> [Float] {
    denseRows(
      values, stride: stride, heads: heads, headStride: test.headStride, width: test.width, gapIsNaN: false)
  }

  @Test(arguments: AttentionCase.all + longer) func values(_ test: AttentionCase) throws {
    var draw = Draw(80)
    let operands = AttentionOperands(test, draw: &draw, rounds: true)
    let shape = operands.shape
    let got = try onEveryEngine { operands.run($0) }
    let exact = operands.run(try Engine(threads: 1, halfKernels: .widened)).map(\.values)
    // Where a query has all of its weight on one key, nothing is rounded.
    #expect(!sameBits(got[0], exact[0]) || test.keys == 1 || test.window == 1 || test.size > 10)

    func inputs(_ floats: Floats, _ stride: Int, _ heads: Int) -> [Double] {
      doubles(dense(floats.values, test, stride: stride, heads: heads))
    }
    let want = operands.reference.forward(
      q: inputs(operands.q, shape.queryStride, test.heads),
      k: inputs(operands.k, shape.keyStride, test.keyHeads),
      v: inputs(operands.v, shape.keyStride, test.keyHeads))
    let columns = test.heads * test.width
    // Numbers of P are off by 2⁻⁸ of themselves at most, and V is at most 1; scores and their sums are fp32.
    expectClose(
      denseRows(got[0], stride: shape.outputStride, width: columns), want.output, 0x1p-8 / (1 - test.dropout),
      scale: 1, "O")
    let spread = max(1, want.logSums.reduce(0) { max($0, abs($1)) })
    expectClose(got[1], want.logSums, 1e-6, scale: spread, "L")
    for (index, stride, heads) in [
      (2, shape.queryStride, test.heads), (3, shape.keyStride, test.keyHeads),
      (4, shape.keyStride, test.keyHeads),
    ] {
      // The gaps of gradients are unwritten.
      let result = denseRows(
        got[index], stride: stride, heads: heads, headStride: test.headStride, width: test.width)
      let fine = doubles(dense(exact[index], test, stride: stride, heads: heads))
      let scale = fine.reduce(0) { max($0, abs($1)) }
      expectClose(result, fine, 0x1p-7, scale: max(scale, 1e-3), ["dQ", "dK", "dV"][index - 2])
    }
    if test.biased {
      let fine = doubles(exact[5])
      // dS is summed before it is rounded, but is as far off as O.
      expectClose(got[5], fine, 0x1p-7, "dB")
    }
  }

  /// Rounding happens inside, to the nearest number.
  @Test func operandsAreRounded() throws {
    let test = AttentionCase(queries: 100, heads: 2, width: 24)
    var (first, second) = (Draw(81), Draw(81))
    let rounded = AttentionOperands(test, draw: &first, rounds: true)
    let plain = AttentionOperands(test, draw: &second)
    let engine = try Engine(threads: 2)
    func output(_ operands: AttentionOperands, rounds: Bool) -> [Float] {
      var operands = operands
      operands.shape.rounding = rounds ? .operands : .none
      return operands.run(engine)[0].values
    }
    #expect(!sameBits(plain.q.values, rounded.q.values))
    let want = output(rounded, rounds: true)
    #expect(sameBits(output(plain, rounds: true), want))
    #expect(!sameBits(output(plain, rounds: false), want))
  }

  /// Where values have a mean, dP and rowsum(dO ∘ O) are large beside their difference: both must read dO as it is
  /// rounded.
  @Test func roundingLeavesTheSlopesOfScores() throws {
    var draw = Draw(83)
    let test = AttentionCase(queries: 100, heads: 2, width: 24)
    let operands = AttentionOperands(test, draw: &draw, rounds: true)
    for place in 0..<operands.v.count {
      operands.v.base[place] = BFloat16(rounding: operands.v.base[place] + 3).float
    }
    for (place, number) in draw.floats(operands.dOutput.count).enumerated() {
      operands.dOutput.base[place] = number
    }
    let exact = operands.run(try Engine(threads: 1, halfKernels: .widened)).map(\.values)
    let got = operands.run(try Engine(threads: 1)).map(\.values)
    for (index, stride, heads) in [
      (2, operands.shape.queryStride, test.heads), (3, operands.shape.keyStride, test.keyHeads),
    ] {
      func numbers(_ values: [Float]) -> [Float] {
        denseRows(values, stride: stride, heads: heads, headStride: test.headStride, width: test.width)
      }
      expectClose(numbers(got[index]), doubles(numbers(exact[index])), 0x1p-7, ["dQ", "dK"][index - 2])
    }
  }

  /// Products of every form, against fp64; results lie in rows with gaps.
  @Test func products() {
    var draw = Draw(82)
    var ran = 0
    for (m, n, k) in [
      (1, 1, 1), (7, 16, 2), (8, 17, 15), (13, 33, 64), (64, 80, 129), (16, 100, 16), (70, 31, 33),
    ] {
      for isTurned in [false, true] {
        for isAcross in [false, true] {
          check(m, n, k, isTurned: isTurned, isAcross: isAcross, &draw)
          ran += 1
        }
      }
    }
    #expect(ran == 28)
  }

  /// - Parameters:
  ///   - isTurned: whether B is given as Bᵀ.
  ///   - isAcross: whether A is given as Aᵀ, which is packed in pairs of its rows, and C is added to.
  private func check(
    _ m: Int, _ n: Int, _ k: Int, isTurned: Bool, isAcross: Bool, _ draw: inout Draw
  ) {
    #if arch(x86_64)
      func numbers(_ count: Int) -> [Float] { draw.floats(count).map { BFloat16(rounding: $0).float } }
      let (a, b) = (numbers(m * k), numbers(k * n))
      let (pairs, panels, cStride) = ((k + 1) / 2, (n + 31) / 32, n + 3)
      var packedB = [UInt32](repeating: .max, count: panels * 32 * pairs)
      if isTurned {
        swiftdp_half_turned_panels(b, k, n, k, &packedB, pairs)
      } else {
        swiftdp_half_panels(b, n, k, n, &packedB, pairs)
      }
      let before: Float = isAcross ? 3 : .nan
      let c = Floats(count: m * cStride, of: before)
      if isAcross {
        var packedA = [UInt32](repeating: .max, count: (m + 31) / 32 * 32 * pairs)
        swiftdp_half_panels(a, m, k, m, &packedA, pairs)
        for first in stride(from: 0, to: m, by: 32) {
          packedA.withUnsafeBufferPointer {
            swiftdp_half_product(
              min(32, m - first), n, pairs, $0.baseAddress! + first * pairs, 1, 32, packedB, 32 * pairs, 0.5,
              nil, 1,
              c.base + first * cStride, cStride)
          }
        }
      } else {
        var packedA = [UInt16](repeating: .max, count: (m + 7) / 8 * 8 * 2 * pairs)
        swiftdp_half_rows(a, k, m, k, &packedA, 2 * pairs, (m + 7) / 8 * 8)
        packedA.withUnsafeBytes {
          swiftdp_half_product(
            m, n, pairs, $0.assumingMemoryBound(to: UInt32.self).baseAddress!, pairs, 1, packedB, 32 * pairs,
            0.5,
            nil, 0, c.base, cStride)
        }
      }
      let want = Reference.product(
        m, n, k, a: { Double(a[isAcross ? $1 * m + $0 : $0 * k + $1]) },
        b: { Double(b[isTurned ? $1 * k + $0 : $0 * n + $1]) })
      let got = c.values
      expectClose(
        (0..<m * n).map { got[$0 / n * cStride + $0 % n] }, want.map { 0.5 * $0 + (isAcross ? 3 : 0) },
        1.2e-7 * Double(k + 4), scale: 1, "\(m) x \(n) x \(k), \(isTurned), \(isAcross)")
      #expect(got.indices.allSatisfy { $0 % cStride < n || got[$0].isNaN == before.isNaN && !(got[$0] > 3) })
    #endif
  }
}
