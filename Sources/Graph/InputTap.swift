// What projections read while a model runs: Σ x xᵀ over all tokens, [inputs, inputs], for each projection.
import Kernels
import Tensors

package final class InputTap: @unchecked Sendable {
  /// By the first of the projections that read the same.
  private var sums: [String: FlatMemory] = [:]
  /// That first one, by projection.
  private var keys: [String: String] = [:]

  package init() {}

  /// - Parameter names: of the weights, without `.weight`.
  func take(_ names: [String], _ x: ConstMatrix, _ engine: Engine) {
    guard let key = names.first else { return }
    let isFirst = sums[key] == nil
    let sum = sums[key] ?? FlatMemory(count: x.columns * x.columns, label: "inputs")
    sums[key] = sum
    for name in names { keys[name] = key }
    engine.multiply(
      x, x, .first, into: MutableMatrix(sum.base, rows: x.columns, columns: x.columns), adding: !isFirst)
  }

  /// The sum of a projection; nil where none was seen.
  package func sum(of projection: String) -> FlatMemory? { keys[projection].flatMap { sums[$0] } }

  package var projections: [String] { keys.keys.sorted() }
}
