// y = x Wᵀ + b for one or several weights side by side; dx = dy W, dW = dyᵀ x, db = Σ dy. The term of an adaptation
// is added in the tiles of its projection (see LowRankTerm).
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
    let gains = names.map { adaptation.gain(at: $0.0) }
    guard gains.contains(where: { $0 != nil }) else { return product(x, names, bias: bias, layout) }
    if names.count > 1, gains.contains(.inputs) {
      // They no longer read the same.
      return sideBySide(names.map { linear(x, [$0], bias: bias, layout: layout) })
    }
    let x = gains[0] == .inputs ? gained(x, [(x.columns, names[0].0)], by: .inputs) : x
    let y = product(x, names, bias: bias, layout)
    let parts = zip(names, gains).map { name, gain in (name.columns, gain == .outputs ? name.0 : nil) }
    return gained(y, parts, by: .outputs)
  }

  /// A projection with a bias that the adaptation adds. The bias begins as zeros.
  func addedLinear(_ x: Value, _ name: String, columns: Int, initial: Initial) -> Value {
    product(x, [(name, columns: columns)], bias: true, .outputByInput, added: initial)
  }

  /// - Parameter added: how weights of the adaptation begin; nil for weights of the model.
  private func product(
    _ x: Value, _ names: [(String, columns: Int)], bias: Bool, _ layout: WeightLayout, added: Initial? = nil
  ) -> Value {
    var parts: [Linear.Part] = []
    var parameters: [Int] = []
    var kept: [(rows: Int, columns: Int)] = []
    var start = 0
    for (name, columns) in names {
      let shape = layout == .outputByInput ? [columns, x.columns] : [x.columns, columns]
      parameters.append(
        added.map { addedParameter(name + ".weight", shape, initial: $0) }
          ?? parameter(
            name + ".weight", shape, decays: true, initial: .normal(deviation: 0.02), isProjection: true))
      var part = Linear.Part(
        start: start, columns: columns, weight: parameters.count - 1, trains: trains(parameters.last!))
      if bias {
        parameters.append(
          added == nil
            ? parameter(name + ".bias", [columns], decays: false, initial: .zeros)
            : addedParameter(name + ".bias", [columns], decays: false, initial: .zeros))
        part.bias = parameters.count - 1
      }
      part.terms = lowRankTerms(name, x, columns: columns, &parameters, &kept)
      parts.append(part)
      start += columns
    }
    let operation = Linear(
      rows: x.rows, inputs: x.columns, columns: start, layout: layout,
      rounds: parts.contains { matrixType(of: parameters[$0.weight]) == .bfloat16 }, parts: parts,
      needsInputGradient: x.needsGradient, tap: tap.map { tap in (names: names.map { $0.0 }, tap: tap) })
    return append(
      operation, inputs: [x], parameters: parameters, columns: start, rows: x.rows, keeping: kept)
  }

  /// A projection that the adaptation adds, which begins as torch's `Linear`.
  func addedLinear(_ x: Value, _ name: String, columns: Int) -> Value {
    addedProjection(
      x, weight: name + ".weight", bias: name + ".bias", columns: columns,
      initial: .uniform(bound: 1 / Double(x.columns).squareRoot()))
  }

  func addedProjection(
    _ x: Value, weight: String, bias: String, columns: Int, initial: Initial
  ) -> Value {
    let parameters = [
      addedParameter(weight, [columns, x.columns], initial: initial),
      addedParameter(bias, [columns], initial: initial),
    ]
    let part = Linear.Part(start: 0, columns: columns, weight: 0, trains: trains(parameters[0]), bias: 1)
    let operation = Linear(
      rows: x.rows, inputs: x.columns, columns: columns, layout: .outputByInput, rounds: false,
      parts: [part], needsInputGradient: x.needsGradient)
    return append(operation, inputs: [x], parameters: parameters, columns: columns, rows: x.rows)
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
    /// Indices into the operation's parameters.
    let weight: Int
    let trains: Bool
    var bias: Int?
    /// One, or one for each of several adapters.
    var terms: [LowRankTerm] = []

    /// A term with a magnitude, which stands alone.
    var magnified: (term: LowRankTerm, magnitude: MagnitudeTerm)? {
      terms.first.flatMap { term in term.magnitude.map { (term, $0) } }
    }
  }

  let rows: Int
  let inputs: Int
  let columns: Int
  let layout: WeightLayout
  /// Whether any weight is multiplied in bfloat16.
  let rounds: Bool
  let parts: [Part]
  let needsInputGradient: Bool
  /// The names of the parts, and what sees their input.
  var tap: (names: [String], tap: InputTap)?

  /// A bias alone is trained without it.
  private var keepsInput: Bool { parts.contains { $0.trains || $0.terms.contains(where: \.trainsA) } }

  var keeps: Keeps { Keeps(inputs: keepsInput ? [0] : []) }

  var productOperations: Double {
    parts.reduce(0) { sum, part in
      let more = part.magnified.map { magnitudeOperations(part, $0.term) } ?? 0
      return sum + operations(part) + part.terms.reduce(0) { $0 + $1.operations(self, part) } + more
    }
  }

  var backwardOperations: Double {
    parts.reduce(0) { sum, part in
      sum + (part.trains ? operations(part) : 0) + (needsInputGradient ? operations(part) : 0)
        + part.terms.reduce(0) { $0 + $1.backwardOperations(self, part) }
    }
  }

  private func operations(_ part: Part) -> Double { 2 * Double(rows) * Double(inputs) * Double(part.columns) }

  /// Input and output gradient, rounded, and what terms need.
  func scratchCount(threads: Int) -> Int {
    halfScratch
      + (parts.map { part in
        part.terms.reduce(0) { $0 + $1.scratchCount(self) }
          + (part.magnified == nil ? 0 : magnitudeScratch(part))
      }.max() ?? 0)
  }

  var halfScratch: Int {
    rounds ? Self.halfRoom(rows * inputs) + Self.halfRoom(rows * columns) : 0
  }

  /// The number of floats that hold this many bfloat16 numbers, in whole cache lines.
  static func halfRoom(_ count: Int) -> Int { (count + 31) / 32 * 16 }

  /// Calls `body` with every term of a part and its own scratch.
  private func forEachTerm(
    _ part: Part, _ frame: Frame, _ body: (LowRankTerm, UnsafeMutablePointer<Float>) -> Void
  ) {
    var scratch = frame.scratch + halfScratch
    for term in part.terms {
      body(term, scratch)
      scratch += term.scratchCount(self)
    }
  }

  func weight(_ frame: Frame, _ part: Part) -> Operand {
    layout == .outputByInput
      ? frame.matrix(part.weight, rows: part.columns, columns: inputs)
      : frame.matrix(part.weight, rows: inputs, columns: part.columns)
  }

  /// The input as it is, and rounded.
  private func input(_ frame: Frame, rounding: Bool) -> (plain: ConstMatrix, rounded: Operand?) {
    let x = ConstMatrix(frame.input(0), rows: rows, columns: inputs)
    return (x, rounding ? frame.rounded(x, into: frame.scratch) : nil)
  }

  func forward(_ frame: Frame, each: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void) {
    let x = input(frame, rounding: rounds)
    if let tap { tap.tap.take(tap.names, x.plain, frame.engine) }
    for part in parts {
      let y = MutableMatrix(frame.output(0) + part.start, rows: rows, columns: part.columns, stride: columns)
      if let (term, magnitude) = part.magnified {
        forward(frame, part, term, magnitude, x: x, into: y, each: each)
        continue
      }
      let weight = weight(frame, part)
      forEachTerm(part, frame) { $0.project(x.plain, self, frame, scratch: $1) }
      frame.engine.multiply(
        frame.rounds(part.weight) ? x.rounded! : .float32(x.plain), weight,
        layout == .outputByInput ? .second : .none, into: y
      ) { rows, tile in
        if let bias = part.bias {
          frame.engine.addBiasHere(frame.weight(bias) + tile.lowerBound, to: y.part(rows, tile))
        }
        for term in part.terms { term.addHere(to: y, rows, tile, frame) }
        each(rows, part.start + tile.lowerBound..<part.start + tile.upperBound)
      }
    }
  }

  func backward(_ frame: Frame) {
    // Terms read it as it is.
    let x = keepsInput ? input(frame, rounding: rounds && parts.contains(where: \.trains)) : nil
    let room = frame.scratch + (rounds ? Self.halfRoom(rows * inputs) : 0)
    let dx = frame.inputGradient(0)
    for (place, part) in parts.enumerated() {
      let dyM = ConstMatrix(
        frame.outputGradient(0) + part.start, rows: rows, columns: part.columns, stride: columns)
      if let bias = part.bias, let dBias = frame.weightGradient(bias) {
        frame.engine.sumRows(
          dyM.base, rows: rows, columns: part.columns, stride: columns, into: dBias.base,
          adding: dBias.adding)
      }
      if let (term, magnitude) = part.magnified {
        precondition(!part.trains, "a weight with a magnitude is frozen")
        backward(
          frame, part, term, magnitude, dy: dyM, x: x?.plain, dx: dx, adding: dx?.adding == true || place > 0)
        continue
      }
      let rounds = frame.rounds(part.weight)
      let dy = rounds ? frame.rounded(dyM, into: room) : .float32(dyM)
      if let dW = frame.weightGradient(part.weight), let x {
        let x = rounds ? x.rounded! : .float32(x.plain)
        if layout == .outputByInput {
          let target = MutableMatrix(dW.base, rows: part.columns, columns: inputs)
          frame.engine.multiply(dy, x, .first, into: target, adding: dW.adding)
        } else {
          let target = MutableMatrix(dW.base, rows: inputs, columns: part.columns)
          frame.engine.multiply(x, dy, .first, into: target, adding: dW.adding)
        }
      }
      forEachTerm(part, frame) { $0.backward(dyM, x?.plain, self, frame, scratch: $1) }
      if let dx {
        let dxM = MutableMatrix(dx.base, rows: rows, columns: inputs)
        frame.engine.multiply(
          dy, weight(frame, part), layout == .outputByInput ? .none : .second, into: dxM,
          adding: dx.adding || place > 0
        ) { rows, tile in
          forEachTerm(part, frame) { $0.addGradientHere(to: dxM, rows, tile, frame, scratch: $1) }
        }
        forEachTerm(part, frame) { $0.addDroppedGradient(to: dxM, self, frame, scratch: $1) }
      }
    }
  }
}
