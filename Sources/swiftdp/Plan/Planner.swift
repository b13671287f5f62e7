// All ways to arrange a run on given hosts, with what each needs and how fast it would be.
import Base
import Graph
import Models
import Planning
import Recipes
import Sharding
import Tensors
import Training

/// One arrangement with its costs.
struct PlanRow {
  let shape: RunShape
  let place: Placement
  /// The estimate for the rank with the largest share.
  let memory: MemoryEstimate
  let step: StepEstimate
  /// The bytes of memory of a host.
  let limit: Double

  /// The bytes that a host would need if all ranks had the largest share.
  var hostBytes: Double { Double(memory.bytes) * Double(place.ranksPerHost) }
  var fits: Bool { hostBytes <= limit }
}

/// The properties of the hosts.
struct PlannedHosts {
  let count: Int
  /// The cores of each host.
  let cores: Int
  /// The bytes of memory of each host.
  let memory: Double
  /// The rates, by the type that products are computed in.
  let rates: [ElementType: HostRates]
}

struct Planner {
  let description: ModelDescription
  let layout: ParameterLayout
  let recipe: Recipe
  let hosts: PlannedHosts
  private let inHalves: Set<String>

  /// - Throws: if the weights alone exceed the memory of a host.
  init(_ recipe: Recipe, _ hosts: PlannedHosts) throws {
    let recipe = try recipe.settled()
    self.recipe = recipe
    self.hosts = hosts
    description = try recipe.describeModel()
    let smallest = ElementType.allCases.map(\.bytes).min() ?? 4
    try description.checkFits(folder: recipe.model, copies: Double(smallest) / 4, memory: hosts.memory)
    layout = description.layout
    inHalves = description.inHalves(of: recipe)
  }

  /// The threads of a rank: those of the recipe, or otherwise its share of the cores.
  func place(ranksPerHost: Int) -> Placement {
    Placement(
      ranks: hosts.count * ranksPerHost, ranksPerHost: ranksPerHost,
      threads: recipe.parallel.threads ?? max(hosts.cores / ranksPerHost, 1))
  }

  /// Every stage, type and recomputation on the same ranks.
  func rows(
    _ place: Placement, types: [ElementType] = ElementType.allCases
  ) -> [PlanRow] {
    // All stages have the same programs; shares differ between ranks only if states are sharded.
    let maps = Dictionary(
      uniqueKeysWithValues: ZeroStage.allCases.map {
        ($0, ShardMap(layout: layout.trained, stage: $0, rank: place.ranks - 1, ranks: place.ranks))
      })
    return types.flatMap { type in
      Recompute.allCases.flatMap { recompute in
        var shape = RunShape(recipe)
        shape.type = type
        shape.inHalves = inHalves
        shape.recompute = recompute
        let program = ProgramEstimate(description, layout: layout, shape, place)
        return ZeroStage.allCases.map { stage in
          shape.stage = stage
          // A recipe cannot ask for this at this stage.
          let own = shape.sharesWeights
          if (stage == .replicas && own == true) || (stage == .weights && own == false) {
            shape.sharesWeights = nil
          }
          defer { shape.sharesWeights = own }
          return PlanRow(
            shape: shape, place: place, memory: MemoryEstimate(maps[stage]!, program, shape, place),
            step: StepEstimate(
              maps[stage]!, program, shape, place, sequences: recipe.training.batchSize,
              rates: hosts.rates[type]!), limit: hosts.memory)
        }
      }
    }
  }

  /// The fastest row that fits; of equally fast rows the smallest, and of equally small ones that of the lowest
  /// stage. Nil if none fits. The model's type stays that of the recipe unless only another one fits.
  func best(_ rows: [PlanRow]) -> PlanRow? {
    let fitting = rows.filter(\.fits)
    let own = fitting.filter { $0.shape.type == recipe.elementType }
    return (own.isEmpty ? fitting : own).min {
      ($0.step.seconds, $0.hostBytes, $0.shape.stage.rawValue)
        < ($1.step.seconds, $1.hostBytes, $1.shape.stage.rawValue)
    }
  }

  /// The numbers of ranks that a host may have so that each gets the same number of cores.
  var divisions: [Int] { (1...hosts.cores).filter { hosts.cores % $0 == 0 } }
}
