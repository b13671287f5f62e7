// Whole numbers of few bits, times a scale, from a zero: scale · (code − zero), with code and zero from −2^(b−1) to
// 2^(b−1) − 1. Of the scales from that which spans all numbers of the block down to three fifths of it, that with the
// smallest sum of squared errors is taken, as the authors of GPTQ do with `--mse`.
import Checkpoints
import Tensors

struct IntegerGrid: RoundingGrid {
  let bits: Int
  let block: Int
  /// What scales are stored as.
  let type: StoredType

  typealias Levels = (scale: Float, zero: Float)

  private static let candidates = 24
  private static let narrowest: Float = 0.6

  private var lowest: Float { -Float(1 << (bits - 1)) }
  private var highest: Float { -lowest - 1 }

  func levels(of block: UnsafePointer<Float>) -> Levels {
    // Zero is among the levels.
    var (low, high) = (Float(0), Float(0))
    for place in 0..<self.block {
      low = min(low, block[place])
      high = max(high, block[place])
    }
    var best: (levels: Levels, error: Float) = ((0, 0), .infinity)
    guard low < high else { return best.levels }
    for candidate in 0...Self.candidates {
      let share = 1 - (1 - Self.narrowest) * Float(candidate) / Float(Self.candidates)
      let scale = stored(share * (high - low) / (highest - lowest))
      guard scale > 0 else { break }
      let zero = min(max((lowest - share * low / scale).rounded(.toNearestOrEven), lowest), highest)
      let error = error(of: block, (scale, zero))
      if error < best.error { best = ((scale, zero), error) }
    }
    return best.levels
  }

  private func error(of block: UnsafePointer<Float>, _ levels: Levels) -> Float {
    let inverse = 1 / levels.scale
    var sum: Float = 0
    for place in 0..<self.block {
      let code = min(
        max((block[place] * inverse).rounded(.toNearestOrEven) + levels.zero, lowest), highest)
      let gap = block[place] - levels.scale * (code - levels.zero)
      sum += gap * gap
    }
    return sum
  }

  func value(_ number: Float, at place: Int, _ levels: Levels) -> Float {
    levels.scale * (code(number, levels) - levels.zero)
  }

  /// The code of a number; that of a level gives the level again.
  func code(_ number: Float, _ levels: Levels) -> Float {
    guard levels.scale > 0 else { return levels.zero }
    return min(max((number / levels.scale).rounded(.toNearestOrEven) + levels.zero, lowest), highest)
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
