// Residual sums, dropout and the nonlinear functions of feed-forward blocks.
import Kernels

extension Graph {
  /// y = a + b.
  package func add(_ a: Value, _ b: Value) -> Value {
    append(Add(rows: a.rows, columns: a.columns), inputs: [a, b], columns: a.columns, rows: a.rows)
  }

  /// y = factor · x.
  package func scale(_ x: Value, by factor: Double) -> Value {
    append(Scale(count: x.count, factor: Float(factor)), inputs: [x], columns: x.columns, rows: x.rows)
  }

  package func gelu(_ x: Value, _ form: GELUForm = .tanh) -> Value {
    append(
      GELU(rows: x.rows, columns: x.columns, form: form), inputs: [x], columns: x.columns, rows: x.rows)
  }

  package func tanh(_ x: Value) -> Value {
    append(Tanh(count: x.count), inputs: [x], columns: x.columns, rows: x.rows)
  }

  /// silu(gate) · up, of gate and up side by side.
  package func swiGLU(_ x: Value) -> Value {
    append(
      SwiGLU(rows: x.rows, columns: x.columns / 2), inputs: [x], columns: x.columns / 2, rows: x.rows)
  }

  /// gelu(gate) · up, of gate and up side by side.
  package func geGLU(_ x: Value, _ form: GELUForm = .tanh) -> Value {
    append(
      GeGLU(rows: x.rows, columns: x.columns / 2, form: form), inputs: [x], columns: x.columns / 2,
      rows: x.rows)
  }

  /// x itself where the probability is 0 or nothing is trained.
  package func dropout(_ x: Value, _ probability: Double) -> Value {
    guard dropsOut, probability > 0 else { return x }
    let operation = DropoutOperation(
      length: x.rows / shape.sequences, rows: x.rows, columns: x.columns, probability: probability,
      site: nextSite())
    return append(operation, inputs: [x], columns: x.columns, rows: x.rows)
  }
}

extension Graph {
  /// The same for what all samples of a step share, such as a table: all micro-batches drop the same numbers.
  package func sharedDropout(_ x: Value, _ probability: Double) -> Value {
    guard dropsOut, probability > 0 else { return x }
    let operation = DropoutOperation(
      length: x.rows, rows: x.rows, columns: x.columns, probability: probability, site: nextSite(),
      isShared: true)
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

struct Scale: Operation {
  let count: Int
  let factor: Float
  var keeps: Keeps { Keeps() }
  var isLight: Bool { true }

  func forward(_ frame: Frame) {
    frame.engine.scale(frame.input(0), count: count, by: factor, into: frame.output(0))
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.scale(
      frame.outputGradient(0), count: count, by: factor, into: dx.base, adding: dx.adding)
  }
}

/// How a model computes its GELU.
package enum GELUForm: Sendable {
  /// The approximation by tanh, `gelu_new`.
  case tanh
  /// By the distribution function of the normal distribution, `gelu`.
  case gaussian
}

struct GELU: TileFollower {
  let rows: Int
  let columns: Int
  let form: GELUForm
  private var count: Int { rows * columns }
  var keeps: Keeps { Keeps(inputs: [0]) }
  var isLight: Bool { true }

  func forward(_ frame: Frame) {
    switch form {
    case .tanh: frame.engine.gelu(frame.input(0), count: count, into: frame.output(0))
    case .gaussian: frame.engine.gaussianGELU(frame.input(0), count: count, into: frame.output(0))
    }
  }

  func forward(_ frame: Frame, rows: Range<Int>, columns: Range<Int>) {
    for row in rows {
      let start = row * self.columns + columns.lowerBound
      let (x, y) = (frame.input(0) + start, frame.output(0) + start)
      switch form {
      case .tanh: frame.engine.geluHere(x, count: columns.count, into: y)
      case .gaussian: frame.engine.gaussianGELUHere(x, count: columns.count, into: y)
      }
    }
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    let (x, dy) = (frame.input(0), frame.outputGradient(0))
    switch form {
    case .tanh: frame.engine.geluBackward(x, dy: dy, count: count, dx: dx.base, adding: dx.adding)
    case .gaussian:
      frame.engine.gaussianGELUBackward(x, dy: dy, count: count, dx: dx.base, adding: dx.adding)
    }
  }
}

struct Tanh: Operation {
  let count: Int
  var keeps: Keeps { Keeps(outputs: [0]) }

  func forward(_ frame: Frame) { frame.engine.tanh(frame.input(0), count: count, into: frame.output(0)) }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.tanhBackward(
      frame.output(0), dy: frame.outputGradient(0), count: count, dx: dx.base, adding: dx.adding)
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

struct GeGLU: Operation {
  let rows: Int
  let columns: Int
  let form: GELUForm
  var keeps: Keeps { Keeps(inputs: [0]) }
  var isLight: Bool { true }

  func forward(_ frame: Frame) {
    let (x, y) = (frame.input(0), frame.output(0))
    switch form {
    case .tanh: frame.engine.geGLU(x, rows: rows, columns: columns, into: y)
    case .gaussian: frame.engine.gaussianGeGLU(x, rows: rows, columns: columns, into: y)
    }
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    let (x, dy) = (frame.input(0), frame.outputGradient(0))
    switch form {
    case .tanh:
      frame.engine.geGLUBackward(x, dy: dy, rows: rows, columns: columns, dx: dx.base, adding: dx.adding)
    case .gaussian:
      frame.engine.gaussianGeGLUBackward(
        x, dy: dy, rows: rows, columns: columns, dx: dx.base, adding: dx.adding)
    }
  }
}

struct DropoutOperation: Operation {
  let length: Int
  let rows: Int
  let columns: Int
  let probability: Double
  let site: Int
  /// Whether all samples share what is dropped.
  var isShared = false
  var keeps: Keeps { Keeps() }
  private static let noSample: [Int32] = [-1]

  func forward(_ frame: Frame) {
    drop(frame.input(0), frame, into: frame.output(0), adding: false)
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    drop(frame.outputGradient(0), frame, into: dx.base, adding: dx.adding)
  }

  private func drop(
    _ x: UnsafePointer<Float>, _ frame: Frame, into y: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    func run(_ samples: UnsafePointer<Int32>) {
      frame.engine.dropout(
        x, draw(frame), sampleIDs: samples, length: length, rows: rows, columns: columns, into: y,
        adding: adding)
    }
    isShared ? Self.noSample.withUnsafeBufferPointer { run($0.baseAddress!) } : run(frame.input.sampleIDs)
  }

  private func draw(_ frame: Frame) -> Dropout {
    Dropout(
      probability: probability, seed: frame.input.seed, step: frame.input.step, site: site,
      places: isShared ? RowPlaces() : frame.input.places)
  }
}
