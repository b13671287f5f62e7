// Where the weights of a run lie: in each rank's own memory, or once for all ranks of a host.
import Base
import Collectives
import Models
import Recipes
import Sharding
import Tensors

enum RunWeights {
  /// The replica's weights, in this rank's own memory or in memory of all ranks of the host. Collective.
  static func line(
    _ description: ModelDescription, _ recipe: Recipe, ranks: Ranks, ledger: MemoryLedger
  ) throws -> WeightLine {
    let layout = ParameterLayout(specs: description.parameters)
    // If every rank updates all weights, each needs its own.
    let mayShare = ranks.localCount > 1 && recipe.parallel.zero != .replicas
    if mayShare, recipe.parallel.sharesWeights ?? true {
      if let line = WeightLine.onHost(layout, type: recipe.modelType, ranks: ranks, ledger: ledger) {
        return line
      }
      try ranks.together {
        guard recipe.parallel.sharesWeights == true || recipe.parallel.zero == .weights else { return }
        throw UserError(
          .usage, "/dev/shm has no room for the weights, which the ranks of a host share",
          at: "parallel.node_shared_weights",
          hint: "mount it larger (--shm-size in containers), or set it to false and parallel.zero to 2")
      }
    }
    return WeightLine(layout, type: recipe.modelType, ledger: ledger)
  }
}
