// A way of fine-tuning. The graph asks it while a forward pass is recorded, so that families need not know of it.

/// Which parameters of a model are trained, and what is added to the model.
package protocol Adaptation: Sendable {
  /// Whether a parameter of the model itself is trained.
  func trains(_ parameter: String) -> Bool
  /// The low-rank term of a projection, by the name of its weight without `.weight`; nil for none.
  func lowRank(at projection: String, inputs: Int, outputs: Int) -> LowRank?
}

extension Adaptation {
  package func lowRank(at projection: String, inputs: Int, outputs: Int) -> LowRank? { nil }
}

/// Every parameter is trained, and nothing is added.
package struct FullFineTuning: Adaptation {
  package init() {}
  package func trains(_ parameter: String) -> Bool { true }
}

/// Nothing is trained, and nothing is added: a model that is only read, whose ranks can share all of it.
package struct NoFineTuning: Adaptation {
  package init() {}
  package func trains(_ parameter: String) -> Bool { false }
}

/// y += scale · (x Aᵀ) Bᵀ with A [rank, inputs] and B [outputs, rank] (Hu et al. 2021).
package struct LowRank: Sendable, Equatable {
  package var rank: Int
  package var scale: Float
  /// The probability that an input of A is dropped.
  package var dropout: Double

  package init(rank: Int, scale: Float, dropout: Double = 0) {
    self.rank = rank
    self.scale = scale
    self.dropout = dropout
  }
}
