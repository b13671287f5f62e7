// The vocabulary projection and cross-entropy in one pass over chunks of rows: the logits of a whole
// micro-batch are never in memory, and rows without a target are not projected at all.
//
//   z = x Wᵀ + b,  ℓ = log Σ exp z − z[target],  dz = (softmax(z) − onehot(target)) · scale,
//   dx = dz W,  dW += dzᵀ x,  db += Σ dz.
// With a cap c, logits z become c · tanh(z / c) (Gemma 2).
// Smoothed by ε, as LabelSmoother of transformers: ℓ = log Σ exp z − (1 − ε) z[target] − ε/V Σ z.
import Foundation
import Tensors

@inline(__always) func logarithm(_ x: Float) -> Float { Float(Foundation.log(Double(x))) }

/// The same memory, used for bfloat16.
@inline(__always)
private func asHalves(_ x: UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<BFloat16> {
  UnsafeMutableRawPointer(x).assumingMemoryBound(to: BFloat16.self)
}

/// The sizes of one projection onto a vocabulary.
package struct CrossEntropyShape: Sendable {
  package var rows: Int
  package var columns: Int
  package var vocabulary: Int
  package var type: ElementType
  /// The cap of logits; nil for none.
  package var cap: Float?
  /// What logits are divided by, before the cap.
  package var temperature: Float
  /// What predictions are kept near; nil for nothing.
  package var soft: SoftTargetShape?
  /// ε of targets that are smoothed over the vocabulary, in 0..<1; not beside soft targets.
  package var smoothing: Float

  package init(
    rows: Int, columns: Int, vocabulary: Int, type: ElementType = .float32, cap: Float? = nil,
    temperature: Float = 1, soft: SoftTargetShape? = nil, smoothing: Float = 0
  ) {
    precondition(soft == nil || smoothing == 0, "targets are soft or smoothed")
    self.smoothing = smoothing
    self.soft = soft
    self.temperature = temperature
    self.type = type
    self.cap = cap
    self.rows = rows
    self.columns = columns
    self.vocabulary = vocabulary
  }

  /// How many rows have their logits in memory at once: 512, or fewer if those would take more than 128 MB. More rows
  /// save passes over the gradient of the weight.
  package var chunk: Int {
    let room = (1 << 27) / (4 * vocabulary) / 16 * 16
    return min(rows, 512, max(room, 16))
  }
  /// The number of scratch elements: chunks of logits, of inputs and of their gradients, and one loss per row.
  package var scratchCount: Int {
    ownCount + (soft.map { chunk * (vocabulary + $0.columns) + 2 * chunk } ?? 0)
  }
  fileprivate var ownCount: Int { (chunk * (vocabulary + 2 * columns) + chunk + rows + 15) / 16 * 16 }
}

extension Engine {
  /// The sum of the losses of all rows that have a target, in nats, and the gradients where asked for.
  /// - Parameters:
  ///   - bias: [vocabulary]; nil for none.
  ///   - targets: [rows], negative where a row has none.
  ///   - scale: the factor of each row's gradient, 1 / (target tokens of the whole step).
  ///   - slopes: [rows]: another factor of each row's gradient; nil for 1.
  ///   - isSecond: whether the run before, on the same scratch and inputs, was for the losses alone: logits that are
  ///     still there are not computed again.
  ///   - soft: what predictions are kept near, of the shape's form.
  ///   - divergence: gets the sum of the divergences from it.
  ///   - losses: [rows], NaN for a row without a target; nil if only their sum is asked for.
  ///   - hits: [rows], whether a row's target is the first of its likeliest ones; for the losses alone.
  ///   - dx: [rows, columns], written anew; nil for the loss alone.
  ///   - dWeight: [vocabulary, columns], written anew; nil if the weight is frozen.
  ///   - dBias: [vocabulary], written anew; nil if the bias is frozen.
  package func crossEntropy(
    _ shape: CrossEntropyShape, x: UnsafePointer<Float>, weight: Operand, bias: UnsafePointer<Float>? = nil,
    targets: UnsafePointer<Int32>, scale: Float, slopes: UnsafePointer<Float>? = nil, isSecond: Bool = false,
    soft: SoftTargets? = nil, divergence: UnsafeMutablePointer<Double>? = nil,
    losses each: UnsafeMutablePointer<Double>? = nil, hits: UnsafeMutablePointer<Bool>? = nil,
    dx: UnsafeMutablePointer<Float>?,
    dWeight: UnsafeMutablePointer<Float>?, dBias: UnsafeMutablePointer<Float>? = nil,
    scratch: UnsafeMutablePointer<Float>
  ) -> Double {
    let s = shape
    let logits = scratch
    let xChunk = logits + s.chunk * s.vocabulary
    let dxChunk = xChunk + s.chunk * s.columns
    let losses = dxChunk + s.chunk * s.columns
    let rows = losses + s.chunk
    // The numbers of the rows that have a target. They are stored as bit patterns, since floats hold whole numbers
    // exactly only up to 2^24.
    let active = UnsafeMutableRawPointer(rows).bindMemory(to: Int32.self, capacity: s.rows)
    var count = 0
    for row in 0..<s.rows where targets[row] >= 0 {
      active[count] = Int32(row)
      count += 1
    }
    each?.update(repeating: .nan, count: s.rows)
    if let dx { clear(dx, count: s.rows * s.columns) }
    if let dWeight, count == 0 { clear(dWeight, count: s.vocabulary * s.columns) }
    if let dBias, count == 0 { clear(dBias, count: s.vocabulary) }
    let isLossAlone = dx == nil && dWeight == nil && dBias == nil
    // The gradient of a bias is summed from what is not rounded yet; logits may be needed again.
    let rounds = s.type == .bfloat16 && dBias == nil && !isLossAlone
    var loss = 0.0
    divergence?.pointee = 0
    for start in stride(from: 0, to: count, by: s.chunk) {
      let chunk = min(s.chunk, count - start)
      let activeRows = active + start
      let xM = pick(activeRows, of: x, count: chunk, s, into: xChunk)
      let z = MutableMatrix(logits, rows: chunk, columns: s.vocabulary)
      if !isSecond || count > s.chunk {
        multiply(xM, weight, .second, into: z) { rows, tile in
          if let bias { addBiasHere(bias + tile.lowerBound, to: z.part(rows, tile)) }
          if let cap = s.cap { capHere(z.part(rows, tile), at: cap) }
        }
      }
      let comparesHidden = s.soft?.divergence == .hidden
      let others =
        comparesHidden
        ? nil : soft.map { project($0, activeRows, count: chunk, s, into: scratch + s.ownCount) }
      // Where the numbers of other divergences are, too.
      let gaps =
        comparesHidden && soft != nil
        ? UnsafeMutableRawPointer(scratch + s.ownCount).assumingMemoryBound(to: Double.self) : nil
      pool.run(chunk) { row, _ in
        let place = Int(activeRows[row])
        var rowScale = isLossAlone ? nil : slopes.map { scale * $0[place] } ?? scale
        if let gaps, let soft, let form = s.soft {
          gaps[row] = hiddenGap(x + place * s.columns, soft.x + place * s.columns, count: s.columns)
          rowScale = rowScale.map { $0 * form.hard }
        }
        if let others, let form = s.soft {
          let found = softLossOfRow(
            logits + row * s.vocabulary, soft: others.logits + row * s.vocabulary, form,
            target: Int(targets[place]), count: s.vocabulary, scale: rowScale, cap: s.cap)
          losses[row] = found.loss
          others.divergences[row] = found.divergence
          if rounds { narrow(logits + row * s.vocabulary, s) }
        } else if s.smoothing > 0 {
          losses[row] = smoothedLossOfRow(
            logits + row * s.vocabulary, target: Int(targets[place]), s, scale: rowScale)
          if rounds { narrow(logits + row * s.vocabulary, s) }
        } else {
          losses[row] = lossOfRow(
            logits + row * s.vocabulary, target: Int(targets[place]), s, scale: rowScale, rounds: rounds)
        }
        if isLossAlone, let hits {
          let best = largest(logits + row * s.vocabulary, count: s.vocabulary)
          hits[place] = best.isFinite && best.place == Int(targets[place])
        }
      }
      if let dBias {
        sumRows(
          logits, rows: chunk, columns: s.vocabulary, stride: s.vocabulary, into: dBias, adding: start > 0)
        if s.type == .bfloat16 {
          pool.run(chunk) { row, _ in narrow(logits + row * s.vocabulary, s) }
        }
      }
      for row in 0..<chunk {
        loss += Double(losses[row])
        each?[Int(activeRows[row])] = Double(losses[row])
        if let numbers = others?.divergences ?? gaps { divergence?.pointee += numbers[row] }
      }
      let dz: Operand =
        s.type == .float32
        ? .float32(ConstMatrix(logits, rows: chunk, columns: s.vocabulary))
        : .bfloat16(
          HalfMatrix(asHalves(logits), rows: chunk, columns: s.vocabulary, stride: 2 * s.vocabulary))
      if let dx {
        multiply(dz, weight, into: MutableMatrix(dxChunk, rows: chunk, columns: s.columns))
        pool.run(chunk) { row, _ in
          let to = dx + Int(activeRows[row]) * s.columns
          to.update(from: dxChunk + row * s.columns, count: s.columns)
          if s.temperature != 1 { scaleHere(to, by: 1 / s.temperature, count: s.columns) }
          guard gaps != nil, let soft, let form = s.soft else { return }
          let place = Int(activeRows[row]) * s.columns
          addHiddenSlope(
            x + place, soft.x + place, count: s.columns, factor: scale * form.strength, to: to)
        }
      }
      if let dWeight {
        multiply(
          dz, xM, .first, into: MutableMatrix(dWeight, rows: s.vocabulary, columns: s.columns),
          adding: start > 0)
      }
    }
    return loss
  }

  /// The logits of another model for some rows, [count, vocabulary], and room for a number of each.
  private func project(
    _ soft: SoftTargets, _ indices: UnsafePointer<Int32>, count: Int, _ s: CrossEntropyShape,
    into room: UnsafeMutablePointer<Float>
  ) -> (logits: UnsafeMutablePointer<Float>, divergences: UnsafeMutablePointer<Double>) {
    // The numbers come first, so that they are aligned.
    let divergences = UnsafeMutableRawPointer(room).assumingMemoryBound(to: Double.self)
    let logits = room + 2 * s.chunk
    let shape = CrossEntropyShape(
      rows: s.rows, columns: soft.columns, vocabulary: s.vocabulary, type: soft.type)
    let xM = pick(indices, of: soft.x, count: count, shape, into: logits + s.chunk * s.vocabulary)
    multiply(
      xM, soft.weight, .second, into: MutableMatrix(logits, rows: count, columns: s.vocabulary)
    ) { rows, tile in
      if let cap = soft.cap {
        capHere(MutableMatrix(logits, rows: count, columns: s.vocabulary).part(rows, tile), at: cap)
      }
    }
    return (logits, divergences)
  }

  /// Rounds a row of gradients in its place.
  @inline(__always)
  private func narrow(_ row: UnsafeMutablePointer<Float>, _ s: CrossEntropyShape) {
    BFloat16.narrow(row, count: s.vocabulary, into: asHalves(row))
  }

  /// Multiplies numbers in their place.
  @inline(__always)
  private func scaleHere(_ x: UnsafeMutablePointer<Float>, by factor: Float, count: Int) {
    forEachVector(count) { $0.store($0.load(x) * factor, x) }
  }

  /// Rows of x side by side, divided by the temperature, in the type of the model.
  private func pick(
    _ indices: UnsafePointer<Int32>, of x: UnsafePointer<Float>, count: Int, _ s: CrossEntropyShape,
    into chunk: UnsafeMutablePointer<Float>
  ) -> Operand {
    let rounded = asHalves(chunk)
    pool.run(count) { row, _ in
      let from = x + Int(indices[row]) * s.columns
      switch s.type {
      case .float32:
        (chunk + row * s.columns).update(from: from, count: s.columns)
        if s.temperature != 1 { scaleHere(chunk + row * s.columns, by: 1 / s.temperature, count: s.columns) }
      case .bfloat16:
        let to = rounded + row * s.columns
        BFloat16.narrow(from, count: s.columns, into: to)
        guard s.temperature != 1 else { return }
        for column in 0..<s.columns { to[column] = BFloat16(rounding: from[column] * (1 / s.temperature)) }
      }
    }
    return s.type == .float32
      ? .float32(ConstMatrix(chunk, rows: count, columns: s.columns))
      : .bfloat16(HalfMatrix(rounded, rows: count, columns: s.columns))
  }

  /// z = cap · tanh(z / cap) on the calling thread.
  package func capHere(_ z: MutableMatrix, at cap: Float) {
    for row in 0..<z.rows {
      let zN = z.base + row * z.stride
      forEachVector(z.columns) { $0.store(hyperbolicTangent($0.load(zN) * (1 / cap)) * cap, zN) }
    }
  }

  /// One row's loss; with a scale, the logits become their gradient, or that of what they were before the cap.
  /// - Parameter rounds: whether that is left as bfloat16 at the row's beginning.
  @inline(__always)
  private func lossOfRow(
    _ logits: UnsafeMutablePointer<Float>, target: Int, _ s: CrossEntropyShape, scale: Float?, rounds: Bool
  ) -> Float {
    let count = s.vocabulary
    var largest = Vector(repeating: -.infinity)
    forEachVector(count) { largest = largest.maximum($0.load(logits, fill: -.infinity)) }
    let peak = largest.largest
    let targetLogit = logits[target]
    var sum = Vector()
    if let scale, let cap = s.cap {
      forEachVector(count) { sum += exponential($0.load(logits, fill: -.infinity) - peak) }
      let factor = scale / sum.total
      func slope(_ z: Vector) -> Vector { 1 - z * (1 / cap) * (z * (1 / cap)) }
      forEachVector(count) {
        let z = $0.load(logits)
        $0.store(exponential(z - peak) * factor * slope(z), logits)
      }
      logits[target] -= scale * slope(Vector(repeating: targetLogit))[0]
      if rounds { narrow(logits, s) }
    } else if let scale {
      forEachVector(count) {
        let e = exponential($0.load(logits, fill: -.infinity) - peak)
        sum += e
        $0.store(e, logits)
      }
      let factor = scale / sum.total
      // What the first-level cache holds is rounded there.
      for start in stride(from: 0, to: count, by: 1024) {
        let part = min(1024, count - start)
        forEachVector(part) { $0.store($0.load(logits + start) * factor, logits + start) }
        if target >= start, target < start + part { logits[target] -= scale }
        if rounds { BFloat16.narrow(logits + start, count: part, into: asHalves(logits) + start) }
      }
    } else {
      forEachVector(count) { sum += exponential($0.load(logits, fill: -.infinity) - peak) }
    }
    return peak - targetLogit + logarithm(sum.total)
  }

  /// The same with targets that are smoothed over the vocabulary.
  private func smoothedLossOfRow(
    _ logits: UnsafeMutablePointer<Float>, target: Int, _ s: CrossEntropyShape, scale: Float?
  ) -> Float {
    let count = s.vocabulary
    var largest = Vector(repeating: -.infinity)
    var sums = SIMD8<Double>()
    forEachVector(count) {
      largest = largest.maximum($0.load(logits, fill: -.infinity))
      let z = $0.load(logits)
      sums += SIMD8<Double>(z.lowHalf) + SIMD8<Double>(z.highHalf)
    }
    let peak = largest.largest
    let targetLogit = logits[target]
    var sum = Vector()
    forEachVector(count) { sum += exponential($0.load(logits, fill: -.infinity) - peak) }
    if let scale {
      func slope(_ z: Vector) -> Vector {
        s.cap.map { 1 - z * (1 / $0) * (z * (1 / $0)) } ?? Vector(repeating: 1)
      }
      let (factor, share) = (scale / sum.total, scale * s.smoothing / Float(count))
      forEachVector(count) {
        let z = $0.load(logits)
        $0.store((exponential(z - peak) * factor - share) * slope(z), logits)
      }
      logits[target] -= scale * (1 - s.smoothing) * slope(Vector(repeating: targetLogit))[0]
    }
    let mean = Float(sums.sum() / Double(count))
    return peak + logarithm(sum.total) - (1 - s.smoothing) * targetLogit - s.smoothing * mean
  }
}
