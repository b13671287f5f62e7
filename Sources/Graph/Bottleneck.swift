// Bottleneck adapters (Houlsby et al. 2019; Pfeiffer et al. 2020; He et al. 2021): two narrow projections with a nonlinear
// function between them, behind or beside a part of a layer. Formulas and the names of parameters are those of
// AdapterHub's `adapters`.
import Tensors

/// A part of a layer, whose output is added to what the layer had before it.
package struct LayerPart: Sendable, Hashable {
  package enum Kind: Sendable {
    case attention
    /// The attention of a decoder to its source.
    case sourceAttention
    case feedForward
  }

  package var kind: Kind
  /// What AdapterHub calls the module that a bottleneck is in.
  package var module: String
  /// The number of its layer, where those of a decoder follow on those of its encoder.
  package var layer: Int
  package var width: Int
}

/// u = scale · (W2 f(W1 x + b1) + b2), with W1 [columns, width] and W2 [width, columns].
package struct Bottleneck: Sendable, Equatable {
  /// What is added to the output u. Here h is the part's output, r what the layer had before it, and N the norm behind
  /// their sum, where the family has one.
  package enum Bypass: Sendable {
    /// h
    case output
    /// h + r
    case sum
    /// What the bottleneck reads.
    case input
  }

  package var columns: Int
  package var activation: Activation
  /// Whether it reads r, and u is added to h; the next two are then of no use.
  package var isParallel = false
  /// Whether it reads N(h + r), not h.
  package var readsSum = false
  package var bypass = Bypass.output
  /// Whether r is added to what comes out, with N behind that sum.
  package var endsWithSum = true
  package var scale = 1.0
  /// The probability that a number of u is dropped.
  package var dropout = 0.0
  /// How W1 and W2 begin; biases begin as zeros.
  package var down = Initial.normal(deviation: 0.02)
  package var up = Initial.normal(deviation: 0.02)

  package init(columns: Int, activation: Activation) {
    self.columns = columns
    self.activation = activation
  }
}

extension Graph {
  /// The end of a part of a layer: N(r + h), with the bottleneck of the adaptation if it has one there.
  /// - Parameters:
  ///   - h: what the part has computed, with its dropout.
  ///   - r: what the layer had before it.
  ///   - module: what AdapterHub calls the place of a bottleneck.
  ///   - norm: N; r + h itself by default.
  package func addPart(
    _ h: Value, to r: Value, _ kind: LayerPart.Kind, _ module: String, norm: (Value) -> Value = { $0 }
  ) -> Value {
    let part = note(LayerPart(kind: kind, module: module, layer: 0, width: h.columns))
    let y = sum(h, to: r, part, module, norm)
    watch(r, y, layer: part.layer)
    return y
  }

  private func sum(
    _ h: Value, to r: Value, _ part: LayerPart, _ module: String, _ norm: (Value) -> Value
  ) -> Value {
    guard let bottleneck = adaptation.bottleneck(at: part) else { return norm(add(r, h)) }
    let out: Value
    if bottleneck.isParallel {
      out = add(h, narrowed(r, bottleneck, module))
    } else {
      let needsSum = bottleneck.readsSum || bottleneck.bypass == .sum
      let sum = needsSum ? add(r, h) : h
      let x = bottleneck.readsSum ? norm(sum) : h
      let bypass =
        switch bottleneck.bypass {
        case .output: h
        case .sum: sum
        case .input: x
        }
      out = add(bypass, narrowed(x, bottleneck, module))
    }
    return bottleneck.endsWithSum ? norm(add(r, out)) : out
  }

  private func narrowed(_ x: Value, _ bottleneck: Bottleneck, _ module: String) -> Value {
    let name = module + Bottleneck.infix
    let down = addedLinear(
      x, name + "adapter_down.0", columns: bottleneck.columns, initial: bottleneck.down)
    var up = addedLinear(
      bottleneck.activation.record(down, on: self), name + "adapter_up", columns: x.columns,
      initial: bottleneck.up)
    if bottleneck.scale != 1 { up = scale(up, by: bottleneck.scale) }
    return dropout(up, bottleneck.dropout)
  }
}

extension Bottleneck {
  /// What stands between the module of a bottleneck and its own names. In files the name of the adapter follows.
  package static let infix = ".adapters."
}
