// Attention of queries to keys of the same text, or of another one. While decoding, keys and values of earlier tokens,
// or of the other text, come from a cache.
import Kernels
import Tensors

/// How an attention weighs keys, of H query heads and G key heads of width D.
package struct AttentionForm: Sendable {
  package var heads: Int
  package var keyHeads: Int
  package var headWidth: Int
  /// Rotates queries and keys by their positions.
  package var rotary: RotaryTable?
  /// Whether a query sees the keys before it only. The intervals of the input decide what is seen; this is to count
  /// operations, and tells where in a window or beside what distances a query stands.
  package var isCausal: Bool
  /// The factor of scores, 1 / √D if nil.
  package var scale: Double?
  /// How many keys a query sees at most: the last ones where it is causal, itself included, and otherwise those up to half
  /// as many places away.
  package var window: Int?
  /// Scores s become c · tanh(s / c).
  package var softCap: Double?
  /// The probability that a query misses a key, in training.
  package var dropout: Double

  package init(
    heads: Int, keyHeads: Int, headWidth: Int, rotary: RotaryTable? = nil, isCausal: Bool = true,
    scale: Double? = nil, window: Int? = nil, softCap: Double? = nil, dropout: Double = 0
  ) {
    self.heads = heads
    self.keyHeads = keyHeads
    self.headWidth = headWidth
    self.rotary = rotary
    self.isCausal = isCausal
    self.scale = scale
    self.window = window
    self.softCap = softCap
    self.dropout = dropout
  }
}

extension Graph {
  /// Attention of queries, keys and values that lie side by side: [rows, (H + 2G) · D]. Rotation happens in place:
  /// nothing else may read this value.
  /// - Returns: [rows, H · D].
  package func attention(
    _ qkv: Value, heads: Int, keyHeads: Int, headWidth: Int, rotary: RotaryTable? = nil,
    isCausal: Bool = true, dropout: Double = 0
  ) -> Value {
    attention(
      qkv,
      AttentionForm(
        heads: heads, keyHeads: keyHeads, headWidth: headWidth, rotary: rotary, isCausal: isCausal,
        dropout: dropout))
  }

  /// - Parameters:
  ///   - headStride: the distance between two heads of queries, of keys or of values: D where those of queries lie side
  ///     by side, and 3 · D where query, key and value of a head do (GPT-NeoX).
  ///   - bias: what `distanceBias` gives.
  package func attention(
    _ qkv: Value, _ form: AttentionForm, headStride: Int? = nil, bias: Value? = nil
  ) -> Value {
    let (d, keyColumns) = (form.headWidth, form.keyHeads * form.headWidth)
    precondition(qkv.columns == form.heads * d + 2 * keyColumns, "queries, keys and values do not fit")
    let areTogether = headStride == nil || headStride == d
    precondition(areTogether || headStride == 3 * d && form.heads == form.keyHeads, "heads do not fit")
    let keyStart = areTogether ? form.heads * d : d
    return attention(
      form, [qkv], q: Attention.Place(input: 0, start: 0), k: Attention.Place(input: 0, start: keyStart),
      v: Attention.Place(input: 0, start: areTogether ? keyStart + keyColumns : 2 * d),
      headStride: headStride, bias: bias)
  }

  /// Attention of queries [rows, H · D], keys and values [rows, G · D] of their own. Rotation happens in place.
  package func attention(
    _ q: Value, _ k: Value, _ v: Value, _ form: AttentionForm, bias: Value? = nil
  ) -> Value {
    precondition(k.columns == v.columns, "keys and values do not fit")
    return attention(
      form, [q, k, v], q: Attention.Place(input: 0, start: 0), k: Attention.Place(input: 1, start: 0),
      v: Attention.Place(input: 2, start: 0), bias: bias)
  }

  /// Attention to another text of each sample, the source.
  /// - Parameter keysAndValues: keys of all key heads, then values, [B · N, 2G · D] for N tokens of each source; nil
  ///   while decoding if an earlier run has put them into the cache.
  package func sourceAttention(
    _ q: Value, _ keysAndValues: Value?, _ form: AttentionForm
  ) -> Value {
    precondition(keysAndValues != nil || cache != nil, "there are no keys")
    precondition(
      form.rotary == nil && !form.isCausal, "the tokens of a source stand nowhere beside the queries")
    return attention(
      form, [q] + (keysAndValues.map { [$0] } ?? []), q: Attention.Place(input: 0, start: 0),
      k: Attention.Place(input: 1, start: 0),
      v: Attention.Place(input: 1, start: form.keyHeads * form.headWidth), isOfSource: true)
  }

