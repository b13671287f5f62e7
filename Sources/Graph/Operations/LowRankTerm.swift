// What LoRA adds to a projection (Hu et al. 2021): y += u Bᵀ with u = scale · x Aᵀ, in the tiles of x Wᵀ.
//
// Backward: dB = dyᵀ u, t = scale · dy B, dA = tᵀ x, dx += t A. Terms are fp32, whatever the weight is stored in, as
// PEFT keeps adapters. With dropout A reads x with some elements dropped, another mask for each projection.
//
// With singular values E (Zhang et al. 2023) v = scale · x Aᵀ is kept too: u = E ∘ v, dE = Σ dy B ∘ v, t = scale · E ∘ dy B.
import Kernels
import Tensors

extension Graph {
  /// Declares the matrices of the terms of a projection, and what is kept for backward: none, one, or one for each of
  /// several adapters that has some.
  func lowRankTerms(
    _ name: String, _ x: Value, columns: Int, _ parameters: inout [Int],
    _ kept: inout [(rows: Int, columns: Int)]
  ) -> [LowRankTerm] {
    let members = adaptation.members
    guard !members.isEmpty else {
      guard let lowRank = adaptation.lowRank(at: name, inputs: x.columns, outputs: columns) else { return [] }
      let site = dropsOut && lowRank.dropout > 0 ? nextSite() : 0
      return [
        lowRankTerm(lowRank, name, x, rows: 0..<x.rows, columns: columns, site: site, &parameters, &kept)
      ]
    }
    let found = members.map { $0.adaptation.lowRank(at: name, inputs: x.columns, outputs: columns) }
    // One for all, as each has in a run of its own where all of them drop something here.
    let site = dropsOut && found.contains { ($0?.dropout ?? 0) > 0 } ? nextSite() : 0
    let ofSequence = x.rows / shape.sequences
    var terms: [LowRankTerm] = []
    for (index, sequences) in sequences(ofMembers: members.count).enumerated() {
      guard let lowRank = found[index] else { continue }
      terms.append(
        lowRankTerm(
          lowRank, name, prefix: members[index].prefix, x,
          rows: sequences.lowerBound * ofSequence..<sequences.upperBound * ofSequence,
          firstSequence: sequences.lowerBound, columns: columns, site: site, &parameters, &kept))
    }
    return terms
  }

  private func lowRankTerm(
    _ lowRank: LowRank, _ name: String, prefix: String = "", _ x: Value, rows: Range<Int>,
    firstSequence: Int = 0, columns: Int, site: Int, _ parameters: inout [Int],
    _ kept: inout [(rows: Int, columns: Int)]
  ) -> LowRankTerm {
    let (aInitial, bInitial): (Initial, Initial) =
      switch lowRank.start {
      case _ where lowRank.hasValues: (.normal(deviation: 0.02), .normal(deviation: 0.02))
      case .uniform: (.uniform(bound: 1 / Double(x.columns).squareRoot()), .zeros)
      case .gaussian: (.normal(deviation: 1 / Double(lowRank.rank)), .zeros)
      case .pissa, .loftq: (.factor(of: name + ".weight"), .factor(of: name + ".weight"))
      }
    let names = lowRank.names(prefix + name)
    let a = addedParameter(
      names.a, [lowRank.rank, x.columns], initial: aInitial, trains: lowRank.trainsA)
    let b = addedParameter(names.b, [columns, lowRank.rank], initial: bInitial)
    let place = parameters.count
    parameters += [a, b]
    kept.append((rows: rows.count, columns: lowRank.rank))
    let u = kept.count - 1
    var values: LowRankTerm.Values?
    if let e = names.values {
      kept.append((rows: rows.count, columns: lowRank.rank))
      values = LowRankTerm.Values(e: parameters.count, v: kept.count - 1)
      parameters.append(addedParameter(e, [lowRank.rank, 1], initial: .zeros))
    }
    var magnitude: MagnitudeTerm?
    if lowRank.hasMagnitude {
      precondition(rows.count == x.rows, "a magnitude is of all rows")
      let m = addedParameter(
        name + ".lora_magnitude_vector", [columns], initial: .outputNorms(of: name + ".weight"))
      kept.append((rows: x.rows, columns: columns))
      kept.append((rows: 2, columns: columns))
      magnitude = MagnitudeTerm(m: parameters.count, z: kept.count - 2, factors: kept.count - 1)
      parameters.append(m)
    }
    return LowRankTerm(
      rank: lowRank.rank, scale: lowRank.scale, rows: rows, firstSequence: firstSequence, a: place,
      b: place + 1,
      values: values, magnitude: magnitude, trainsA: trains(a), u: u,
      dropout: dropsOut ? lowRank.dropout : 0, site: site, length: shape.length)
  }
}

