// SiLU of each number.
import Kernels

extension Graph {
  /// y = x σ(x).
  package func silu(_ x: Value) -> Value {
    append(SiLU(rows: x.rows, columns: x.columns), inputs: [x], columns: x.columns, rows: x.rows)
  }
}

struct SiLU: TileFollower {
  let rows: Int
  let columns: Int
  var keeps: Keeps { Keeps(inputs: [0]) }
  var isLight: Bool { true }

  func forward(_ frame: Frame) {
    frame.engine.silu(frame.input(0), count: rows * columns, into: frame.output(0))
  }

  func forward(_ frame: Frame, rows: Range<Int>, columns: Range<Int>) {
    for row in rows {
      let start = row * self.columns + columns.lowerBound
      frame.engine.siluHere(frame.input(0) + start, count: columns.count, into: frame.output(0) + start)
    }
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.siluBackward(
      frame.input(0), dy: frame.outputGradient(0), count: rows * columns, dx: dx.base, adding: dx.adding)
  }
}
