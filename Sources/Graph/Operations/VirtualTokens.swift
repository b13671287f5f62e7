// Rows of trained vectors in the place of the first tokens of every sequence.
import Kernels

extension Graph {
  /// - Parameters:
  ///   - x: [B · T, C].
  ///   - vectors: [n, C].
  /// - Returns: x, with vector p in the place of each token of position p < n.
  func virtualTokens(_ x: Value, _ vectors: Value) -> Value {
    precondition(x.columns == vectors.columns, "the vectors do not fit")
    return append(
      VirtualTokens(
        sequences: shape.sequences, length: shape.length, columns: x.columns, count: vectors.rows),
      inputs: [x, vectors], columns: x.columns, rows: x.rows)
  }
}

struct VirtualTokens: Operation {
  let sequences: Int
  let length: Int
  let columns: Int
  let count: Int
  var keeps: Keeps { Keeps() }

  private static let rowsOfTile = 32

  func forward(_ frame: Frame) {
    let (x, vectors, y) = (frame.input(0), frame.input(1), frame.output(0))
    let positions = frame.input.stream.positions
    let rows = sequences * length
    frame.engine.pool.run((rows + Self.rowsOfTile - 1) / Self.rowsOfTile) { tile, _ in
      for row in tile * Self.rowsOfTile..<min((tile + 1) * Self.rowsOfTile, rows) {
        let position = Int(positions[row])
        let source = position < count ? vectors + position * columns : x + row * columns
        (y + row * columns).update(from: source, count: columns)
      }
    }
  }

  /// In training, the first tokens of each sequence have the first positions.
  func backward(_ frame: Frame) {
    let dy = UnsafePointer(frame.outputGradient(0))
    let own = min(count, length)
    if let dVectors = frame.inputGradient(1) {
      frame.engine.pool.run(count) { token, _ in
        let target = dVectors.base + token * columns
        if !dVectors.adding { target.update(repeating: 0, count: columns) }
        guard token < own else { return }
        for sequence in 0..<sequences {
          let source = dy + (sequence * length + token) * columns
          for column in 0..<columns { target[column] += source[column] }
        }
      }
    }
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.pool.run(sequences) { sequence, _ in
      for token in 0..<length {
        let start = (sequence * length + token) * columns
        for column in start..<start + columns {
          dx.base[column] = (dx.adding ? dx.base[column] : 0) + (token < own ? 0 : dy[column])
        }
      }
    }
  }
}
