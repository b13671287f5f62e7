// Residual sums, dropout and the nonlinear functions of feed-forward blocks.
import Kernels

extension Graph {
  /// y = a + b.
  package func add(_ a: Value, _ b: Value) -> Value {
    append(Add(rows: a.rows, columns: a.columns), inputs: [a, b], columns: a.columns, rows: a.rows)
  }

  /// GELU in its tanh form.
  package func gelu(_ x: Value) -> Value {
    append(GELU(rows: x.rows, columns: x.columns), inputs: [x], columns: x.columns, rows: x.rows)
  }

  /// silu(gate) · up, of gate and up side by side.
  package func swiGLU(_ x: Value) -> Value {
    append(
      SwiGLU(rows: x.rows, columns: x.columns / 2), inputs: [x], columns: x.columns / 2, rows: x.rows)
  }

  /// x itself where the probability is 0 or nothing is trained.
  package func dropout(_ x: Value, _ probability: Double) -> Value {
    guard dropsOut, probability > 0 else { return x }
    let operation = DropoutOperation(
      length: shape.length, rows: x.rows, columns: x.columns, probability: probability, site: nextSite())
    return append(operation, inputs: [x], columns: x.columns, rows: x.rows)
  }
}

struct Add: TileFollower {
  let rows: Int
  let columns: Int
  private var count: Int { rows * columns }
  var keeps: Keeps { Keeps() }

  func forward(_ frame: Frame) {
    frame.engine.add(frame.input(0), frame.input(1), count: count, into: frame.output(0))
  }

  func forward(_ frame: Frame, rows: Range<Int>, columns: Range<Int>) {
    for row in rows {
      let start = row * self.columns + columns.lowerBound
      frame.engine.addHere(
        frame.input(0) + start, frame.input(1) + start, count: columns.count, into: frame.output(0) + start)
    }
  }

  func backward(_ frame: Frame) {
    for place in 0..<2 {
      guard let dx = frame.inputGradient(place) else { continue }
      frame.engine.copy(frame.outputGradient(0), count: count, into: dx.base, adding: dx.adding)
    }
  }
}

struct GELU: TileFollower {
  let rows: Int
  let columns: Int
  private var count: Int { rows * columns }
  var keeps: Keeps { Keeps(inputs: [0]) }
  var isLight: Bool { true }

  func forward(_ frame: Frame) { frame.engine.gelu(frame.input(0), count: count, into: frame.output(0)) }

  func forward(_ frame: Frame, rows: Range<Int>, columns: Range<Int>) {
    for row in rows {
      let start = row * self.columns + columns.lowerBound
      frame.engine.geluHere(frame.input(0) + start, count: columns.count, into: frame.output(0) + start)
    }
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.geluBackward(
      frame.input(0), dy: frame.outputGradient(0), count: count, dx: dx.base, adding: dx.adding)
  }
}

struct SwiGLU: Operation {
  let rows: Int
  let columns: Int
  var keeps: Keeps { Keeps(inputs: [0]) }
  var isLight: Bool { true }

  func forward(_ frame: Frame) {
    frame.engine.swiGLU(frame.input(0), rows: rows, columns: columns, into: frame.output(0))
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.swiGLUBackward(
      frame.input(0), dy: frame.outputGradient(0), rows: rows, columns: columns, dx: dx.base,
      adding: dx.adding)
  }
}

struct DropoutOperation: Operation {
  let length: Int
  let rows: Int
  let columns: Int
  let probability: Double
  let site: Int
  var keeps: Keeps { Keeps() }

  func forward(_ frame: Frame) {
    frame.engine.dropout(
      frame.input(0), draw(frame), sampleIDs: frame.input.sampleIDs, length: length, rows: rows,
      columns: columns, into: frame.output(0))
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.dropout(
      frame.outputGradient(0), draw(frame), sampleIDs: frame.input.sampleIDs, length: length, rows: rows,
      columns: columns, into: dx.base, adding: dx.adding)
  }

  private func draw(_ frame: Frame) -> Dropout {
    Dropout(probability: probability, seed: frame.input.seed, step: frame.input.step, site: site)
  }
}
