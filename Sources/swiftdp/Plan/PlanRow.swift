// What a plan is about: hosts, ranks on them, and what one way to run costs.
import Collectives
import Kernels
import Planning
import Recipes
import Sharding
import Tensors

/// The properties of the hosts.
struct PlannedHosts {
  var kinds: [Cluster.Kind]
  /// The rates of a host of the first kind, by the type that products are computed in.
  var rates: [ElementType: HostRates]

  var count: Int { kinds.reduce(0) { $0 + $1.count } }
}

extension PlannedHosts {
  /// The hosts of these ranks, taken to be like this one. Collective.
  static func here(_ engine: Engine, _ ranks: Ranks) -> PlannedHosts {
    let kind = Cluster.Kind(
      count: ranks.hosts, cores: max(Launch.cores, ranks.localCount), memory: usableMemory,
      ranks: ranks.localCount)
    return PlannedHosts(kinds: [kind], rates: rates(engine, ranks, cores: kind.cores))
  }

  /// Rates of a host. Speeds that are not given are measured on all ranks at once, as they will compute. Collective.
  /// - Parameters:
  ///   - cores: of a host; memory is taken to be faster in proportion on hosts with more cores than this one.
  ///   - copy: bytes per second that all its cores together read and write.
  ///   - products: operations per second of matrix products on one core.
  ///   - link: bytes per second between hosts, 10 Gbit/s if nothing gives them.
  ///   - latency: seconds, 50 µs if nothing gives them.
  static func rates(
    _ engine: Engine, _ ranks: Ranks, cores: Int, copy: Double? = nil,
    products: (ElementType) -> Double? = { _ in nil }, link: Double? = nil, latency: Double? = nil
  ) -> [ElementType: HostRates] {
    let used = Double(engine.pool.threads * ranks.count)
    let copy = copy ?? MachinePeak.copy(engine.pool, ranks) / used * Double(cores)
    let rates = ElementType.allCases.map { type in
      (
        type,
        HostRates(
          products: products(type) ?? MachinePeak.products(engine, ranks, type: type) / used, copy: copy,
          link: link ?? 10e9 / 8, latency: latency ?? 50e-6)
      )
    }
    return Dictionary(uniqueKeysWithValues: rates)
  }
}

/// Where the ranks are, by kind of host.
struct Arrangement: Equatable {
  var places: [Placement]

  var ranks: Int { places[0].ranks }

  /// The map of the rank with the largest share.
  func map(_ layout: ParameterLayout, stage: ZeroStage) -> ShardMap {
    ShardMap(layout: layout.trained, stage: stage, rank: ranks - 1, ranks: ranks)
  }
}

/// One arrangement with its costs.
struct PlanRow {
  /// What hosts of one kind need and take.
  struct Cost {
    let place: Placement
    /// The bytes of memory of a host.
    let limit: Double
    /// The estimate for the rank with the largest share.
    let memory: MemoryEstimate
    let step: StepEstimate

    /// The bytes that a host would need if all ranks had the largest share.
    var hostBytes: Double { Double(memory.bytes) * Double(place.ranksPerHost) }
  }

  let shape: RunShape
  let arrangement: Arrangement
  private let costs: [Cost]
  /// The kind of host with the least room.
  let tightest: Int
  private let slowest: Int

  init(shape: RunShape, arrangement: Arrangement, costs: [Cost]) {
    self.shape = shape
    self.arrangement = arrangement
    self.costs = costs
    tightest =
      costs.indices.max { costs[$0].hostBytes / costs[$0].limit < costs[$1].hostBytes / costs[$1].limit } ?? 0
    // The others wait for it.
    slowest = costs.indices.max { costs[$0].step.seconds < costs[$1].step.seconds } ?? 0
  }

  var place: Placement { arrangement.places[0] }
  var tightPlace: Placement { costs[tightest].place }
  var memory: MemoryEstimate { costs[tightest].memory }
  var hostBytes: Double { costs[tightest].hostBytes }
  /// The memory of the hosts with the least room.
  var limit: Double { costs[tightest].limit }
  var step: StepEstimate { costs[slowest].step }
  var fits: Bool { hostBytes <= limit }
}
