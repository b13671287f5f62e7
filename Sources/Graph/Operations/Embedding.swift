// Rows of a table by token or by position.
import Kernels
import Tensors

extension Graph {
  /// The row of the table for every token, or the vector of a virtual one: [B · T, columns].
  /// - Parameter factor: what it is multiplied by, rounded as the table is.
  package func embedding(_ name: String, vocabulary: Int, columns: Int, factor: Double = 1) -> Value {
    let table = parameter(
      name, [vocabulary, columns], decays: true, initial: .normal(deviation: 0.02), isLookedUp: true)
    let rounds = matrixType(of: table) == .bfloat16
    let factor = rounds ? BFloat16(rounding: Float(factor)).float : Float(factor)
    let x = append(
      Embedding(
        source: .tokens, rows: shape.rows, columns: columns, vocabulary: vocabulary, factor: factor,
        rounds: rounds, noise: embeddingNoise(columns: columns)),
      parameters: [table], columns: columns)
    return prompted(x, table: name, factor: factor)
  }

  /// The largest noise is α / √(T C), as NEFTune has it, with the length of the padded rows.
  private func embeddingNoise(columns: Int) -> Embedding.Noise? {
    guard dropsOut, noise > 0 else { return nil }
    return Embedding.Noise(
      magnitude: noise / Float(Double(shape.length * columns).squareRoot()), length: shape.length,
      site: nextSite())
  }

  /// x plus the row of the table for every position; the table has no weight decay.
  /// - Parameters:
  ///   - positions: the rows of the table.
  ///   - first: the row for position 0.
  package func addPositions(_ x: Value, _ name: String, positions: Int, from first: Int = 0) -> Value {
    let table = parameter(
      name, [positions, x.columns], decays: false, initial: .normal(deviation: 0.01))
    return append(
      Embedding(source: .positions, rows: x.rows, columns: x.columns, vocabulary: positions, first: first),
      inputs: [x],
      parameters: [table], columns: x.columns)
  }

  /// x plus the row of the table for the text that every token belongs to: the first or the second one.
  package func addTypes(_ x: Value, _ name: String, types: Int) -> Value {
    let table = parameter(name, [types, x.columns], decays: true, initial: .normal(deviation: 0.02))
    return append(
      Embedding(source: .types, rows: x.rows, columns: x.columns, vocabulary: types), inputs: [x],
      parameters: [table], columns: x.columns)
  }
}

struct Embedding: Operation {
  enum Source {
    case tokens
    case positions
    case types
  }

  /// What training adds to the rows.
  struct Noise {
    let magnitude: Float
    let length: Int
    let site: Int
  }

  let source: Source
  let rows: Int
  let columns: Int
  let vocabulary: Int
  var factor: Float = 1
  /// Whether the table is rounded to bfloat16.
  var rounds = false
  /// The row of the table for index 0.
  var first = 0
  var noise: Noise?
  var keeps: Keeps { Keeps() }
  var looksUpTokens: Bool { source == .tokens }

  private var adds: Bool { source != .tokens }

  private func indices(_ frame: Frame) -> UnsafePointer<Int32> {
    let stream = frame.input.stream
    switch source {
    case .tokens: return stream.tokens
    case .positions: return stream.positions
    case .types:
      guard let types = stream.types else { preconditionFailure("the batch has no types") }
      return types
    }
  }

  func forward(_ frame: Frame) {
    if adds { frame.engine.copy(frame.input(0), count: rows * columns, into: frame.output(0)) }
    frame.engine.embed(
      indices(frame), from: first, table: frame.matrix(0, rows: vocabulary, columns: columns), rows: rows,
      factor: factor, rounds: rounds, into: frame.output(0), adding: adds)
    guard let noise else { return }
    frame.engine.addNoise(
      EmbeddingNoise(
        magnitude: noise.magnitude * factor, seed: frame.input.seed, step: frame.input.step, site: noise.site),
      sampleIDs: frame.input.sampleIDs, length: noise.length, rows: rows, columns: columns,
      to: frame.output(0))
  }

  func backward(_ frame: Frame) {
    if let dTable = frame.weightGradient(0) {
      if !dTable.adding { frame.engine.clear(dTable.base, count: vocabulary * columns) }
      frame.engine.embedBackward(
        indices(frame), dy: frame.outputGradient(0), rows: rows, columns: columns, factor: factor,
        dTable: dTable.base + first * columns)
    }
    if adds, let dx = frame.inputGradient(0) {
      frame.engine.copy(
        frame.outputGradient(0), count: rows * columns, into: dx.base, adding: dx.adding)
    }
  }
}
