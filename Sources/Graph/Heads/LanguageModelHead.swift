// The last operation of a language model: the loss of every target, or logits.
import Kernels
import Tensors

extension Graph {
  /// Projects onto the vocabulary: gives the sum of cross-entropies, or logits; while decoding, those of each
  /// sequence's last token.
  /// - Parameters:
  ///   - name: that of the weight, [vocabulary, columns]; the name of the embedding if the two are tied.
  ///   - cap: logits z become cap · tanh(z / cap); nil for none.
  ///   - bias: the name of [vocabulary] numbers that are added to the logits; nil for none.
  ///   - sequences: another loss of the targets than the sum of cross-entropies.
  ///   - hasValues: whether a value head stands beside it.
  package func languageModelHead(
    _ x: Value, weight name: String, bias: String? = nil, vocabulary: Int, cap: Double? = nil,
    loss sequences: (any TargetLoss)? = nil, hasValues: Bool = false
  ) {
    let weight = parameter(
      name, [vocabulary, x.columns], decays: true, initial: .normal(deviation: 0.02), isOntoTokens: true)
    let parameters =
      [weight] + (bias.map { [parameter($0, [vocabulary], decays: false, initial: .zeros)] } ?? [])
    let values =
      hasValues
      ? [
        addedParameter(ValueHead.weight, [x.columns], decays: false, initial: .zeros),
        addedParameter(ValueHead.bias, [1], decays: false, initial: .zeros),
      ] : []
    switch purpose {
    case .training, .loss, .rehearsal:
      let shape = CrossEntropyShape(
        rows: x.rows, columns: x.columns, vocabulary: vocabulary, type: matrixType(of: weight),
        cap: cap.map { Float($0) }, temperature: sequences?.temperature ?? 1,
        soft: purpose == .training && sequences == nil ? soft : nil,
        smoothing: purpose == .training && sequences == nil ? smoothing : 0)
      if shape.soft != nil { loss.counts = [Double](repeating: 0, count: SoftSums.count) }
      if let sequences, loss.counts.count != sequences.counts {
        loss.counts = [Double](repeating: 0, count: sequences.counts)
      }
      let run =
        declaring || purpose == .loss && sequences?.isForTraining == true
        ? nil
        : sequences.map { $0.run(sequences: self.shape.sequences, length: self.shape.length) }
      _ = append(
        CrossEntropy(
          shape: shape, loss: loss, sequences: run, hasBias: bias != nil, trainsWeight: trains(weight),
          needsInputGradient: x.needsGradient, isMeasured: purpose == .loss,
          values: hasValues ? parameters.count : nil),
        inputs: [x], parameters: parameters + values, columns: 1, rows: 1)
    case .scoring:
      let shape = CrossEntropyShape(
        rows: x.rows, columns: x.columns, vocabulary: vocabulary, type: matrixType(of: weight),
        cap: cap.map { Float($0) })
      _ = append(
        TokenScores(shape: shape, loss: loss, hasBias: bias != nil), inputs: [x], parameters: parameters,
        columns: 1, rows: 1)
    case .logits, .decoding:
      let rows = cache == nil ? x.rows : shape.sequences
      _ = append(
        Logits(
          rows: rows, columns: x.columns, vocabulary: vocabulary, type: matrixType(of: weight),
          hasBias: bias != nil, cap: cap.map { Float($0) }, length: shape.length, cache: cache),
        inputs: [x], parameters: parameters, columns: vocabulary, rows: rows)
    }
  }
}

/// The sums that a loss with soft targets leaves beside it.
package enum SoftSums {
  package static let count = 2
  package static let divergence = 0
  package static let crossEntropy = 1
}

struct CrossEntropy: Operation {
  let shape: CrossEntropyShape
  let loss: LossCell
  /// Another loss of the targets; nil for their sum.
  let sequences: (any TargetLossRun)?
  let hasBias: Bool
  let trainsWeight: Bool
  let needsInputGradient: Bool
  /// Whether it leaves the loss of each row, NaN for one without a target; with a value head, each before its value.
  let isMeasured: Bool
  /// Where the weight of a value head is among the parameters, its bias behind it; nil without one.
  let values: Int?
  var keeps: Keeps { Keeps(inputs: [0]) }

  func scratchCount(threads: Int) -> Int { shape.scratchCount }

  var productOperations: Double {
    2 * Double(shape.rows) * Double(shape.columns) * Double(shape.vocabulary)
  }

  var backwardOperations: Double {
    (trainsWeight ? productOperations : 0) + (needsInputGradient ? productOperations : 0)
  }

  func forward(_ frame: Frame) { run(frame, dx: nil, dWeight: nil, dBias: nil) }

  /// Computes loss and gradient in one pass, so that the logits are computed once.
  func backward(_ frame: Frame) {
    let dx = frame.inputGradient(0)
    let dWeight = frame.weightGradient(0)
    let dBias = hasBias ? frame.weightGradient(1) : nil
    precondition(
      dx?.adding != true && dWeight?.adding != true && dBias?.adding != true, "the loss is the last operation"
    )
    run(frame, dx: dx?.base, dWeight: dWeight?.base, dBias: dBias?.base)
  }

