// The results of a sketch in fp64: loss and logits from the same parameters and the same random draws.
import Foundation
import Graph
import Reference
import Tensors

struct SketchReference {
  let sketch: Sketch
  let layout: ParameterLayout
  let batch: TestBatch
  /// Whether dropout is active.
  var training = true
  var adaptation: any Adaptation = FullFineTuning()
  /// Rounds what is multiplied with weights of bfloat16; nil in an fp32 model.
  var rounding: RoundingReference?
  /// The same for what attention multiplies.
  var attentionRounding: RoundingReference?
  /// Where the norms of DoRA are taken, which have no gradient; nil for the line itself.
  private var normLine: [Double]?

  init(
    sketch: Sketch, layout: ParameterLayout, batch: TestBatch, training: Bool = true,
    adaptation: any Adaptation = FullFineTuning()
  ) {
    self.sketch = sketch
    self.layout = layout
    self.batch = batch
    self.training = training
    self.adaptation = adaptation
  }

  /// The sum of the losses of all targets.
  func loss(_ line: [Double]) -> Double {
    Reference.crossEntropy(logits(line), vocabulary: sketch.vocabulary, targets: batch.targets)
  }

  func logits(_ line: [Double]) -> [Double] {
    rounding?.begin()
    attentionRounding?.begin()
    var values: [[Double]] = []
    var sites = 0
    var attentions = 0
    for (step, _) in sketch.steps { values.append(value(of: step, values, line, &sites, &attentions)) }
    let (input, weight) = sketch.head
    return Reference.linear(
      rounded(values[input]), rows: batch.shape.rows, inputs: sketch.columns[input],
      weight: parameter(weight, line), outputs: sketch.vocabulary, outputByInput: true, bias: nil)
  }

  /// Central differences of the loss at some places of the line.
  func gradient(_ line: [Double], places: [Int]? = nil) -> [Double] {
    var fixed = self
    fixed.normLine = line
    if rounding != nil { _ = fixed.loss(line) }
    for rounding in [rounding, attentionRounding] { rounding?.isHeld = true }
    defer { for rounding in [rounding, attentionRounding] { rounding?.isHeld = false } }
    return slopes(of: fixed.loss, at: line, places: places)
  }

  private func rounded(_ x: [Double]) -> [Double] { rounding?(x) ?? x }

  private func parameter(_ name: String, _ line: [Double]) -> [Double] {
    guard let parameter = layout[name] else { preconditionFailure("no parameter \(name)") }
    return Array(line[parameter.range])
  }

