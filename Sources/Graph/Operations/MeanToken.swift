// The mean of the hidden states of a sequence's tokens, without padding.
import Kernels

extension Graph {
  /// - Parameter x: [B · T, C].
  /// - Returns: [B, C].
  package func meanToken(_ x: Value) -> Value {
    append(
      MeanToken(sequences: shape.sequences, length: shape.length, columns: x.columns), inputs: [x],
      columns: x.columns, rows: shape.sequences)
  }
}

struct MeanToken: Operation {
  let sequences: Int
  let length: Int
  let columns: Int
  var keeps: Keeps { Keeps() }

  private func count(_ sequence: Int, _ frame: Frame) -> Int {
    frame.input.lengths.map { max(Int($0[sequence]), 1) } ?? length
  }

  func forward(_ frame: Frame) {
    frame.engine.pool.run(sequences) { sequence, _ in
      let (x, y) = (frame.input(0) + sequence * length * columns, frame.output(0) + sequence * columns)
      let count = count(sequence, frame)
      y.update(repeating: 0, count: columns)
      for token in 0..<count { for column in 0..<columns { y[column] += x[token * columns + column] } }
      for column in 0..<columns { y[column] /= Float(count) }
    }
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    frame.engine.pool.run(sequences) { sequence, _ in
      let dy = frame.outputGradient(0) + sequence * columns
      let target = dx.base + sequence * length * columns
      let count = count(sequence, frame)
      if !dx.adding { target.update(repeating: 0, count: length * columns) }
      for token in 0..<count {
        for column in 0..<columns { target[token * columns + column] += dy[column] / Float(count) }
      }
    }
  }
}
