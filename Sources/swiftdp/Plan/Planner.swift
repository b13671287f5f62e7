// All ways to arrange a run on given hosts, what each needs and how fast it would be.
import Base
import Graph
import Models
import Planning
import Recipes
import Sharding
import Tensors
import Training

/// One arrangement with what it costs.
struct PlanRow {
  let shape: RunShape
  let place: Placement
  /// Of the rank with the largest share.
  let memory: MemoryEstimate
  let step: StepEstimate
  /// Bytes of a host.
  let limit: Double

  /// As if all ranks had the largest share.
  var hostBytes: Double { Double(memory.bytes) * Double(place.ranksPerHost) }
  var fits: Bool { hostBytes <= limit }
}

/// What hosts are like.
struct PlannedHosts {
  let count: Int
  /// Cores of each.
  let cores: Int
  /// Bytes of memory of each.
  let memory: Double
  /// By the type that products are in.
  let rates: [ModelType: HostRates]
}

struct Planner {
  let description: ModelDescription
  let layout: ParameterLayout
  let recipe: Recipe
  let hosts: PlannedHosts

  /// - Throws: where the weights alone are more than a host has.
  init(_ recipe: Recipe, _ hosts: PlannedHosts) throws {
    self.recipe = recipe
    self.hosts = hosts
    description = try recipe.describeModel()
    let smallest = ModelType.allCases.map(\.bytes).min() ?? 4
    try description.checkFits(folder: recipe.model, copies: Double(smallest) / 4, memory: hosts.memory)
    layout = description.layout
  }

  /// Threads of a rank: the recipe's, or else its share of the cores.
  func place(ranksPerHost: Int) -> Placement {
    Placement(
      ranks: hosts.count * ranksPerHost, ranksPerHost: ranksPerHost,
      threads: recipe.parallel.threads ?? max(hosts.cores / ranksPerHost, 1))
  }

  /// Every stage, type and recomputation on the same ranks.
  func rows(
    _ place: Placement, types: [ModelType] = ModelType.allCases
  ) -> [PlanRow] {
    // Stages have the same programs; only where states are cut do shares differ from rank to rank.
    let maps = Dictionary(
      uniqueKeysWithValues: ZeroStage.allCases.map {
        ($0, ShardMap(layout: layout.trained, stage: $0, rank: place.ranks - 1, ranks: place.ranks))
      })
    return types.flatMap { type in
      Recompute.allCases.flatMap { recompute in
        var shape = RunShape(recipe)
        shape.type = type
        shape.recompute = recompute
        let program = ProgramEstimate(description, layout: layout, shape, place)
        return ZeroStage.allCases.map { stage in
          shape.stage = stage
          // What a recipe cannot say of this stage.
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

  /// The fastest row that fits, of equally fast ones the smallest, of equally large ones that of the lowest
  /// stage; nil where none fits. The type of the model stays the recipe's unless only another fits.
  func best(_ rows: [PlanRow]) -> PlanRow? {
    let fitting = rows.filter(\.fits)
    let own = fitting.filter { $0.shape.type == recipe.modelType }
    return (own.isEmpty ? fitting : own).min {
      ($0.step.seconds, $0.hostBytes, $0.shape.stage.rawValue)
        < ($1.step.seconds, $1.hostBytes, $1.shape.stage.rawValue)
    }
  }

  /// How many ranks a host may have so that each has as many cores.
  var divisions: [Int] { (1...hosts.cores).filter { hosts.cores % $0 == 0 } }
}
