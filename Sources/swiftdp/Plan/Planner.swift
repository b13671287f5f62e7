// All ways to arrange a run on given hosts, with what each needs and how fast it would be.
import Base
import Graph
import Models
import Planning
import Recipes
import Sharding
import Tensors
import Training

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
    try description.checkFits(
      folder: recipe.model, type: .bfloat16, frozen: recipe.frozen,
      memory: hosts.kinds.map(\.memory).min() ?? 0)
    layout = description.layout
    inHalves = description.inHalves(of: recipe)
    guard divisions.isEmpty else { return }
    let ranks = hosts.kinds[0].ranks ?? hosts.kinds[0].cores
    throw UserError(
      .usage, "is \(recipe.parallel.context), and hosts of \(counted(ranks, "rank")) make no such groups",
      at: "parallel.context", hint: "give --ranks-per-host a multiple of it")
  }

  private init(_ other: Planner, _ hosts: PlannedHosts) {
    description = other.description
    layout = other.layout
    recipe = other.recipe
    inHalves = other.inHalves
    self.hosts = hosts
  }

  /// The same run on other hosts.
  func on(_ hosts: PlannedHosts) -> Planner { Planner(self, hosts) }

  /// The shape of the recipe's run.
  var shape: RunShape {
    var shape = RunShape(recipe)
    shape.inHalves = inHalves
    shape.addAnswers(recipe, description)
    return shape
  }

  /// Hosts of the first kind have so many ranks. Others have as many as they have cores and memory for, with about
  /// the same number of threads each. The threads are those of the recipe, or otherwise a rank's share of the cores.
  func arrangement(ranksPerHost: Int) -> Arrangement {
    let threads = max(hosts.kinds[0].cores / ranksPerHost, 1)
    var counts = hosts.kinds.enumerated().map { index, kind in
      index == 0 ? ranksPerHost : kind.ranks ?? max(kind.cores / threads, 1)
    }
    func made() -> Arrangement {
      let ranks = zip(hosts.kinds, counts).reduce(0) { $0 + $1.0.count * $1.1 }
      return Arrangement(
        places: zip(hosts.kinds, counts).map { kind, count in
          Placement(
            ranks: ranks, ranksPerHost: count,
            threads: recipe.parallel.threads ?? max(kind.cores / count, 1), hosts: hosts.count)
        })
    }
    guard hosts.kinds.count > 1 else { return made() }
    while true {
      let arrangement = made()
      let row = row(shape, arrangement)
      guard !row.fits, hosts.kinds[row.tightest].ranks == nil, counts[row.tightest] > 1 else {
        return arrangement
      }
      counts[row.tightest] -= 1
    }
  }

  /// One way to run.
  func row(_ shape: RunShape, _ arrangement: Arrangement, sequences: Int? = nil) -> PlanRow {
    let map = arrangement.map(layout, stage: shape.stage)
    return row(shape, arrangement, map, sequences: sequences) { place in
      ProgramEstimate(description, layout: layout, shape, place)
    }
  }

  private func row(
    _ shape: RunShape, _ arrangement: Arrangement, _ map: ShardMap, sequences: Int? = nil,
    program: (Placement) -> ProgramEstimate
  ) -> PlanRow {
    let costs = zip(hosts.kinds, arrangement.places).map { kind, place in
      let program = program(place)
      var rates = hosts.rates[shape.type]!
      // Memory is taken to be faster in proportion on hosts with more cores.
      rates.copy *= Double(kind.cores) / Double(hosts.kinds[0].cores)
      return PlanRow.Cost(
        place: place, limit: kind.memory, memory: MemoryEstimate(map, program, shape, place),
        step: StepEstimate(
          map, program, shape, place, sequences: sequences ?? recipe.stepSequences, rates: rates))
    }
    return PlanRow(shape: shape, arrangement: arrangement, costs: costs)
  }

  /// Every stage, type and recomputation on the same ranks.
  func rows(
    _ arrangement: Arrangement, types: [ElementType] = ElementType.allCases
  ) -> [PlanRow] {
    // All stages have the same programs; shares differ between ranks only if states are sharded.
    let maps = Dictionary(
      uniqueKeysWithValues: ZeroStage.allCases.map { ($0, arrangement.map(layout, stage: $0)) })
    return types.flatMap { type in
      Recompute.allCases.flatMap { recompute in
        var shape = shape
        shape.type = type
        shape.recompute = recompute
        let programs = arrangement.places.map {
          ProgramEstimate(description, layout: layout, shape, $0)
        }
        return ZeroStage.allCases.map { stage in
          shape.stage = stage
          // A recipe cannot ask for this at this stage.
          let own = shape.sharesWeights
          if (stage == .replicas && own == true) || (stage == .weights && own == false) {
            shape.sharesWeights = nil
          }
          defer { shape.sharesWeights = own }
          return row(shape, arrangement, maps[stage]!) { place in
            programs[arrangement.places.firstIndex(of: place) ?? 0]
          }
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

  /// The numbers of ranks that a host may have: those that it is given, or those that divide its cores evenly.
  var divisions: [Int] {
    let first = hosts.kinds[0]
    let all = first.ranks.map { [$0] } ?? (1...first.cores).filter { first.cores % $0 == 0 }
    // Neighbouring ranks compute a sequence together; on one host, a rank may also compute several chunks.
    let context = recipe.parallel.context
    return all.filter { $0 % context == 0 || hosts.count == 1 && context % $0 == 0 }
  }
}
