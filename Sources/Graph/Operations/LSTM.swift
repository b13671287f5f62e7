// A long short-term memory over the rows of one matrix, from the first to the last or the other way. The projection of
// its inputs is an operation before it: a_t = z_t + W h_{t∓1} + b.
import Kernels
import Tensors

extension Graph {
  /// Layers of memories in both directions, as torch's bidirectional `LSTM`, which the adaptation adds.
  /// - Parameters:
  ///   - x: [n, C], of one sequence.
  ///   - dropout: the probability that a number between two layers is dropped in training.
  /// - Returns: [n, 2 · units]: those of the way forth, then of the way back.
  func bidirectionalLSTM(
    _ x: Value, _ name: String, units: Int, layers: Int, dropout probability: Double
  ) -> Value {
    let initial = Initial.uniform(bound: 1 / Double(units).squareRoot())
    var y = x
    for layer in 0..<layers {
      if layer > 0 { y = sharedDropout(y, probability) }
      let ways = ["", "_reverse"].map { way in
        let end = "_l\(layer)\(way)"
        let zN4H = addedProjection(
          y, weight: "\(name).weight_ih\(end)", bias: "\(name).bias_ih\(end)", columns: 4 * units,
          initial: initial)
        let parameters = [
          addedParameter("\(name).weight_hh\(end)", [4 * units, units], initial: initial),
          addedParameter("\(name).bias_hh\(end)", [4 * units], initial: initial),
        ]
        return append(
          LSTM(steps: x.rows, units: units, isReverse: !way.isEmpty), inputs: [zN4H], parameters: parameters,
          columns: units, rows: x.rows,
          keeping: [(rows: x.rows, columns: 4 * units), (rows: x.rows, columns: units)])
      }
      y = sideBySide(ways)
    }
    return y
  }
}

struct LSTM: Operation {
  let steps: Int
  let units: Int
  let isReverse: Bool

  var keeps: Keeps { Keeps(outputs: [0]) }

  var productOperations: Double { 8 * Double(steps) * Double(units) * Double(units) }

  /// The gradients of all sums, of h and of the cells.
  func scratchCount(threads: Int) -> Int { steps * 4 * units + 2 * units }

  /// The row of a step, and that of the step before.
  private func rows(ofStep step: Int) -> (row: Int, before: Int?) {
    let row = isReverse ? steps - 1 - step : step
    return (row, step == 0 ? nil : isReverse ? row + 1 : row - 1)
  }

  private func recurrent(_ frame: Frame) -> ConstMatrix {
    ConstMatrix(frame.added(0), rows: 4 * units, columns: units)
  }

  func forward(_ frame: Frame) {
    let (z, h, gates, cells) = (frame.input(0), frame.output(0), frame.kept(0), frame.kept(1))
    let bias = frame.added(1)
    for step in 0..<steps {
      let (row, before) = rows(ofStep: step)
      let sums = gates + row * 4 * units
      frame.engine.add(z + row * 4 * units, bias, count: 4 * units, into: sums)
      if let before {
        frame.engine.multiply(
          ConstMatrix(h + before * units, rows: 1, columns: units), recurrent(frame), .second,
          into: MutableMatrix(sums, rows: 1, columns: 4 * units), adding: true)
      }
      frame.engine.lstmStep(
        sums, before: before.map { UnsafePointer(cells + $0 * units) }, units: units,
        cells: cells + row * units, into: h + row * units)
    }
  }

  func backward(_ frame: Frame) {
    let engine = frame.engine
    let (h, gates, cells) = (frame.output(0), frame.kept(0), frame.kept(1))
    let dSums = frame.scratch
    let dh = dSums + steps * 4 * units
    let dCells = dh + units
    engine.clear(dh, count: 2 * units)
    let dy = frame.outputGradient(0)
    for step in (0..<steps).reversed() {
      let (row, before) = rows(ofStep: step)
      let dSumsRow = dSums + row * 4 * units
      engine.copy(dy + row * units, count: units, into: dh, adding: true)
      engine.lstmStepBackward(
        gates: gates + row * 4 * units, cells: cells + row * units,
        before: before.map { UnsafePointer(cells + $0 * units) }, units: units, dh: dh, dCells: dCells,
        dSums: dSumsRow)
      guard before != nil else { continue }
      engine.multiply(
        ConstMatrix(dSumsRow, rows: 1, columns: 4 * units), recurrent(frame), .none,
        into: MutableMatrix(dh, rows: 1, columns: units))
    }
    if let dW = frame.weightGradient(0) {
      // The first step in time reads no h.
      let (later, earlier) = isReverse ? (0, 1) : (1, 0)
      if steps > 1 {
        engine.multiply(
          ConstMatrix(dSums + later * 4 * units, rows: steps - 1, columns: 4 * units),
          ConstMatrix(h + earlier * units, rows: steps - 1, columns: units), .first,
          into: MutableMatrix(dW.base, rows: 4 * units, columns: units), adding: dW.adding)
      } else if !dW.adding {
        engine.clear(dW.base, count: 4 * units * units)
      }
    }
    if let dBias = frame.weightGradient(1) {
      engine.sumRows(
        dSums, rows: steps, columns: 4 * units, stride: 4 * units, into: dBias.base, adding: dBias.adding)
    }
    if let dz = frame.inputGradient(0) {
      engine.copy(dSums, count: steps * 4 * units, into: dz.base, adding: dz.adding)
    }
  }
}
