// Where the weights of a model lie: in memory of each rank's own, or once for all ranks of a host.
import Base
import Checkpoints
import Collectives
import Kernels
import Models
import Recipes
import Sharding
import Tensors

extension WeightStore {
  /// All weights of a model in memory of this rank's own.
  package convenience init(
    _ description: ModelDescription, type: ElementType, form: FrozenForm? = nil,
    ledger: MemoryLedger? = nil
  ) {
    let layout = description.layout
    let frozen = FrozenPlan(layout, form ?? FrozenForm(type), type: type)
    self.init(
      layout,
      trained: WeightLine(layout.trained, type: description.trainedType(type), ledger: ledger),
      frozen: frozen.parameters.isEmpty ? nil : FrozenStore(frozen, ledger: ledger), type: type)
  }

  /// The weights of a run: what is trained once a host where a stage of ZeRO allows it, what is frozen always.
  /// Collective.
  /// - Parameter base: a copy that several runs share; nil for none.
  static func make(
    _ description: ModelDescription, _ recipe: Recipe, base: SharedBase?, ranks: Ranks, ledger: MemoryLedger
  ) throws -> (store: WeightStore, isShared: Bool) {
    let layout = description.layout
    let line = try line(
      layout.trained, type: description.trainedType(recipe.elementType), recipe, ranks: ranks, ledger: ledger)
    if let store = base?.weights(layout, trained: line, recipe) { return (store, true) }
    let plan = FrozenPlan(
      layout, recipe.frozen, type: recipe.elementType,
      inHalves: try ranks.together { description.inHalves(of: recipe) })
    let frozen = frozen(plan, ranks: ranks, ledger: ledger)
    return (WeightStore(layout, trained: line, frozen: frozen, type: recipe.elementType), false)
  }

  /// A model of which nothing is trained, in the storage that a recipe gives its base. Collective.
  static func frozen(_ description: ModelDescription, _ recipe: Recipe, ranks: Ranks) throws -> WeightStore {
    let layout = description.layout
    let plan = FrozenPlan(
      layout, recipe.frozen, type: recipe.elementType,
      inHalves: try ranks.together { description.inHalves(of: recipe) })
    return WeightStore(
      layout, trained: WeightLine(layout.trained, type: recipe.elementType),
      frozen: frozen(plan, ranks: ranks, ledger: nil), type: recipe.elementType)
  }

  /// The same model with a line of its own on the frozen weights of another store. Collective.
  static func beside(
    _ store: WeightStore, _ recipe: Recipe, ranks: Ranks, ledger: MemoryLedger
  ) throws -> WeightStore {
    let line = try line(
      store.trained.layout, type: store.trained.type, recipe, ranks: ranks, ledger: ledger)
    return WeightStore(store.layout, trained: line, frozen: store.frozen, type: store.type)
  }

  /// The weights of a model that nobody trains, once a host where there is room. Collective.
  package static func readOnly(
    _ description: ModelDescription, _ settings: ModelSettings, ranks: Ranks
  ) -> WeightStore {
    let layout = description.layout
    let type = settings.elementType
    let ranks = settings.parallel.sharesWeights == false ? nil : ranks
    let frozen = frozen(
      FrozenPlan(layout, settings.frozen, type: type), ranks: ranks, ledger: nil)
    // What an adapter trained.
    let line = layout.trained
    let trainedType = description.trainedType(type)
    let shared = ranks.flatMap {
      $0.localCount > 1 && line.count > 0 ? WeightLine.onHost(line, type: trainedType, ranks: $0) : nil
    }
    return WeightStore(
      layout, trained: shared ?? WeightLine(line, type: trainedType), frozen: frozen, type: type)
  }

  /// - Parameter ranks: those that may share the store; nil for memory of this rank's own.
  private static func frozen(_ plan: FrozenPlan, ranks: Ranks?, ledger: MemoryLedger?) -> FrozenStore? {
    guard !plan.parameters.isEmpty else { return nil }
    return ranks.flatMap { FrozenStore.onHost(plan, ranks: $0, ledger: ledger) }
      ?? FrozenStore(plan, ledger: ledger)
  }

  private static func line(
    _ layout: ParameterLayout, type: ElementType, _ recipe: Recipe, ranks: Ranks, ledger: MemoryLedger
  ) throws -> WeightLine {
    // Where every rank updates all weights, each needs its own.
    let mayShare = ranks.localCount > 1 && recipe.parallel.zero != .replicas
    if mayShare, recipe.parallel.sharesWeights ?? true {
      if let line = WeightLine.onHost(layout, type: type, ranks: ranks, ledger: ledger) {
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
    return WeightLine(layout, type: type, ledger: ledger)
  }
}

extension ModelDescription {
  /// The parameters that a run may read where they lie, as bfloat16.
  package func inHalves(of recipe: Recipe) -> Set<String> {
    recipe.weights == .random ? [] : inHalves(in: recipe.model)
  }
}
