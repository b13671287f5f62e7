// y = x Wᵀ + b for one or several weights side by side; dx = dy W, dW = dyᵀ x, db = Σ dy.
import Kernels
import Tensors

/// How a weight is stored.
package enum WeightLayout: Sendable {
  /// [outputs, inputs], as torch's `Linear`.
  case outputByInput
  /// [inputs, outputs], as GPT-2's `Conv1D`.
  case inputByOutput
}

extension Graph {
  /// Several projections of the same input, their outputs side by side: [rows, Σ columns].
  /// - Parameter names: parameter names without `.weight` and `.bias`, each with its number of outputs.
  package func linear(
    _ x: Value, _ names: [(String, columns: Int)], bias: Bool, layout: WeightLayout = .outputByInput
  ) -> Value {
    var parts: [Linear.Part] = []
    var parameters: [Int] = []
    var start = 0
    for (name, columns) in names {
      let shape = layout == .outputByInput ? [columns, x.columns] : [x.columns, columns]
      let weight = parameter(name + ".weight", shape, decays: true, initial: .normal(deviation: 0.02))
      let biasIndex = bias ? parameter(name + ".bias", [columns], decays: false, initial: .zeros) : nil
      parts.append(
        Linear.Part(
          start: start, columns: columns, weight: parameters.count, bias: bias ? parameters.count + 1 : nil))
      parameters += [weight] + (biasIndex.map { [$0] } ?? [])
      start += columns
    }
    let operation = Linear(
      rows: x.rows, inputs: x.columns, columns: start, layout: layout, type: type, parts: parts,
      keepsInput: parameters.contains(where: trains))
    return append(operation, inputs: [x], parameters: parameters, columns: start, rows: x.rows)
  }

  package func linear(
    _ x: Value, _ name: String, columns: Int, bias: Bool, layout: WeightLayout = .outputByInput
  ) -> Value {
    linear(x, [(name, columns: columns)], bias: bias, layout: layout)
  }
}

struct Linear: TileMaker {
  struct Part {
    let start: Int
    let columns: Int
    /// Places among the operation's parameters.
    let weight: Int
    let bias: Int?
  }

  let rows: Int
  let inputs: Int
  let columns: Int
  let layout: WeightLayout
  let type: ModelType
  let parts: [Part]
  let keepsInput: Bool

  var keeps: Keeps { Keeps(inputs: keepsInput ? [0] : []) }

  var productOperations: Double { 2 * Double(rows) * Double(inputs) * Double(columns) }

  /// Input and output gradient, rounded.
  func scratchCount(threads: Int) -> Int {
    type == .float32 ? 0 : Self.halfRoom(rows * inputs) + Self.halfRoom(rows * columns)
  }

  /// Floats that hold so many bfloat16 numbers, in whole cache lines.
  private static func halfRoom(_ count: Int) -> Int { (count + 31) / 32 * 16 }

  private func weight(_ frame: Frame, _ part: Part) -> Operand {
    layout == .outputByInput
      ? frame.matrix(part.weight, rows: part.columns, columns: inputs)
      : frame.matrix(part.weight, rows: inputs, columns: part.columns)
  }

  private func input(_ frame: Frame) -> Operand {
    frame.operand(frame.input(0), rows: rows, columns: inputs, room: frame.scratch)
  }

  func forward(_ frame: Frame, each: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void) {
    let x = input(frame)
    for part in parts {
      let y = frame.output(0) + part.start
      frame.engine.multiply(
        x, weight(frame, part), layout == .outputByInput ? .second : .none,
        into: MutableMatrix(y, rows: rows, columns: part.columns, stride: columns)
      ) { rows, tile in
        if let bias = part.bias {
          frame.engine.addBiasHere(
            frame.weight(bias) + tile.lowerBound,
            to: MutableMatrix(
              y + rows.lowerBound * columns + tile.lowerBound, rows: rows.count, columns: tile.count,
              stride: columns))
        }
        each(rows, part.start + tile.lowerBound..<part.start + tile.upperBound)
      }
    }
  }

  func backward(_ frame: Frame) {
    let trainsWeights = parts.contains { frame.weightGradient($0.weight) != nil }
    let x = trainsWeights ? input(frame) : nil
    let room = frame.scratch + (type == .float32 ? 0 : Self.halfRoom(rows * inputs))
    for (place, part) in parts.enumerated() {
      let dyBase = frame.outputGradient(0) + part.start
      let dy = frame.operand(dyBase, rows: rows, columns: part.columns, stride: columns, room: room)
      if let dW = frame.weightGradient(part.weight), let x {
        if layout == .outputByInput {
          let target = MutableMatrix(dW.base, rows: part.columns, columns: inputs)
          frame.engine.multiply(dy, x, .first, into: target, adding: dW.adding)
        } else {
          let target = MutableMatrix(dW.base, rows: inputs, columns: part.columns)
          frame.engine.multiply(x, dy, .first, into: target, adding: dW.adding)
        }
      }
      if let bias = part.bias, let dBias = frame.weightGradient(bias) {
        frame.engine.sumRows(
          dyBase, rows: rows, columns: part.columns, stride: columns, into: dBias.base, adding: dBias.adding)
      }
      if let dx = frame.inputGradient(0) {
        frame.engine.multiply(
          dy, weight(frame, part), layout == .outputByInput ? .none : .second,
          into: MutableMatrix(dx.base, rows: rows, columns: inputs), adding: dx.adding || place > 0)
      }
    }
  }
}
