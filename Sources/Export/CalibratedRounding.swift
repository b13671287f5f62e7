// Matrices that are rounded by what they read of some text, and how much that changes less.
import Base
import Graph
import Kernels

/// What rounding a matrix changes in its outputs, as a share of the outputs' own squares.
package struct RoundingError: Sendable {
  package let name: String
  /// With each number rounded by itself, and by GPTQ.
  package let nearest: Double
  package let calibrated: Double
}

struct CalibratedRounding {
  let tap: InputTap
  let engine: Engine

  /// - Parameters:
  ///   - name: of the parameter.
  ///   - values: [rows, columns], outputs first.
  /// - Returns: what GPTQ makes of it, with the levels of its blocks; nil where nothing was seen of what it reads.
  func rounded<Grid: RoundingGrid>(
    _ name: String, _ values: [Float], rows: Int, columns: Int, on grid: Grid
  ) -> (values: [Float], levels: [Grid.Levels], error: RoundingError)? {
    guard name.hasSuffix(".weight"), let inputs = tap.sum(of: String(name.dropLast(".weight".count))),
      inputs.count == columns * columns, let gptq = GPTQ(inputs, size: columns, engine)
    else { return nil }
    let rounded = gptq.rounded(values, rows: rows, on: grid)
    func error(_ other: [Float]) -> Double {
      GPTQ.error(of: other, from: values, rows: rows, inputs, size: columns, engine)
    }
    let whole = error([Float](repeating: 0, count: values.count))
    let nearest = error(grid.nearest(values, rows: rows, columns: columns, engine).values)
    return (
      rounded.values, rounded.levels,
      RoundingError(name: name, nearest: nearest / whole, calibrated: error(rounded.values) / whole)
    )
  }
}

extension [RoundingError] {
  /// As a table.
  package var csv: String {
    "matrix,nearest,gptq\n"
      + map { "\($0.name),\(JSON.number($0.nearest).encoded()),\(JSON.number($0.calibrated).encoded())\n" }
      .joined()
  }
}
