// What a bfloat16 model computes: operands of products are rounded, sums are exact.
import Tensors

/// Rounds operands of a function. While it is held, it takes from each number what it took at the last call before: steps
/// are gone, and slopes are those at the rounded operands, as backward computes them.
package final class RoundingReference {
  private var taken: [[Double]] = []
  private var place = 0
  package var isHeld = false

  package init() {}

  /// Before each call of the function.
  package func begin() {
    if !isHeld { taken = [] }
    place = 0
  }

  package func callAsFunction(_ x: [Double]) -> [Double] {
    if !isHeld { taken.append(x.map { Double(BFloat16(rounding: Float($0)).float) - $0 }) }
    defer { place += 1 }
    return zip(x, taken[place]).map { $0 + $1 }
  }
}
