// The hidden state of one token of each sequence, which heads for whole sequences read.
import Kernels

/// Which token stands for its sequence.
package enum ChosenToken: Sendable {
  case first
  /// The last one that is not padding.
  case last
}

extension Graph {
  /// - Parameter x: [B · T, C].
  /// - Returns: [B, C].
  package func token(_ x: Value, _ choice: ChosenToken) -> Value {
    let operation = TokenChoice(
      choice: choice, sequences: shape.sequences, length: shape.length, columns: x.columns)
    return append(operation, inputs: [x], columns: x.columns, rows: shape.sequences)
  }
}

struct TokenChoice: Operation {
  let choice: ChosenToken
  let sequences: Int
  let length: Int
  let columns: Int
  var keeps: Keeps { Keeps() }

  private func start(_ sequence: Int, _ frame: Frame) -> Int {
    let place =
      switch choice {
      case .first: 0
      case .last: frame.input.lengths.map { max(Int($0[sequence]) - 1, 0) } ?? length - 1
      }
    return (sequence * length + place) * columns
  }

  func forward(_ frame: Frame) {
    for sequence in 0..<sequences {
      (frame.output(0) + sequence * columns).update(
        from: frame.input(0) + start(sequence, frame), count: columns)
    }
  }

  func backward(_ frame: Frame) {
    guard let dx = frame.inputGradient(0) else { return }
    if !dx.adding { frame.engine.clear(dx.base, count: sequences * length * columns) }
    for sequence in 0..<sequences {
      let (dy, target) = (
        frame.outputGradient(0) + sequence * columns, dx.base + start(sequence, frame)
      )
      for column in 0..<columns { target[column] += dy[column] }
    }
  }
}
