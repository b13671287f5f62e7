// Muon (Jordan et al. 2024), as torch.optim.Muon computes it, for the weights of projections:
//
//   m ← m + (1 − μ)(g − m),   u = g + μ (m − g), or m without Nesterov's look ahead
//   w ← w · (1 − η λ) − η s O(u),   O: `NewtonSchulz`
//   s = √max(1, rows / columns), or 0.2 √max(rows, columns), which gives a step the size of AdamW's (Liu et al. 2025)
//
// Embeddings, heads, norms and biases are AdamW's, with the same learning rate, as the papers have it. A matrix is
// orthogonalised as a whole by one rank; momentum and weights stay where they are held.
import Foundation
import Kernels
import Tensors

package struct Muon: UpdateRule {
  /// What the learning rate of a matrix is multiplied by, by its shape.
  package enum RateAdjustment: String, Sendable, CaseIterable {
    case original
    case matchAdamW = "match_rms_adamw"

    func factor(rows: Int, columns: Int) -> Double {
      switch self {
      case .original: max(1, Double(rows) / Double(columns)).squareRoot()
      case .matchAdamW: 0.2 * Double(max(rows, columns)).squareRoot()
      }
    }
  }

  package var momentum: Double
  package var nesterov: Bool
  package var iteration: NewtonSchulz
  package var adjustment: RateAdjustment
  /// What updates all other parameters; its weight decay is that of the matrices too.
  package var others: AdamW

  package init(
    momentum: Double = 0.95, nesterov: Bool = true, iteration: NewtonSchulz = NewtonSchulz(),
    adjustment: RateAdjustment = .matchAdamW, others: AdamW = AdamW(beta2: 0.95, weightDecay: 0.1)
  ) {
    self.momentum = momentum
    self.nesterov = nesterov
    self.iteration = iteration
    self.adjustment = adjustment
    self.others = others
  }

  /// Whether a parameter is updated as a matrix: the weight of a projection between the values of layers.
  static func isMatrix(_ spec: ParameterSpec) -> Bool {
    spec.shape.count == 2 && !spec.isHead
      && (spec.isProjection || spec.isAdded && spec.name.contains(".lora_"))
  }

  package var states: [OptimizerState] {
    [
      OptimizerState("first_moment") { !Self.isMatrix($0) },
      OptimizerState("second_moment") { !Self.isMatrix($0) },
      OptimizerState("momentum") { Self.isMatrix($0) },
    ]
  }

  /// Beside what the iteration takes, a matrix that came together, and ranges of those that went to other ranks.
  package func workingCount(in layout: ParameterLayout) -> Int {
    layout.parameters.map(\.spec).filter { $0.trains && Self.isMatrix($0) }
      .map { 2 * $0.count + NewtonSchulz.room(rows: $0.shape[0], columns: $0.shape[1]) }.max() ?? 0
  }

  package func update(
    _ held: [UpdateStretch], step: Int, learningRate: Double, gradientScale: Float, gradientNorm: Double,
    sums: any ParameterSums, engine: Engine, finished: (Int) -> Void
  ) {
    let specs = sums.layout.parameters.map(\.spec)
    for stretch in held where !Self.isMatrix(specs[stretch.parameter]) {
      others.update(
        stretch, step: step, learningRate: learningRate * stretch.rateFactor, gradientScale: gradientScale,
        engine: engine)
    }
    // Matrices of one size follow each other, so that ranks that work on one each are done at about the same time.
    let matrices = specs.indices.filter { specs[$0].trains && Self.isMatrix(specs[$0]) }
      .sorted { (specs[$1].count, $0) < (specs[$0].count, $1) }
    sums.workOnWhole(
      matrices, held: held,
      WholeWork(
        give: { direction(held[$0], gradientScale: gradientScale, into: $1, engine) },
        work: { parameter, whole in
          let shape = specs[parameter].shape
          iteration.orthogonalise(whole, rows: shape[0], columns: shape[1], engine)
        },
        take: { move(held[$0], along: $1, learningRate: learningRate, engine) }))
    for index in held.indices { finished(index) }
  }

  /// u of a range.
  private func direction(
    _ stretch: UpdateStretch, gradientScale: Float, into u: UnsafeMutablePointer<Float>, _ engine: Engine
  ) {
    let (g, m) = (stretch.gradients, stretch.floats(2))
    let take = Vector(repeating: Float(1 - momentum))
    let ahead = Vector(repeating: Float(momentum))
    let nesterov = nesterov
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) {
        let gV = $0.load(g) * gradientScale
        let old = $0.load(m)
        let mV = old.addingProduct(gV - old, take)
        $0.store(mV, m)
        $0.store(nesterov ? gV.addingProduct(mV - gV, ahead) : mV, u)
      }
    }
  }

  private func move(
    _ stretch: UpdateStretch, along u: UnsafePointer<Float>, learningRate: Double, _ engine: Engine
  ) {
    let learningRate = learningRate * stretch.rateFactor
    let factor = adjustment.factor(rows: stretch.shape[0], columns: stretch.shape[1])
    let shrink = Float(1 - learningRate * stretch.decay(others.weightDecay))
    let rate = Vector(repeating: -Float(learningRate * factor))
    let w = stretch.weights
    engine.forEachStretch(stretch.count) { range in
      forEachVector(in: range) { $0.store(($0.load(w) * shrink).addingProduct($0.load(u), rate), w) }
    }
  }
}