  private func value(
    of step: Sketch.Step, _ values: [[Double]], _ line: [Double], _ sites: inout Int, _ attentions: inout Int
  ) -> [Double] {
    let rows = batch.shape.rows
    let length = batch.shape.length
    switch step {
    case .embedding(let name, let columns):
      let table = parameter(name, line)
      let prompt = adaptation.prompt.flatMap { $0.place == .embeddings ? $0 : nil }
      let vectors = prompt.map { PromptReference($0, columns: columns) { parameter($0, line) }.vectors } ?? []
      return zip(batch.tokens, batch.positions).flatMap { token, position -> [Double] in
        let isVirtual = Int(position) < prompt?.count ?? 0
        let row = Int(isVirtual ? position : token) * columns
        return Array((isVirtual ? vectors : table)[row..<row + columns])
      }
    case .positions(let x, let name):
      let table = parameter(name, line)
      let columns = values[x].count / rows
      return values[x].enumerated().map { place, value in
        value + table[Int(batch.positions[place / columns]) * columns + place % columns]
      }
    case .linear(let x, let parts, let bias, let layout):
      let inputs = values[x].count / rows
      let plain = values[x]
      let results = parts.map { name, columns in
        let gain = adaptation.gain(at: name)
        func gained(_ x: [Double], by kind: Gain) -> [Double] {
          guard gain == kind else { return x }
          let factors = parameter(name + ".ia3_l", line)
          return x.indices.map { x[$0] * factors[$0 % factors.count] }
        }
        let x = gained(plain, by: .inputs)
        return gained(projection(name, columns, of: x), by: .outputs)
      }
      func projection(_ name: String, _ columns: Int, of x: [Double]) -> [Double] {
        let y = Reference.linear(
          rounded(x), rows: rows, inputs: inputs, weight: parameter(name + ".weight", line),
          outputs: columns, outputByInput: layout == .outputByInput,
          bias: bias ? parameter(name + ".bias", line) : nil)
        guard let lowRank = adaptation.lowRank(at: name, inputs: inputs, outputs: columns) else { return y }
        // y + scale · (x Aᵀ) Bᵀ, with a mask of its own on x.
        let dropped = dropped(x, lowRank.dropout, &sites)
        let names = lowRank.names(name)
        let inner = Reference.linear(
          dropped, rows: rows, inputs: inputs, weight: parameter(names.a, line),
          outputs: lowRank.rank, outputByInput: true, bias: nil)
        let singular = names.values.map { parameter($0, line) }
        let term = Reference.linear(
          inner.indices.map { inner[$0] * (singular?[$0 % lowRank.rank] ?? 1) }, rows: rows,
          inputs: lowRank.rank, weight: parameter(names.b, line),
          outputs: columns, outputByInput: true, bias: nil)
        guard lowRank.hasMagnitude else { return zip(y, term).map { $0 + Double(lowRank.scale) * $1 } }
        // (x − x') Wᵀ + f ∘ (x' Wᵀ + term) + b
        func product(_ x: [Double]) -> [Double] {
          Reference.linear(
            rounded(x), rows: rows, inputs: inputs, weight: parameter(name + ".weight", line),
            outputs: columns, outputByInput: layout == .outputByInput, bias: nil)
        }
        let m = parameter(name + ".lora_magnitude_vector", line)
        let lengths = norms(name, inputs: inputs, outputs: columns, layout, lowRank, normLine ?? line)
        let direction = zip(product(dropped), term).map { $0 + Double(lowRank.scale) * $1 }
        let rest = product(zip(x, dropped).map { $0 - $1 })
        let offsets = bias ? parameter(name + ".bias", line) : [Double](repeating: 0, count: columns)
        return y.indices.map { place in
          let column = place % columns
          return rest[place] + m[column] / lengths[column] * direction[place] + offsets[column]
        }
      }
      return (0..<rows).flatMap { row in
        zip(results, parts).flatMap { $0[row * $1.columns..<(row + 1) * $1.columns] }
      }
    case .norm(let x, let name, let centred):
      return Reference.norm(
        values[x], gain: parameter(name + ".weight", line),
        bias: centred ? parameter(name + ".bias", line) : nil, centred: centred, epsilon: Sketch.epsilon)
    case .types(let x, let name):
      let table = parameter(name, line)
      let columns = values[x].count / rows
      return values[x].enumerated().map { place, value in
        value + table[Int(batch.types[place / columns]) * columns + place % columns]
      }
    case .gelu(let x): return values[x].map(Reference.gelu)
    case .gaussianGELU(let x): return values[x].map(Reference.gaussianGELU)
    case .tanh(let x): return values[x].map { tanh($0) }
    case .swiGLU(let x): return Reference.swiGLU(values[x], columns: values[x].count / rows / 2)
    case .add(let a, let b): return zip(values[a], values[b]).map { $0 + $1 }
    case .dropout(let x, let probability): return dropped(values[x], probability, &sites)
    case .headNorm(let x, let name, let groups):
      let gain = parameter(name + ".weight", line).map { $0 + 1 }
      precondition(gain.count * groups * rows == values[x].count, "the heads do not fit")
      return Reference.norm(values[x], gain: gain, bias: nil, centred: false, epsilon: Sketch.epsilon)
    case .geGLU(let x):
      let columns = values[x].count / rows / 2
      return (0..<rows * columns).map { place in
        let gate = place / columns * 2 * columns + place % columns
        return Reference.gelu(values[x][gate]) * values[x][gate + columns]
      }
    case .distanceBias(let name, let buckets, let heads):
      let table = parameter(name + ".weight", line)
      let distances = (buckets.isCausal ? 1 - length..<1 : 1 - length..<length)
      return (0..<heads).flatMap { head in distances.map { table[buckets.row(of: $0) * heads + head] } }
    case .attention(let step):
      return attention(
        step, values, dropout(step.dropout, &sites),
        prefix: prefix(columns: 2 * step.keyHeads * step.width, of: &attentions, line))
    }
  }

  /// The keys and values of each row of a prefix that belong to the next attention.
  private func prefix(columns: Int, of attentions: inout Int, _ line: [Double]) -> [[Double]] {
    defer { attentions += 1 }
    guard let prompt = adaptation.prompt, case .keysAndValues(let layers, let keys) = prompt.place else {
      return []
    }
    let whole = layers * 2 * keys
    let vectors = PromptReference(prompt, columns: whole) { parameter($0, line) }.vectors
    let first = attentions * columns
    return (0..<prompt.count).map { (row: Int) -> [Double] in
      let start = row * whole + first
      return Array(vectors[start..<start + columns])
    }
  }

