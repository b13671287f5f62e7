// A way of fine-tuning. The graph asks it while a forward pass is recorded, so that families need not know of it.

/// Which parameters of a model are trained, and what is added to the model.
package protocol Adaptation: Sendable {
  /// Whether a parameter of the model itself is trained.
  func trains(_ parameter: String) -> Bool
  /// The low-rank term of a projection, by the name of its weight without `.weight`; nil for none.
  func lowRank(at projection: String, inputs: Int, outputs: Int) -> LowRank?
  /// What of a projection is multiplied by a trained vector; nil for nothing.
  func gain(at projection: String) -> Gain?
  /// The bottleneck behind or beside a part of a layer; nil for none. It does not depend on the part's `layer`, which
  /// is another while decoding.
  func bottleneck(at part: LayerPart) -> Bottleneck?
  /// What stands before every text; nil for nothing.
  var prompt: Prompt? { get }
  /// The adapters that stand beside each other, whose low-rank terms are those of the model; empty where there is one.
  var members: [AdapterMember] { get }
  /// The factor of the learning rate for a parameter.
  /// - Parameter isVector: whether it has one dimension.
  func rateFactor(of parameter: String, isVector: Bool) -> Double
}

extension Adaptation {
  package func lowRank(at projection: String, inputs: Int, outputs: Int) -> LowRank? { nil }
  package func gain(at projection: String) -> Gain? { nil }
  package func bottleneck(at part: LayerPart) -> Bottleneck? { nil }
  package var prompt: Prompt? { nil }
  package var members: [AdapterMember] { [] }
  package func rateFactor(of parameter: String, isVector: Bool) -> Double { 1 }
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

/// Which side of a projection a vector of IA3 is multiplied to, number by number (Liu et al. 2022).
package enum Gain: Sendable {
  case inputs
  case outputs
}

/// y += scale · (x Aᵀ) Bᵀ with A [rank, inputs] and B [outputs, rank] (Hu et al. 2021), or with singular values
/// y += scale · (E ∘ x Aᵀ) Bᵀ with E [rank, 1] (AdaLoRA, Zhang et al. 2023).
package struct LowRank: Sendable, Equatable {
  package var rank: Int
  package var scale: Float
  /// The probability that an input of A is dropped.
  package var dropout: Double
  /// Whether the outputs get a trained magnitude (DoRA).
  package var hasMagnitude: Bool
  /// What A and B are at first.
  package var start: LowRankStart
  /// Whether A is trained, as B is.
  package var trainsA: Bool
  /// Whether there are singular values between A and B.
  package var hasValues: Bool

  package init(
    rank: Int, scale: Float, dropout: Double = 0, hasMagnitude: Bool = false, start: LowRankStart = .uniform,
    trainsA: Bool = true, hasValues: Bool = false
  ) {
    precondition(!hasMagnitude || !hasValues, "a term has magnitudes or singular values")
    self.hasValues = hasValues
    self.rank = rank
    self.scale = scale
    self.dropout = dropout
    self.hasMagnitude = hasMagnitude
    self.start = start
    self.trainsA = trainsA
  }
}

extension LowRank {
  /// The names of its matrices beside a projection, as PEFT has them.
  package func names(_ projection: String) -> (a: String, b: String, values: String?) {
    hasValues
      ? (projection + ".lora_A", projection + ".lora_B", projection + ".lora_E")
      : (projection + ".lora_A.weight", projection + ".lora_B.weight", nil)
  }
}

package enum LowRankStart: String, Sendable, CaseIterable {
  /// A within ±1/√inputs, as PEFT's default (`kaiming_uniform_` with a = √5), and B = 0.
  case uniform = "default"
  /// A normal with the deviation 1 / rank, and B = 0.
  case gaussian
  /// The largest singular values and vectors of W, which the frozen weight then lacks (Meng et al. 2024).
  case pissa
  /// Those of the error of storing W in few bits (Li et al. 2023).
  case loftq

  /// Whether A and B follow from the base.
  package var decomposes: Bool { self == .pissa || self == .loftq }
}