  private func run(
    _ frame: Frame, dx: UnsafeMutablePointer<Float>?, dWeight: UnsafeMutablePointer<Float>?,
    dBias: UnsafeMutablePointer<Float>?
  ) {
    func sum(_ losses: UnsafeMutablePointer<Double>?) -> Double {
      var divergence = 0.0
      let crossEntropy = frame.engine.crossEntropy(
        shape, x: frame.input(0),
        weight: frame.matrix(0, rows: shape.vocabulary, columns: shape.columns),
        bias: hasBias ? frame.weight(1) : nil, targets: frame.input.targets, scale: frame.input.scale,
        slopes: frame.input.targetFactors, soft: shape.soft == nil ? nil : frame.input.soft,
        divergence: &divergence, losses: losses, dx: dx,
        dWeight: dWeight, dBias: dBias, scratch: frame.scratch)
      guard let soft = shape.soft else { return crossEntropy }
      (loss.counts[SoftSums.divergence], loss.counts[SoftSums.crossEntropy]) = (divergence, crossEntropy)
      return soft.loss(crossEntropy, divergence: divergence)
    }
    if let sequences { return run(sequences, frame, dx: dx, dWeight: dWeight, dBias: dBias) }
    guard isMeasured || loss.keepsTokens else {
      loss.sum = sum(nil)
      return
    }
    if loss.outputs.count != shape.rows { loss.outputs = [Double](repeating: 0, count: shape.rows) }
    loss.sum = loss.outputs.withUnsafeMutableBufferPointer { sum($0.baseAddress) }
    if let values, isMeasured { loss.outputs = withValues(values, loss.outputs, frame) }
  }

  private var valueHead: ValueHead { ValueHead(rows: shape.rows, columns: shape.columns) }

  /// Each loss before its value.
  private func withValues(_ values: Int, _ losses: [Double], _ frame: Frame) -> [Double] {
    var found = [Float](repeating: 0, count: shape.rows)
    found.withUnsafeMutableBufferPointer {
      valueHead.forward(
        frame.input(0), weight: frame.weight(values), bias: frame.weight(values + 1).pointee,
        targets: frame.input.targets, into: $0.baseAddress!, frame.engine)
    }
    return zip(losses, found).flatMap { [$0, Double($1)] }
  }

  /// The losses of all targets, then that of the sequences, then the gradients.
  private func run(
    _ sequences: any TargetLossRun, _ frame: Frame, dx: UnsafeMutablePointer<Float>?,
    dWeight: UnsafeMutablePointer<Float>?, dBias: UnsafeMutablePointer<Float>?
  ) {
    let weight = frame.matrix(0, rows: shape.vocabulary, columns: shape.columns)
    let bias = hasBias ? frame.weight(1) : nil
    _ = frame.engine.crossEntropy(
      shape, x: frame.input(0), weight: weight, bias: bias, targets: frame.input.targets,
      scale: frame.input.scale, losses: sequences.losses, dx: nil, dWeight: nil, scratch: frame.scratch)
    if let values, let room = sequences.values {
      valueHead.forward(
        frame.input(0), weight: frame.weight(values), bias: frame.weight(values + 1).pointee,
        targets: frame.input.targets, into: room, frame.engine)
    }
    let count = isMeasured ? sequences.sequences : 0
    if loss.outputs.count != count { loss.outputs = [Double](repeating: 0, count: count) }
    loss.sum = loss.outputs.withUnsafeMutableBufferPointer { outputs in
      sequences.loss(frame.input, counts: &loss.counts, outputs: isMeasured ? outputs.baseAddress : nil)
    }
    guard dx != nil || dWeight != nil || dBias != nil else { return }
    _ = frame.engine.crossEntropy(
      shape, x: frame.input(0), weight: weight, bias: bias, targets: frame.input.targets,
      scale: frame.input.scale, slopes: sequences.targetFactors(frame.input), isSecond: true, dx: dx,
      dWeight: dWeight, dBias: dBias, scratch: frame.scratch)
    guard let values, let slopes = sequences.valueSlopes else { return }
    let (weightGradient, biasGradient) = (frame.weightGradient(values), frame.weightGradient(values + 1))
    precondition(
      weightGradient?.adding != true && biasGradient?.adding != true, "nothing else reads the value head")
    valueHead.backward(
      frame.input(0), weight: frame.weight(values), targets: frame.input.targets, slopes: slopes,
      scale: frame.input.scale, dx: dx, dWeight: weightGradient?.base, dBias: biasGradient?.base, frame.engine
    )
  }
}

struct Logits: Operation {
  let rows: Int
  let columns: Int
  let vocabulary: Int
  let type: ElementType
  let hasBias: Bool
  let cap: Float?
  /// The number of tokens of a sequence, and which of them are the last while decoding.
  let length: Int
  let cache: KeyValueCache?
  var keeps: Keeps { Keeps() }

  func scratchCount(threads: Int) -> Int { gathered + (type == .float32 ? 0 : (rows * columns + 1) / 2) }

  /// Room for last tokens, in whole cache lines.
  private var gathered: Int { cache == nil ? 0 : (rows * columns + 15) / 16 * 16 }

  func forward(_ frame: Frame) {
    let x = ConstMatrix(input(frame), rows: rows, columns: columns)
    let z = MutableMatrix(frame.output(0), rows: rows, columns: vocabulary)
    frame.engine.multiply(
      type == .float32 ? .float32(x) : frame.rounded(x, into: frame.scratch + gathered),
      frame.matrix(0, rows: vocabulary, columns: columns), .second, into: z
    ) { rows, tile in
      if hasBias { frame.engine.addBiasHere(frame.weight(1) + tile.lowerBound, to: z.part(rows, tile)) }
      if let cap { frame.engine.capHere(z.part(rows, tile), at: cap) }
    }
  }

  /// The hidden states that are projected.
  private func input(_ frame: Frame) -> UnsafeMutablePointer<Float> {
    guard let cache else { return frame.input(0) }
    for row in 0..<rows {
      let last = row * length + cache.lengths[row] - 1
      (frame.scratch + row * columns).update(from: frame.input(0) + last * columns, count: columns)
    }
    return frame.scratch
  }

  func backward(_ frame: Frame) { preconditionFailure("logits are for reading, and have no gradient") }
}
