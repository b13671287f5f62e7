// AdamW whose moments are kept in 8 bits (Dettmers et al. 2022), as in bitsandbytes' AdamW8bit. Each block of 256
// numbers has its largest magnitude in fp32, and one byte per number that names the nearest value of the dynamic map,
// signed for the first moment and unsigned for the second. The update itself uses the moments before they are
// rounded. Parameters with fewer than 4,096 numbers keep fp32 moments, as in bitsandbytes.
//
// A block ends with its parameter, so that no two parameters share a scale. Weights decay before the update, and
// signs of moments that round to 0 are dropped, as in the reference's PyTorch version; its CUDA kernel does
// otherwise.
import Foundation
import Kernels
import Tensors

package struct AdamW8bit: LocalRule {
  /// The update formula, and the rule for small parameters.
  package var exact: AdamW

  package init(_ exact: AdamW = AdamW()) { self.exact = exact }

  /// Parameters with fewer numbers keep fp32 moments (bitsandbytes' `min_8bit_size`).
  package static let smallest = 4096.0

  package var states: [OptimizerState] {
    let isSmall: @Sendable (ParameterSpec) -> Bool = { $0.size < Self.smallest }
    let isLarge: @Sendable (ParameterSpec) -> Bool = { $0.size >= Self.smallest }
    return exact.states.map { OptimizerState($0.name, covers: isSmall) }
      + ["first_moment", "second_moment"].flatMap { name in
        [
          OptimizerState(name + "_codes", .uint8, covers: isLarge),
          OptimizerState(name + "_scales", of: .blocks, covers: isLarge),
        ]
      }
  }

  package func update(
    _ stretch: UpdateStretch, step: Int, learningRate: Double, gradientScale: Float, engine: Engine
  ) {
    guard stretch.states[2] != nil else {
      exact.update(
        stretch, step: step, learningRate: learningRate, gradientScale: gradientScale, engine: engine)
      return
    }
    let m = EightBitState(stretch, codes: 2, .signed)
    let v = EightBitState(stretch, codes: 4, .unsigned)
    let formula = AdamW.Formula(
      exact, step: step, learningRate: learningRate, gradientScale: gradientScale,
      weightDecay: stretch.decay(exact.weightDecay))
    let size = OptimizerState.block
    let first = stretch.phase % size
    let blocks = OptimizerState.blocks(phase: stretch.phase, count: stretch.count)
    engine.pool.run((blocks + 63) / 64) { tile, _ in
      withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * size) { memory in
        let (mBlock, vBlock) = (memory.baseAddress!, memory.baseAddress! + size)
        for block in tile * 64..<min((tile + 1) * 64, blocks) {
          let start = max(block * size - first, 0)
          let count = min((block + 1) * size - first, stretch.count) - start
          let (w, g) = (stretch.weights + start, stretch.gradients + start)
          m.load(block, start, count, into: mBlock)
          v.load(block, start, count, into: vBlock)
          forEachVector(count) {
            let moments = formula.moments($0.load(g), m: $0.load(mBlock), v: $0.load(vBlock))
            $0.store(moments.m, mBlock)
            $0.store(moments.v, vBlock)
            $0.store(formula.weights($0.load(w), moments), w)
          }
          m.store(mBlock, block, start, count)
          v.store(vBlock, block, start, count)
        }
      }
    }
  }
}

/// One moment of a range as codes and scales.
private struct EightBitState {
  private let codes: UnsafeMutablePointer<UInt8>
  private let scales: UnsafeMutablePointer<Float>
  private let map: DynamicMap

  init(_ stretch: UpdateStretch, codes state: Int, _ map: DynamicMap) {
    guard let codes = stretch.states[state] else { preconditionFailure("codes of a small parameter") }
    self.codes = codes.assumingMemoryBound(to: UInt8.self)
    scales = stretch.floats(state + 1)
    self.map = map
  }

  func load(_ block: Int, _ start: Int, _ count: Int, into moments: UnsafeMutablePointer<Float>) {
    map.decode(codes + start, count: count, scale: scales[block], into: moments)
  }

  /// - Parameter moments: room for whole vectors, of which `count` numbers are used.
  func store(_ moments: UnsafeMutablePointer<Float>, _ block: Int, _ start: Int, _ count: Int) {
    let whole = (count + 15) / 16 * 16
    (moments + count).update(repeating: 0, count: whole - count)
    var sizes = Vector()
    for index in stride(from: 0, to: whole, by: 16) {
      let x = UnsafeRawPointer(moments + index).loadUnaligned(as: Vector.self)
      sizes = sizes.maximum(x.replacing(with: -x, where: x .< 0))
    }
    scales[block] = sizes.largest
    // As in the reference, a block of zeros has no inverse.
    let inverse = 1 / max(sizes.largest, 1e-38)
    guard whole > count else {
      map.encode(moments, count: count, scale: inverse, into: codes + start)
      return
    }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: OptimizerState.block) { memory in
      map.encode(moments, count: whole, scale: inverse, into: memory.baseAddress!)
      (codes + start).update(from: memory.baseAddress!, count: count)
    }
  }
}