  private func attention(
    _ form: AttentionForm, _ inputs: [Value], q: Attention.Place, k: Attention.Place, v: Attention.Place,
    headStride: Int? = nil, bias: Value? = nil, isOfSource: Bool = false
  ) -> Value {
    let cached = cache
    let queries = inputs[q.input].rows / shape.sequences
    let prefix = isOfSource ? nil : prefix(form, input: inputs.count + (bias == nil ? 0 : 1))
    precondition(prefix == nil || bias == nil, "a prefix stands at no distance")
    let isJoined = prefix != nil && cached == nil
    let isChunked = shape.chunks > 1
    precondition(
      !isChunked || prefix == nil && bias == nil && !isOfSource && cached == nil && form.isCausal,
      "this attention is not cut into chunks")
    let (d, keyStride) = (form.headWidth, inputs.count > k.input ? inputs[k.input].columns : 0)
    let capacity = isOfSource ? cached?.sourceCapacity : cached?.capacity
    let attention = AttentionShape(
      sequences: shape.sequences, queries: queries,
      keys: capacity ?? inputs[k.input].rows / shape.sequences * shape.chunks + (prefix?.count ?? 0),
      heads: form.heads,
      keyHeads: form.keyHeads,
      headWidth: d, queryStride: inputs[q.input].columns, queryHeadStride: headStride,
      keyStride: isJoined || isChunked ? 2 * form.keyHeads * d : cached == nil ? keyStride : d,
      keyHeadStride: capacity.map { $0 * d } ?? (isJoined || isChunked ? d : headStride),
      keySequenceStride: capacity.map { form.keyHeads * $0 * d }, outputStride: form.heads * d,
      scale: form.scale.map { Float($0) } ?? 1 / Float(d).squareRoot(), isCausal: form.isCausal,
      window: form.window, softCap: form.softCap.map { Float($0) }, hasBias: bias != nil, isSplit: isChunked,
      rounding: type == .float32 ? .none : cached == nil ? .operands : .probabilities)
    precondition(
      bias.map { $0.rows == form.heads && $0.columns == attention.distances } ?? true, "the bias does not fit"
    )
    let probability = dropsOut ? form.dropout : 0
    let rotation = form.rotary.map {
      Attention.Rotation(
        width: $0.width,
        table: declaring
          ? nil
          : $0.table(
            positions: cached?.capacity ?? queries * shape.chunks + (prefix?.count ?? 0)))
    }
    let operation = Attention(
      shape: attention, q: q, k: k, v: v, keyStride: keyStride, headStride: headStride ?? d,
      bias: bias == nil ? nil : inputs.count, prefix: prefix, rotation: rotation, probability: probability,
      site: probability > 0 ? nextSite() : 0, cache: cached, isOfSource: isOfSource,
      trains: purpose == .training, layer: cached == nil ? 0 : nextSite() - 1)
    let others = [bias, prefix == nil ? nil : promptVectors].compactMap { $0 }
    return append(
      operation, inputs: inputs + others, columns: form.heads * d,
      rows: inputs[q.input].rows,
      keeping: [(rows: shape.sequences * form.heads, columns: queries)])
  }
}

struct Attention: Operation, @unchecked Sendable {
  /// Where a matrix begins: in which input, and in which of its columns.
  struct Place {
    let input: Int
    let start: Int
  }

  struct Rotation {
    let width: Int
    let table: FlatMemory?
  }

  let shape: AttentionShape
  let q: Place
  let k: Place
  let v: Place
  /// The distances between rows of keys and between heads in the inputs; keys of a cache have others.
  let keyStride: Int
  let headStride: Int
  /// The input that holds the bias by distance.
  let bias: Int?
  let prefix: Prefix?
  let rotation: Rotation?
  let probability: Double
  let site: Int
  let cache: KeyValueCache?
  /// Whether the keys are those of the source.
  let isOfSource: Bool
  /// Whether backward may follow.
  let trains: Bool
  /// The number of this attention's range of the cache.
  let layer: Int

  var keeps: Keeps {
    Keeps(inputs: Array(0...max(q.input, k.input, v.input, bias ?? prefix?.input ?? 0)), outputs: [0])
  }
  var isAttention: Bool { true }

  func scratchCount(threads: Int) -> Int {
    let forward = joinedRoom + shape.scratchCount(threads: threads)
    return trains ? max(forward, 2 * joinedRoom + shape.backwardScratchCount(threads: threads)) : forward
  }

  /// The products for scores and weighted values.
  var productOperations: Double {
    var own = shape
    own.keys -= prefix?.count ?? 0
    let keys = own.averageKeys + Double(prefix?.count ?? 0)
    return 4 * Double(rows) * keys * Double(shape.heads * shape.headWidth)
  }

  var rows: Int { shape.sequences * shape.queries }

