// DoRA (Liu et al. 2024): a low-rank term changes the direction of each output's weights, and a trained magnitude m
// their length, formulas as PEFT has them:
//
//   f = m / ‖W + scale · B A‖,  z = x Wᵀ + u Bᵀ,  y = f ∘ z + b
//
// The norm has no gradient (section 4.3 of the paper): dm = Σ dy ∘ z / ‖…‖, dz = f ∘ dy, and the rest is as without m.
// With dropout, x of z is the x' that some elements are dropped from, and y = (x − x') Wᵀ + f ∘ z + b.
import Kernels
import Tensors

struct MagnitudeTerm {
  /// An index into the operation's parameters: [outputs].
  let m: Int
  /// The places of z [rows, outputs], and of f and 1 / ‖…‖ [2, outputs], among what is kept.
  let z: Int
  let factors: Int

  func f(_ frame: Frame) -> UnsafeMutablePointer<Float> { frame.kept(factors) }
}

extension Linear {
  private func axis() -> OutputAxis { layout == .outputByInput ? .rows : .columns }

  private func dropped(_ term: LowRankTerm, _ scratch: UnsafeMutablePointer<Float>) -> ConstMatrix {
    ConstMatrix(scratch + term.room, rows: rows, columns: inputs)
  }

  /// What a part with a magnitude needs beside its low-rank term: an input or an output's gradient rounded, and f ∘ dy.
  func magnitudeScratch(_ part: Part) -> Int {
    let half = rounds ? Self.halfRoom(rows * max(inputs, part.columns)) : 0
    return half + max(rows * part.columns, (part.magnified?.term.rank ?? 0) * part.columns)
  }

  /// One product more with dropout, and the norms.
  func magnitudeOperations(_ part: Part, _ term: LowRankTerm) -> Double {
    2 * Double(inputs) * Double(part.columns) * (Double(term.rank) + (term.dropout > 0 ? Double(rows) : 0))
  }

  /// Computes the factors, then z, then y.
  func forward(
    _ frame: Frame, _ part: Part, _ term: LowRankTerm, _ magnitude: MagnitudeTerm,
    x: (plain: ConstMatrix, rounded: Operand?), into y: MutableMatrix,
    each: (_ rows: Range<Int>, _ columns: Range<Int>) -> Void
  ) {
    let weight = weight(frame, part)
    let scratch = frame.scratch + halfScratch
    let own = scratch + term.scratchCount(self)
    let halves = own + max(rows * part.columns, term.rank * part.columns)
    let isRounding = frame.rounds(part.weight)
    let f = magnitude.f(frame)
    let inverse = f + part.columns
    frame.engine.outputNorms(
      of: weight, axis(), a: term.aM(frame, self),
      b: ConstMatrix(frame.added(term.b), rows: part.columns, columns: term.rank), scale: term.scale,
      rounding: isRounding, scratch: own, into: inverse)
    let m = frame.added(magnitude.m)
    for column in 0..<part.columns {
      f[column] = m[column] / inverse[column]
      inverse[column] = 1 / inverse[column]
    }
    term.project(x.plain, self, frame, scratch: scratch)
    let z = MutableMatrix(frame.kept(magnitude.z), rows: rows, columns: part.columns)
    let bias = part.bias.map { frame.weight($0) }
    func finish(_ rows: Range<Int>, _ tile: Range<Int>, adding: Bool) {
      frame.engine.scaleColumnsHere(
        z.part(rows, tile), by: f + tile.lowerBound, bias: bias.map { $0 + tile.lowerBound },
        into: y.part(rows, tile), adding: adding)
      each(rows, part.start + tile.lowerBound..<part.start + tile.upperBound)
    }
    let transposition: Transposition = layout == .outputByInput ? .second : .none
    guard term.dropout > 0 else {
      frame.engine.multiply(
        isRounding ? x.rounded! : .float32(x.plain), weight, transposition, into: z
      ) { rows, tile in
        term.addHere(to: z, rows, tile, frame)
        finish(rows, tile, adding: false)
      }
      return
    }
    let dropped = dropped(term, scratch)
    frame.engine.multiply(
      isRounding ? frame.rounded(dropped, into: halves) : .float32(dropped), weight, transposition, into: z
    ) { rows, tile in term.addHere(to: z, rows, tile, frame) }
    frame.engine.subtract(
      x.plain.base, count: rows * inputs, minusHere: UnsafeMutablePointer(mutating: dropped.base))
    frame.engine.multiply(
      isRounding ? frame.rounded(dropped, into: halves) : .float32(dropped), weight, transposition, into: y
    ) { rows, tile in finish(rows, tile, adding: true) }
  }

  /// Writes the gradients of m, A, B and x. The bias has its own.
  func backward(
    _ frame: Frame, _ part: Part, _ term: LowRankTerm, _ magnitude: MagnitudeTerm, dy: ConstMatrix,
    x: ConstMatrix?, dx: GradientTarget?, adding: Bool
  ) {
    let scratch = frame.scratch + halfScratch
    let own = scratch + term.scratchCount(self)
    let halves = own + max(rows * part.columns, term.rank * part.columns)
    let isRounding = frame.rounds(part.weight)
    let f = UnsafePointer(magnitude.f(frame))
    if let dm = frame.weightGradient(magnitude.m) {
      frame.engine.columnDots(
        dy, frame.kept(magnitude.z), times: f + part.columns, into: dm.base, adding: dm.adding)
    }
    frame.engine.scaleColumns(dy, by: f, into: own)
    let dz = ConstMatrix(own, rows: rows, columns: part.columns)
    term.backward(dz, x, self, frame, scratch: scratch)
    guard let dx else { return }
    let dxM = MutableMatrix(dx.base, rows: rows, columns: inputs)
    let transposition: Transposition = layout == .outputByInput ? .none : .second
    func operand(_ x: ConstMatrix) -> Operand {
      isRounding ? frame.rounded(x, into: halves) : .float32(x)
    }
    let weight = weight(frame, part)
    guard term.dropout > 0 else {
      frame.engine.multiply(operand(dz), weight, transposition, into: dxM, adding: adding) { rows, tile in
        term.addGradientHere(to: dxM, rows, tile, frame, scratch: scratch)
      }
      return
    }
    // Through x − x' and x' alike, then what x' has beside: (dz − dy) W + t A under the mask.
    frame.engine.multiply(operand(dy), weight, transposition, into: dxM, adding: adding)
    frame.engine.scaleColumns(dy, by: f, minus: 1, into: own)
    term.addDroppedGradient(to: dxM, self, frame, scratch: scratch) { whole in
      frame.engine.multiply(operand(dz), weight, transposition, into: whole, adding: true)
    }
  }
}