struct LowRankTerm {
  /// The singular values: an index into the operation's parameters, and the place of v among what is kept.
  struct Values {
    let e: Int
    let v: Int
  }

  let rank: Int
  let scale: Float
  /// The rows of the input that it reads, and the sequence that they begin with.
  let rows: Range<Int>
  let firstSequence: Int
  /// Indices into the operation's parameters.
  let a: Int
  let b: Int
  let values: Values?
  let magnitude: MagnitudeTerm?
  /// If not, nothing reads the input in backward.
  let trainsA: Bool
  /// The place of u among what is kept.
  let u: Int
  let dropout: Double
  let site: Int
  /// The number of tokens of a sequence.
  let length: Int

  /// Of both products of forward.
  func operations(_ linear: Linear, _ part: Linear.Part) -> Double {
    2 * Double(rows.count) * Double(rank) * Double(linear.inputs + part.columns)
  }

  /// Of dB, t, dA, and dx where that is needed.
  func backwardOperations(_ linear: Linear, _ part: Linear.Part) -> Double {
    let products = (linear.needsInputGradient ? 1 : 0) + (trainsA ? 1 : 0)
    return 2 * Double(rows.count) * Double(rank) * Double(products * linear.inputs + 2 * part.columns)
  }

  /// Room for t, and with dropout for an input and its gradient.
  func scratchCount(_ linear: Linear) -> Int {
    room + (dropout > 0 ? 2 * rows.count * linear.inputs : 0)
  }

  var room: Int { (rows.count * rank + 15) / 16 * 16 }

  func aM(_ frame: Frame, _ linear: Linear) -> ConstMatrix {
    ConstMatrix(frame.added(a), rows: rank, columns: linear.inputs)
  }

  private func kept(_ place: Int, _ frame: Frame) -> MutableMatrix {
    MutableMatrix(frame.kept(place), rows: rows.count, columns: rank)
  }

  /// Its rows of a matrix of all rows.
  private func own(_ x: ConstMatrix) -> ConstMatrix {
    ConstMatrix(x.base + rows.lowerBound * x.stride, rows: rows.count, columns: x.columns, stride: x.stride)
  }

  private func sampleIDs(_ frame: Frame) -> UnsafePointer<Int32> { frame.input.sampleIDs + firstSequence }

  private func draw(_ frame: Frame) -> Dropout {
    Dropout(
      probability: dropout, seed: frame.input.seed, step: frame.input.step, site: site,
      places: frame.input.places)
  }

  /// Its rows of x, or these with elements dropped, which then lie in scratch.
  private func read(
    _ x: ConstMatrix, _ linear: Linear, _ frame: Frame, _ scratch: UnsafeMutablePointer<Float>
  ) -> ConstMatrix {
    guard dropout > 0 else { return own(x) }
    let dropped = scratch + room
    frame.engine.dropout(
      own(x).base, draw(frame), sampleIDs: sampleIDs(frame), length: length, rows: rows.count,
      columns: linear.inputs, into: dropped)
    return ConstMatrix(dropped, rows: rows.count, columns: linear.inputs)
  }

  /// Writes u.
  func project(
    _ x: ConstMatrix, _ linear: Linear, _ frame: Frame, scratch: UnsafeMutablePointer<Float>
  ) {
    guard !rows.isEmpty else { return }
    let uM = kept(u, frame)
    let vM = values.map { kept($0.v, frame) } ?? uM
    frame.engine.multiply(
      .float32(read(x, linear, frame, scratch)), .float32(aM(frame, linear)), .second, into: vM
    ) { rows, tile in
      frame.engine.scaleHere(vM.part(rows, tile), by: scale)
      if let values {
        frame.engine.scaleColumnsHere(
          vM.part(rows, tile), by: frame.added(values.e) + tile.lowerBound, bias: nil,
          into: uM.part(rows, tile), adding: false)
      }
    }
  }

  /// Adds u Bᵀ to a tile of y, on the thread that made it.
  func addHere(to y: MutableMatrix, _ rows: Range<Int>, _ tile: Range<Int>, _ frame: Frame) {
    let rows = rows.clamped(to: self.rows)
    guard !rows.isEmpty else { return }
    let bM = ConstMatrix(frame.added(b) + tile.lowerBound * rank, rows: tile.count, columns: rank)
    frame.engine.addProductHere(narrow(frame.kept(u), rows), bM, .second, into: y.part(rows, tile))
  }

