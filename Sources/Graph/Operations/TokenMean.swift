// The mean of the hidden states of a sequence's tokens, which some heads for whole sequences read.
import Kernels

extension Graph {
  /// - Parameter x: [B · T, C].
  /// - Returns: [B, C]: the mean over the tokens that are not padding.
  package func mean(_ x: Value) -> Value {
    append(
      TokenMean(sequences: shape.sequences, length: shape.length, columns: x.columns), inputs: [x],
      columns: x.columns, rows: shape.sequences)
  }
}

struct TokenMean: Operation {
  let sequences: Int
  let length: Int
  let columns: Int
  var keeps: Keeps { Keeps() }

  /// The number of tokens of a sequence; a sequence has at least one.
  private func count(_ sequence: Int, _ frame: Frame) -> Int {
    max(frame.input.lengths.map { Int($0[sequence]) } ?? length, 1)
  }

  func forward(_ frame: Frame) {
    let (x, y) = (frame.input(0), frame.output(0))
    frame.engine.pool.run(sequences) { sequence, _ in
      let count = count(sequence, frame)
      let (first, yC) = (x + sequence * length * columns, y + sequence * columns)
      yC.update(repeating: 0, count: columns)
      for token in 0..<count {
        let xC = first + token * columns
        for column in 0..<columns { yC[column] += xC[column] }
      }
      for column in 0..<columns { yC[column] /= Float(count) }
    }
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    let dy = frame.outputGradient(0)
    frame.engine.pool.run(sequences) { sequence, _ in
      let count = count(sequence, frame)
      let (first, dyC) = (dx.base + sequence * length * columns, dy + sequence * columns)
      for token in 0..<length {
        let dxC = first + token * columns
        let share: Float = token < count ? 1 / Float(count) : 0
        for column in 0..<columns { dxC[column] = (dx.adding ? dxC[column] : 0) + share * dyC[column] }
      }
    }
  }
}