  private func attention(
    _ step: Sketch.AttentionStep, _ values: [[Double]], _ dropout: DropoutReference?, prefix: [[Double]]
  ) -> [Double] {
    let (d, length) = (step.width, batch.shape.length)
    /// Rows of all sequences, each behind the prefix.
    func behind(_ part: Range<Int>, _ rows: [Double]) -> [Double] {
      let columns = part.count
      let given = prefix.flatMap { Array($0[part]) }
      return (0..<batch.shape.sequences).flatMap { sequence -> [Double] in
        let own = sequence * length * columns..<(sequence + 1) * length * columns
        return given + Array(rows[own])
      }
    }
    let (queryColumns, keyColumns) = (step.heads * d, step.keyHeads * d)
    /// Heads of a matrix side by side, rotated.
    func heads(_ value: Int, start: Int, count: Int, stride: Int, rotates: Bool) -> [Double] {
      let columns = values[value].count / batch.shape.rows
      return (0..<batch.shape.rows).flatMap { row in
        (0..<count).flatMap { head -> [Double] in
          let first = row * columns + start + head * stride
          let part = Array(values[value][first..<first + d])
          guard rotates, step.rotated > 0 else { return part }
          return Reference.rotate(
            Array(part[..<step.rotated]), stride: step.rotated, heads: 1, positions: [batch.positions[row]],
            frequencies: Sketch.frequencies(width: step.rotated)) + part[step.rotated...]
        }
      }
    }
    let stride = step.interleaved ? 3 * d : d
    let keyStart = step.k != nil ? 0 : step.interleaved ? d : queryColumns
    let valueStart =
      step.isOfSource ? keyColumns : step.v != nil ? 0 : step.interleaved ? 2 * d : queryColumns + keyColumns
    var reference = AttentionReference(
      sequences: batch.shape.sequences, queries: length, keys: prefix.count + length, heads: step.heads,
      keyHeads: step.keyHeads, width: d, scale: step.scale ?? 1 / Double(d).squareRoot(),
      firstKeys: step.isOfSource ? batch.sourceFirstKeys : batch.firstKeys,
      endKeys: step.isOfSource ? batch.sourceEndKeys : batch.endKeys, dropout: dropout,
      sampleIDs: batch.sampleIDs, isCausal: step.isCausal, window: step.window, softCap: step.softCap,
      bias: step.bias.map { values[$0] })
    reference.rounding = attentionRounding
    return reference.forward(
      q: heads(step.q, start: 0, count: step.heads, stride: stride, rotates: true),
      k: behind(
        0..<keyColumns,
        heads(step.k ?? step.q, start: keyStart, count: step.keyHeads, stride: stride, rotates: true)),
      v: behind(
        keyColumns..<2 * keyColumns,
        heads(
          step.v ?? step.k ?? step.q, start: valueStart, count: step.keyHeads, stride: stride, rotates: false
        ))
    ).output
  }

  /// ‖W + scale · B A‖ of every output.
  private func norms(
    _ name: String, inputs: Int, outputs: Int, _ weightLayout: WeightLayout, _ lowRank: LowRank,
    _ line: [Double]
  ) -> [Double] {
    let (w, a, b) = (
      parameter(name + ".weight", line), parameter(name + ".lora_A.weight", line),
      parameter(name + ".lora_B.weight", line)
    )
    return (0..<outputs).map { output in
      (0..<inputs).reduce(0.0) { sum, input in
        let term = (0..<lowRank.rank).reduce(0.0) {
          $0 + b[output * lowRank.rank + $1] * a[$1 * inputs + input]
        }
        let x =
          w[weightLayout == .outputByInput ? output * inputs + input : input * outputs + output]
          + Double(lowRank.scale) * term
        return sum + x * x
      }.squareRoot()
    }
  }

  private func dropped(_ x: [Double], _ probability: Double, _ sites: inout Int) -> [Double] {
    guard let dropout = dropout(probability, &sites) else { return x }
    let columns = x.count / batch.shape.rows
    return x.enumerated().map { place, value in
      let (sample, position) = (place / columns).quotientAndRemainder(dividingBy: batch.shape.length)
      return value
        * dropout.factor(sample: batch.sampleIDs[sample], position: position, element: place % columns)
    }
  }

  /// Draws are numbered in the order of the record.
  private func dropout(_ probability: Double, _ sites: inout Int) -> DropoutReference? {
    guard training, probability > 0 else { return nil }
    sites += 1
    return DropoutReference(probability: probability, seed: batch.seed, step: batch.step, site: sites)
  }
}
