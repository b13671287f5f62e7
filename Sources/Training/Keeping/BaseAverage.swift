// The model that a run leaves, averaged with the one that it began with (WiSE-FT, Wortsman et al. 2022): α w + (1 − α) w₀.
import Base
import Foundation
import Kernels
import Tensors

/// What was measured of a model before and behind an average with its base.
struct BaseAverage {
  let share: Double
  let before: Evaluation?
  let behind: Evaluation?

  var words: String {
    func change(_ name: String, _ loss: (Evaluation) -> Double?) -> String? {
      guard let before = before.flatMap(loss), let behind = behind.flatMap(loss) else { return nil }
      return "\(name) \(Self.decimals(before)) became \(Self.decimals(behind))"
    }
    let changes = [change("validation loss", \.loss), change("general loss", \.general)].compactMap { $0 }
    return
      (["the model is \(share) of the trained weights and \(1 - share) of the base's (wise_ft)"] + changes)
      .joined(separator: ", ")
  }

  private static func decimals(_ loss: Double) -> String { String(format: "%.4f", loss) }
}

extension Run {
  /// Averages the weights as they are with the first ones, if the recipe says so, and measures again. Collective.
  func averageWithBase(_ measured: Evaluation?) throws -> BaseAverage? {
    guard let share = recipe.keep.finalShare else { return nil }
    let before = try measured ?? validate()
    let reader = try firstReader()
    let room = FlatMemory(
      count: step.optimizer.map.layout.buckets.map(\.count).max() ?? 0, label: "first weights")
    var failure: (any Error)?
    let (own, other) = (Float(share), Float(1 - share))
    step.change { _, line, w in
      // An error is told when all ranks are here again.
      guard failure == nil else { return }
      do {
        try reader.read(line, of: replica.layout, on: replica.engine.pool.runTiles) { part, fill in
          try fill(room.base + part.lowerBound - line.lowerBound)
        }
      } catch {
        failure = error
        return
      }
      for index in 0..<line.count { w[index] = own * w[index] + other * room.base[index] }
    }
    try ranks.together { if let failure { throw failure } }
    return BaseAverage(share: share, before: before, behind: try validate())
  }
}
