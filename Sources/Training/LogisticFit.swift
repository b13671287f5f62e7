// A head for labels as a logistic regression on features, fitted to all samples at once: the minimum that scikit-learn's
// `LogisticRegression` has with the same settings.
import Adapters
import Base
import Collectives
import Datasets
import Foundation
import Kernels
import Objectives
import Optimizers
import Tensors

/// Mean loss over samples with labels, plus |W|² / (2 C · their weight). Two labels that exclude each other have one
/// vector of weights, as in scikit-learn; the model's head gets half of it with either sign.
struct LogisticFit {
  private let features: FeatureStore
  private let sequences: TokenSequences
  private let ranks: Ranks
  private let pool: WorkerPool
  private let settings: LogisticSettings
  private let labels: Int
  private let isMultiple: Bool
  /// Of each label.
  private let weights: [Double]
  private let hasBias: Bool
  /// This rank's sequences with labels, by piece.
  private let own: [(piece: Int, sequences: [Int])]
  /// Samples with labels, and the sum of their weights.
  private let samples: Int
  private let total: Double

  private var width: Int { features.form.width }
  /// How many vectors of weights are fitted.
  private var vectors: Int { labels == 2 && !isMultiple ? 1 : labels }
  private var count: Int { vectors * (width + 1) }

  /// - Parameter task: with all its labels.
  init(
    _ features: FeatureStore, of sequences: TokenSequences, task: Classification,
    _ settings: LogisticSettings,
    hasBias: Bool, ranks: Ranks, pool: WorkerPool
  ) {
    self.features = features
    self.sequences = sequences
    self.ranks = ranks
    self.pool = pool
    self.settings = settings
    self.hasBias = hasBias
    labels = task.weightOfLabels.count
    weights = task.weightOfLabels
    isMultiple = task.isMultiple
    func isLabelled(_ sequence: Int) -> Bool { (sequences.numbers(of: sequence).first ?? -1) >= 0 }
    own = stride(from: ranks.rank, to: FeatureStore.pieces, by: ranks.count).map {
      ($0, features.sequences(ofPiece: $0).filter(isLabelled))
    }
    let labelled = (0..<sequences.count).filter(isLabelled)
    samples = labelled.count
    total = labelled.reduce(0) { [weights, isMultiple] sum, sequence in
      sum + (isMultiple ? 1 : weights[Int(sequences.numbers(of: sequence).first!)])
    }
  }

  /// The weights [labels, width] and biases [labels] of the head. Collective.
  func run() -> (weights: [Float], biases: [Float], loss: Double, result: LBFGS.Result) {
    let result = LBFGS.minimise(
      from: [Double](repeating: 0, count: count), tolerance: settings.tolerance,
      mostIterations: settings.mostIterations, evaluate)
    let x = result.point.x
    func row(_ label: Int) -> (sign: Double, first: Int) {
      vectors == labels ? (1, label * (width + 1)) : (label == 0 ? -0.5 : 0.5, 0)
    }
    let weights = (0..<labels).flatMap { label in
      let (sign, first) = row(label)
      return (0..<width).map { Float(sign * x[first + $0]) }
    }
    let biases = (0..<labels).map { label in
      let (sign, first) = row(label)
      return Float(sign * x[first + width])
    }
    return (weights, biases, result.point.value - penalty(x), result)
  }

  private func penalty(_ x: [Double]) -> Double {
    var sum = 0.0
    for vector in 0..<vectors {
      for place in vector * (width + 1)..<vector * (width + 1) + width { sum += x[place] * x[place] }
    }
    return sum / (2 * settings.inverseStrength * total)
  }

  /// The function that is minimised, summed piece by piece, so that it does not depend on the number of ranks.
  private func evaluate(_ x: [Double]) -> (value: Double, gradient: [Double]) {
    let size = count + 1
    var sums = [Double](repeating: 0, count: own.count * size)
    sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      pool.run(own.count) { number, _ in add(own[number].sequences, x, to: base + number * size) }
    }
    let all = summed(sums, size: size)
    var gradient = all[1...].map { $0 / total }
    for vector in 0..<vectors {
      let first = vector * (width + 1)
      for place in first..<first + width { gradient[place] += x[place] / (settings.inverseStrength * total) }
      if !hasBias { gradient[first + width] = 0 }
    }
    return (all[0] / total + penalty(x), gradient)
  }

  /// Adds loss and gradient of some sequences: [1 + vectors · (width + 1)].
  private func add(_ part: [Int], _ x: [Double], to sums: UnsafeMutablePointer<Double>) {
    var z = [Double](repeating: 0, count: vectors)
    for sequence in part {
      let f = features.features(of: sequence)
      for vector in 0..<vectors {
        let first = vector * (width + 1)
        var sum = x[first + width]
        for place in 0..<width { sum += x[first + place] * Double(f[place]) }
        z[vector] = sum
      }
      sums[0] += slopes(&z, sequences.numbers(of: sequence))
      for vector in 0..<vectors where z[vector] != 0 {
        let g = sums + 1 + vector * (width + 1)
        for place in 0..<width { g[place] += z[vector] * Double(f[place]) }
        g[width] += z[vector]
      }
    }
  }

  /// The loss of a sample; its logits become their gradients.
  private func slopes(_ z: inout [Double], _ numbers: ArraySlice<Float>) -> Double {
    if isMultiple || vectors == 1 {
      var loss = 0.0
      for vector in z.indices {
        let given = numbers[numbers.startIndex + vector]
        let isSet = given > 0.5
        let weight = isMultiple ? 1 : weights[isSet ? 1 : 0]
        loss += weight * softplus(isSet ? -z[vector] : z[vector])
        z[vector] = weight * (logistic(z[vector]) - (isSet ? 1 : 0))
      }
      return loss
    }
    let label = Int(numbers.first!)
    let top = z.max()!
    let sum = z.reduce(0) { $0 + exp($1 - top) }
    let loss = log(sum) + top - z[label]
    for vector in z.indices { z[vector] = weights[label] * exp(z[vector] - top) / sum }
    z[label] -= weights[label]
    return weights[label] * loss
  }

  /// The sums of all pieces, in their order. Collective.
  private func summed(_ own: [Double], size: Int) -> [Double] {
    let perRank = (0..<ranks.count).map { rank in
      (FeatureStore.pieces - rank + ranks.count - 1) / ranks.count
    }
    var result = [Double](repeating: 0, count: size)
    let chunk = 1 << 14
    for first in stride(from: 0, to: size, by: chunk) {
      let width = min(chunk, size - first)
      let mine = self.own.indices.flatMap { own[$0 * size + first..<$0 * size + first + width] }
      let counts = perRank.map { $0 * width }
      var all = [Double](repeating: 0, count: counts.reduce(0, +))
      mine.withUnsafeBufferPointer { ranks.gather($0, counts: counts, into: &all) }
      let starts = counts.indices.map { counts[..<$0].reduce(0, +) }
      for piece in 0..<FeatureStore.pieces {
        let start = starts[piece % ranks.count] + piece / ranks.count * width
        for place in 0..<width { result[first + place] += all[start + place] }
      }
    }
    return result
  }

  /// How many samples it is fitted to.
  var units: Int { samples }
}
