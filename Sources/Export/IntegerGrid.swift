// Whole numbers of few bits, times a scale: scale · code, with codes from −2^(b−1) to 2^(b−1) − 1. Of the scales from that which spans all numbers of the block down to three fifths of it, that with the
// smallest sum of squared errors is taken, as the authors of GPTQ do with `--mse`.
import Checkpoints
import Tensors

struct IntegerGrid: RoundingGrid {
  let bits: Int
  let block: Int
  /// What scales are stored as.
  let type: StoredType

  /// The scale.
  typealias Levels = Float

  private static let candidates = 24
  private static let narrowest: Float = 0.6

  private var lowest: Float { -Float(1 << (bits - 1)) }
  private var highest: Float { -lowest - 1 }

  func levels(of block: UnsafePointer<Float>) -> Levels {
    var (low, high) = (Float(0), Float(0))
    for place in 0..<self.block {
      low = min(low, block[place])
      high = max(high, block[place])
    }
    let whole = max(low / lowest, high / highest)
    var best: (scale: Float, error: Float) = (0, .infinity)
    guard whole > 0 else { return 0 }
    for candidate in 0...Self.candidates {
      let share = 1 - (1 - Self.narrowest) * Float(candidate) / Float(Self.candidates)
      let scale = stored(share * whole)
      guard scale > 0 else { break }
      let error = error(of: block, scale)
      if error < best.error { best = (scale, error) }
    }
    return best.scale
  }

  private func error(of block: UnsafePointer<Float>, _ scale: Float) -> Float {
    let inverse = 1 / scale
    var sum: Float = 0
    for place in 0..<self.block {
      let code = min(max((block[place] * inverse).rounded(.toNearestOrEven), lowest), highest)
      let gap = block[place] - scale * code
      sum += gap * gap
    }
    return sum
  }

  func value(_ number: Float, at place: Int, _ scale: Float) -> Float { scale * code(number, scale) }

  /// The code of a number; that of a level gives the level again.
  func code(_ number: Float, _ scale: Float) -> Float {
    guard scale > 0 else { return 0 }
    return min(max((number / scale).rounded(.toNearestOrEven), lowest), highest)
  }

  /// A scale as it is read again.
  private func stored(_ scale: Float) -> Float {
    switch type {
    case .bf16: BFloat16(rounding: scale).float
    case .f16: FloatConversion.widened(f16: FloatConversion.narrowed(f16: scale))
    default: scale
    }
  }
}
