// A policy whose projections are kept in a smaller type, to draw answers by: decoding reads all weights for every token, and
// takes as long as that.
import Base
import Collectives
import Graph
import Kernels
import Models
import Recipes
import Tensors

final class SmallPolicy {
  let replica: Replica
  private let reader: CurrentWeights
  private let ranks: Ranks

  /// Nil where the policy is kept in that type itself. The ranks of a host share it. Collective.
  init?(of policy: Replica, in storage: FrozenStorage, _ recipe: Recipe, ranks: Ranks) {
    guard storage != FrozenStorage(recipe.elementType) else { return nil }
    self.ranks = ranks
    var settings = ModelSettings(of: recipe)
    settings.frozen = FrozenForm(projections: storage)
    let description = policy.description.adapted(by: NoFineTuning())
    let store = WeightStore.readOnly(description, settings, ranks: ranks)
    replica = Replica(
      description, objective: policy.objective, engine: policy.engine, store: store, arena: policy.arena)
    reader = CurrentWeights(line: policy.weights, layout: store.layout)
  }

  /// Takes over the policy's weights, all of which must be here. Collective.
  func refresh() throws {
    // Another rank of the host may still draw by those of before.
    ranks.barrier()
    try ranks.together { try replica.fill(from: reader) }
  }
}

/// The trained weights of a run as they are, by the names of another layout. Nobody changes them while it reads.
private struct CurrentWeights: WeightReader, @unchecked Sendable {
  let line: WeightLine
  let layout: ParameterLayout

  func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let name = layout.parameters[parameter].spec.name
    guard let start = line.layout[name]?.range.lowerBound, let base = target.baseAddress else {
      preconditionFailure("\(name) is not trained")
    }
    let first = start + elements.lowerBound
    line.read(first..<start + elements.upperBound) { part, values in
      (base + part.lowerBound - first).update(from: values, count: part.count)
    }
  }
}
