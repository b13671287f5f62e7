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
      rows: x.rows, inputs: x.columns, columns: start, layout: layout, parts: parts,
      keepsInput: parameters.contains(where: trains))
    return append(operation, inputs: [x], parameters: parameters, columns: start, rows: x.rows)
  }

  package func linear(
    _ x: Value, _ name: String, columns: Int, bias: Bool, layout: WeightLayout = .outputByInput
  ) -> Value {
    linear(x, [(name, columns: columns)], bias: bias, layout: layout)
  }
}

struct Linear: Operation {
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
  let parts: [Part]
  let keepsInput: Bool

  var keeps: Keeps { Keeps(inputs: keepsInput ? [0] : []) }

  private func weight(_ pointer: UnsafePointer<Float>, _ part: Part) -> ConstMatrix {
    layout == .outputByInput
      ? ConstMatrix(pointer, rows: part.columns, columns: inputs)
      : ConstMatrix(pointer, rows: inputs, columns: part.columns)
  }

  func forward(_ frame: Frame) {
    let x = ConstMatrix(frame.input(0), rows: rows, columns: inputs)
    for part in parts {
      let y = frame.output(0) + part.start
      frame.engine.multiply(
        x, weight(frame.weight(part.weight), part), layout == .outputByInput ? .second : .none,
        into: MutableMatrix(y, rows: rows, columns: part.columns, stride: columns))
      if let bias = part.bias {
        frame.engine.addBias(frame.weight(bias), to: y, rows: rows, columns: part.columns, stride: columns)
      }
    }
  }

  func backward(_ frame: Frame) {
    for (place, part) in parts.enumerated() {
      let dyBase = frame.outputGradient(0) + part.start
      let dy = ConstMatrix(dyBase, rows: rows, columns: part.columns, stride: columns)
      if let dW = frame.weightGradient(part.weight) {
        let x = ConstMatrix(frame.input(0), rows: rows, columns: inputs)
        let beta: Float = dW.adding ? 1 : 0
        if layout == .outputByInput {
          let target = MutableMatrix(dW.base, rows: part.columns, columns: inputs)
          frame.engine.multiply(dy, x, .first, into: target, beta: beta)
        } else {
          let target = MutableMatrix(dW.base, rows: inputs, columns: part.columns)
          frame.engine.multiply(x, dy, .first, into: target, beta: beta)
        }
      }
      if let bias = part.bias, let dBias = frame.weightGradient(bias) {
        frame.engine.sumRows(
          dyBase, rows: rows, columns: part.columns, stride: columns, into: dBias.base, adding: dBias.adding)
      }
      if let dx = frame.inputGradient(0) {
        frame.engine.multiply(
          dy, weight(frame.weight(part.weight), part), layout == .outputByInput ? .none : .second,
          into: MutableMatrix(dx.base, rows: rows, columns: inputs),
          beta: dx.adding || place > 0 ? 1 : 0)
      }
    }
  }
}