  /// Some rows of u or t, which have none but its own.
  private func narrow(_ base: UnsafePointer<Float>, _ rows: Range<Int>) -> ConstMatrix {
    ConstMatrix(
      base + (rows.lowerBound - self.rows.lowerBound) * rank, rows: rows.count, columns: rank)
  }

  /// Writes the gradients of A, B and E, and leaves t in scratch.
  /// - Parameter x: nil where A is not trained.
  func backward(
    _ dy: ConstMatrix, _ x: ConstMatrix?, _ linear: Linear, _ frame: Frame,
    scratch: UnsafeMutablePointer<Float>
  ) {
    guard !rows.isEmpty else { return clearGradients(linear, frame, columns: dy.columns) }
    let dy = own(dy)
    if let dB = frame.weightGradient(b) {
      frame.engine.multiply(
        .float32(dy), .float32(ConstMatrix(frame.kept(u), rows: dy.rows, columns: rank)), .first,
        into: MutableMatrix(dB.base, rows: dy.columns, columns: rank), adding: dB.adding)
    }
    let tM = MutableMatrix(scratch, rows: dy.rows, columns: rank)
    let bM = ConstMatrix(frame.added(b), rows: dy.columns, columns: rank)
    frame.engine.multiply(.float32(dy), .float32(bM), into: tM) { rows, tile in
      if values == nil { frame.engine.scaleHere(tM.part(rows, tile), by: scale) }
    }
    if let values {
      let t = ConstMatrix(scratch, rows: dy.rows, columns: rank)
      if let dE = frame.weightGradient(values.e) {
        frame.engine.columnDots(t, frame.kept(values.v), into: dE.base, adding: dE.adding)
      }
      frame.engine.scaleColumns(t, by: frame.added(values.e), into: scratch)
      frame.engine.scale(scratch, count: dy.rows * rank, by: scale, into: scratch)
    }
    if let dA = frame.weightGradient(a), let x {
      frame.engine.multiply(
        .float32(ConstMatrix(scratch, rows: rows.count, columns: rank)),
        .float32(read(x, linear, frame, scratch)), .first,
        into: MutableMatrix(dA.base, rows: rank, columns: linear.inputs), adding: dA.adding)
    }
  }

  /// The gradients where there are no rows.
  private func clearGradients(_ linear: Linear, _ frame: Frame, columns: Int) {
    let counts = [(a, rank * linear.inputs), (b, columns * rank)] + (values.map { [($0.e, rank)] } ?? [])
    for (parameter, count) in counts {
      if let target = frame.weightGradient(parameter), !target.adding {
        target.base.update(repeating: 0, count: count)
      }
    }
  }

  /// Adds t A to a tile of dx, if nothing is dropped.
  func addGradientHere(
    to dx: MutableMatrix, _ rows: Range<Int>, _ tile: Range<Int>, _ frame: Frame,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let rows = rows.clamped(to: self.rows)
    guard dropout == 0, !rows.isEmpty else { return }
    let aM = ConstMatrix(
      frame.added(a) + tile.lowerBound, rows: rank, columns: tile.count, stride: dx.columns)
    frame.engine.addProductHere(narrow(scratch, rows), aM, .none, into: dx.part(rows, tile))
  }

  /// Adds t A to dx, with the mask of the input if there is one.
  /// - Parameter more: adds what else passes through the mask.
  func addDroppedGradient(
    to dx: MutableMatrix, _ linear: Linear, _ frame: Frame, scratch: UnsafeMutablePointer<Float>,
    more: (MutableMatrix) -> Void = { _ in }
  ) {
    guard dropout > 0, !rows.isEmpty else { return }
    let whole = scratch + room + rows.count * linear.inputs
    let wholeM = MutableMatrix(whole, rows: rows.count, columns: linear.inputs)
    frame.engine.multiply(
      .float32(ConstMatrix(scratch, rows: rows.count, columns: rank)), .float32(aM(frame, linear)),
      into: wholeM)
    more(wholeM)
    frame.engine.dropout(
      whole, draw(frame), sampleIDs: sampleIDs(frame), length: length, rows: rows.count,
      columns: linear.inputs, into: dx.base + rows.lowerBound * dx.stride, adding: true)
  }
}
