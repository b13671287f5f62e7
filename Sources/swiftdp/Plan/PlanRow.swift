// What a plan is about: hosts, ranks on them, and what one way to run costs.
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
