// RMS norm and layer norm over the columns.
import Kernels
import Tensors

extension Graph {
  /// y = x / rms(x) · weight.
  /// - Parameters:
  ///   - groups: how many neighbouring groups of columns have each their own mean, and share the weight: the heads of
  ///     queries or of keys.
  ///   - plusOne: whether the weight is stored as its difference from 1.
  package func rmsNorm(
    _ x: Value, _ name: String, epsilon: Double, groups: Int = 1, plusOne: Bool = false
  ) -> Value {
    norm(x, name, epsilon: epsilon, centred: false, groups: groups, plusOne: plusOne)
  }

  /// y = (x − mean) / deviation · weight + bias.
  /// - Parameter bias: whether there is one.
  package func layerNorm(_ x: Value, _ name: String, epsilon: Double, bias: Bool = true) -> Value {
    norm(x, name, epsilon: epsilon, centred: true, bias: bias)
  }

  private func norm(
    _ x: Value, _ name: String, epsilon: Double, centred: Bool, bias: Bool = false, groups: Int = 1,
    plusOne: Bool = false
  ) -> Value {
    let columns = x.columns / groups
    var parameters = [
      parameter(name + ".weight", [columns], decays: false, initial: plusOne ? .zeros : .ones, isNorm: true)
    ]
    if bias {
      parameters.append(
        parameter(name + ".bias", [columns], decays: false, initial: .zeros, isNorm: true))
    }
    let operation = Norm(
      rows: x.rows * groups, columns: columns, centred: centred, hasBias: bias, epsilon: Float(epsilon),
      plus: plusOne ? 1 : 0)
    return append(
      operation, inputs: [x], parameters: parameters, columns: x.columns, rows: x.rows,
      keeping: [(rows: x.rows * groups, columns: 2)])
  }
}

struct Norm: Operation {
  let rows: Int
  let columns: Int
  let centred: Bool
  let hasBias: Bool
  let epsilon: Float
  /// What is added to the weight.
  let plus: Float

  var keeps: Keeps { Keeps(inputs: [0]) }
  var isLight: Bool { true }

  func forward(_ frame: Frame) {
    frame.engine.norm(
      x: frame.input(0), gain: frame.weight(0), plus: plus, bias: hasBias ? frame.weight(1) : nil,
      centred: centred, epsilon: epsilon, rows: rows, columns: columns, y: frame.output(0),
      statistics: frame.kept(0))
  }

  func backward(_ frame: Frame) {
    let dGain = frame.weightGradient(0)
    let dBias = hasBias ? frame.weightGradient(1) : nil
    if let adding = (dGain ?? dBias)?.adding {
      frame.engine.normBackwardParameters(
        x: frame.input(0), statistics: frame.kept(0), dy: frame.outputGradient(0), rows: rows,
        columns: columns, dGain: dGain?.base, dBias: dBias?.base, adding: adding)
    }
    if let dx = frame.inputGradient(0) {
      frame.engine.normBackwardInput(
        x: frame.input(0), gain: frame.weight(0), plus: plus, statistics: frame.kept(0),
        centred: centred, dy: frame.outputGradient(0), rows: rows, columns: columns, dx: dx.base,
        adding: dx.adding)
    }
  }
}
