// Trained vectors that stand before every text: embeddings of tokens that no vocabulary has (Lester et al. 2021; Liu et
// al. 2021), or the keys and values of such tokens in every layer (Li and Liang 2021).
import Base
import Tensors

/// n vectors of C numbers.
package struct Prompt: Sendable, Equatable {
  package enum Place: Sendable, Equatable {
    /// C is the width of the model's embeddings.
    case embeddings
    /// C = layers · 2 · columns: for each layer the keys of all key heads, then the values.
    case keysAndValues(layers: Int, columns: Int)
  }

  /// What makes the vectors in training.
  package enum Encoder: Sendable, Equatable {
    /// They are trained themselves.
    case none
    /// linear(tanh(linear(e))) of n embeddings e.
    case projection(inputs: Int, hidden: Int)
    /// linear(relu(linear(relu(linear(e))))).
    case mlp(hidden: Int)
    /// linear(relu(linear(m))) of what memories in both directions make of n embeddings.
    case lstm(hidden: Int, layers: Int, dropout: Double)
  }

  /// What vectors that are trained themselves are at first.
  package enum Start: Sendable, Equatable {
    /// A normal with the deviation 1.
    case random
    /// The embeddings of these tokens.
    case tokens([Int32])
  }

  /// n
  package var count: Int
  package var place: Place
  package var encoder: Encoder
  package var start: Start

  package init(count: Int, place: Place, encoder: Encoder = .none, start: Start = .random) {
    self.count = count
    self.place = place
    self.encoder = encoder
    self.start = start
  }

  package var positions: VirtualPositions {
    place == .embeddings ? VirtualPositions(rows: count) : VirtualPositions(keys: count)
  }

  /// The parameter that holds the vectors, as PEFT's files do, and how those of an encoder begin.
  package static let vectors = "prompt_embeddings"
  package static let encoderPrefix = "prompt_encoder."
}

extension Graph {
  /// The vectors of a prompt: [n, C].
  /// - Parameter initial: of vectors that are trained themselves.
  package func vectors(of prompt: Prompt, columns: Int, initial: Initial = .normal(deviation: 1)) -> Value {
    let e = Prompt.encoderPrefix
    func embeddings(_ columns: Int) -> Value {
      addedTable(
        e + "embedding.weight", rows: prompt.count, columns: columns, initial: .normal(deviation: 1))
    }
    switch prompt.encoder {
    case .none:
      return addedTable(
        Prompt.vectors, rows: prompt.count, columns: columns, initial: initial,
        inCache: prompt.place != .embeddings)
    case .projection(let inputs, let hidden):
      let hNF = tanh(addedLinear(embeddings(inputs), e + "transform.0", columns: hidden))
      return addedLinear(hNF, e + "transform.2", columns: columns)
    case .mlp(let hidden):
      var hNF = relu(addedLinear(embeddings(columns), e + "mlp_head.0", columns: hidden))
      hNF = relu(addedLinear(hNF, e + "mlp_head.2", columns: hidden))
      return addedLinear(hNF, e + "mlp_head.4", columns: columns)
    case .lstm(let hidden, let layers, let dropout):
      var hN2F = bidirectionalLSTM(
        embeddings(columns), e + "lstm_head", units: hidden, layers: layers, dropout: dropout)
      hN2F = relu(addedLinear(hN2F, e + "mlp_head.0", columns: 2 * hidden))
      return addedLinear(hN2F, e + "mlp_head.2", columns: columns)
    }
  }
}
