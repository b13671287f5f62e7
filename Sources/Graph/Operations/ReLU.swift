// The rectifier of feed-forward parts.
import Kernels

extension Graph {
  /// y = max(x, 0).
  package func relu(_ x: Value) -> Value {
    append(ReLU(rows: x.rows, columns: x.columns), inputs: [x], columns: x.columns, rows: x.rows)
  }
}

struct ReLU: TileFollower {
  let rows: Int
  let columns: Int
  var keeps: Keeps { Keeps(inputs: [0]) }
  var isLight: Bool { true }

  func forward(_ frame: Frame) {
    frame.engine.relu(frame.input(0), count: rows * columns, into: frame.output(0))
  }

  func forward(_ frame: Frame, rows: Range<Int>, columns: Range<Int>) {
    for row in rows {
      let start = row * self.columns + columns.lowerBound
      frame.engine.reluHere(frame.input(0) + start, count: columns.count, into: frame.output(0) + start)
    }
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.reluBackward(
      frame.input(0), dy: frame.outputGradient(0), count: rows * columns, dx: dx.base, adding: dx.adding)
  }
}