  private func rotate(
    _ x: UnsafeMutablePointer<Float>, heads: Int, stride: Int, _ frame: Frame, inverse: Bool
  ) {
    guard let rotation, let table = rotation.table else { return }
    frame.engine.rotate(
      x, heads: heads, headStride: headStride, width: rotation.width, rows: rows, stride: stride,
      table: table.base, positions: frame.input.stream.positions, inverse: inverse)
  }

  func rotateQueries(_ x: UnsafeMutablePointer<Float>, _ frame: Frame, inverse: Bool = false) {
    rotate(x, heads: shape.heads, stride: shape.queryStride, frame, inverse: inverse)
  }

  func rotateKeys(_ x: UnsafeMutablePointer<Float>, _ frame: Frame, inverse: Bool = false) {
    rotate(x, heads: shape.keyHeads, stride: keyStride, frame, inverse: inverse)
  }

  func dropout(_ frame: Frame) -> Dropout? {
    guard probability > 0 else { return nil }
    return Dropout(
      probability: probability, seed: frame.input.seed, step: frame.input.step, site: site,
      places: frame.input.places)
  }

  func intervals(_ frame: Frame) -> KeyIntervals {
    guard isOfSource else { return frame.input.stream.keys }
    guard let keys = frame.input.sourceKeys else { preconditionFailure("the batch has no sources") }
    return keys
  }

  func matrix(_ place: Place, _ frame: Frame) -> UnsafeMutablePointer<Float> {
    frame.input(place.input) + place.start
  }

  func forward(_ frame: Frame) {
    precondition(!shape.isSplit, "chunks are run together")
    let queries = matrix(q, frame)
    rotateQueries(queries, frame)
    if rounds(frame) { roundQueries(queries, frame) }
    let isGiven = k.input < frame.node.inputs.count
    if isGiven { rotateKeys(matrix(k, frame), frame) }
    let keys: UnsafePointer<Float>
    let values: UnsafePointer<Float>
    if let cache {
      let stored = cache.layer(
        layer, keyHeads: shape.keyHeads, headWidth: shape.headWidth, isOfSource: isOfSource)
      if isGiven { store(in: stored, cache, frame) }
      keys = UnsafePointer(stored.base + cache.first * shape.keySequenceStride)
      values = keys + stored.valueStart
    } else if let prefix {
      join(prefix, frame, into: frame.scratch)
      keys = UnsafePointer(frame.scratch)
      values = keys + shape.keyHeads * shape.headWidth
    } else {
      keys = UnsafePointer(matrix(k, frame))
      values = UnsafePointer(matrix(v, frame))
    }
    frame.engine.attention(
      shape, q: queries, k: keys, v: values, bias: bias.map { UnsafePointer(frame.input($0)) },
      intervals: intervals(frame), dropout: dropout(frame), sampleIDs: frame.input.sampleIDs,
      output: frame.output(0), logSums: frame.kept(0), scratch: frame.scratch + joinedRoom)
  }

  func backward(_ frame: Frame) {
    // What was computed again since forward is not rotated.
    if frame.isRenewed(q.input) { rotateQueries(matrix(q, frame), frame) }
    if frame.isRenewed(k.input) { rotateKeys(matrix(k, frame), frame) }
    func target(_ place: Place) -> UnsafeMutablePointer<Float>? {
      guard let target = frame.inputGradient(place.input) else { return nil }
      precondition(!target.adding, "something else reads the queries, keys and values")
      return target.base + place.start
    }
    let (dq, dk, dv) = (target(q), target(k), target(v))
    let dBias = bias.flatMap { frame.inputGradient($0) }
    let joined = prefix.map { prefix in
      join(prefix, frame, into: frame.scratch)
      let second = shape.keyHeads * shape.headWidth
      let d = frame.scratch + joinedRoom
      return (k: frame.scratch, v: frame.scratch + second, dk: d, dv: d + second)
    }
    let gradients = AttentionGradients(
      q: matrix(q, frame), k: joined?.k ?? matrix(k, frame), v: joined?.v ?? matrix(v, frame),
      bias: bias.map { UnsafePointer(frame.input($0)) }, output: frame.output(0),
      dOutput: frame.outputGradient(0), logSums: frame.kept(0), dq: dq, dk: joined?.dk ?? dk,
      dv: joined?.dv ?? dv, dBias: dBias?.base, addsToBias: dBias?.adding ?? false)
    frame.engine.attentionBackward(
      shape, gradients, intervals: intervals(frame), dropout: dropout(frame),
      sampleIDs: frame.input.sampleIDs, scratch: frame.scratch + 2 * joinedRoom)
    if let prefix, let joined { split(joined.dk, prefix, frame, dk: dk, dv: dv) }
    if let dq { rotateQueries(dq, frame, inverse: true) }
    if let dk { rotateKeys(dk, frame, inverse: true) }
  }
}
