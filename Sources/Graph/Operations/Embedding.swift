// Rows of a table by token or by position.
import Kernels
import Tensors

extension Graph {
  /// The row of the table for every token: [B · T, columns].
  package func embedding(_ name: String, vocabulary: Int, columns: Int) -> Value {
    let table = parameter(
      name, [vocabulary, columns], decays: true, initial: .normal(deviation: 0.02))
    return append(
      Embedding(source: .tokens, rows: shape.rows, columns: columns, vocabulary: vocabulary),
      parameters: [table], columns: columns)
  }

  /// x plus the row of the table for every position; the table has no weight decay.
  package func addPositions(_ x: Value, _ name: String, positions: Int) -> Value {
    let table = parameter(
      name, [positions, x.columns], decays: false, initial: .normal(deviation: 0.01))
    return append(
      Embedding(source: .positions, rows: x.rows, columns: x.columns, vocabulary: positions), inputs: [x],
      parameters: [table], columns: x.columns)
  }
}

struct Embedding: Operation {
  enum Source {
    case tokens
    case positions
  }

  let source: Source
  let rows: Int
  let columns: Int
  let vocabulary: Int
  var keeps: Keeps { Keeps() }

  private func indices(_ frame: Frame) -> UnsafePointer<Int32> {
    source == .tokens ? frame.input.stream.tokens : frame.input.stream.positions
  }

  func forward(_ frame: Frame) {
    if source == .positions {
      frame.engine.copy(frame.input(0), count: rows * columns, into: frame.output(0))
    }
    frame.engine.embed(
      indices(frame), table: frame.matrix(0, rows: vocabulary, columns: columns), rows: rows,
      into: frame.output(0),
      adding: source == .positions)
  }

  func backward(_ frame: Frame) {
    if let dTable = frame.weightGradient(0) {
      if !dTable.adding { frame.engine.clear(dTable.base, count: vocabulary * columns) }
      frame.engine.embedBackward(
        indices(frame), dy: frame.outputGradient(0), rows: rows, columns: columns, dTable: dTable.base)
    }
    if source == .positions, let dx = frame.inputGradient(0) {
      frame.engine.copy(
        frame.outputGradient(0), count: rows * columns, into: dx.base, adding: dx.adding)
    }
  }
}
