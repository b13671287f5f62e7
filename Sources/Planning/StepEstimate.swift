// How long a step takes, by a simple count: matrix products, bytes through memory, bytes between hosts.
//
// Slices leave for other hosts while backward computes, segment by segment; only what backward cannot cover is counted
// as exchange. The estimate is for comparing arrangements.
import Foundation
import Graph
import Models
import Optimizers
import Sharding
import Tensors

/// The rates of a host.
package struct HostRates: Sendable {
  /// Operations per second of matrix products on one core.
  package var products: Double
  /// Bytes per second that all cores together read and write.
  package var copy: Double
  /// Bytes per second that a host sends to others; it receives as many at the same time.
  package var link: Double
  /// Seconds that a message takes from one host to another, beside its bytes.
  package var latency: Double

  package init(products: Double, copy: Double, link: Double, latency: Double = 0) {
    self.products = products
    self.copy = copy
    self.link = link
    self.latency = latency
  }
}

package struct StepEstimate: Sendable {
  /// Seconds in matrix products; in passes over activations, gradients, states and weights; and between hosts, as far
  /// as no computation covers them.
  package let products: Double
  package let passes: Double
  package let exchange: Double
  /// Seconds that the bytes between hosts take, covered or not.
  package let wire: Double
  /// Bytes that each host sends to others.
  package let traffic: Double
  package let tokens: Int

  package var seconds: Double { products + passes + exchange }
  package var tokensPerSecond: Double { Double(tokens) / seconds }

  /// The rate of a step's products as a share of the matrix peak (docs/plan.md).
  package static let efficiency = 0.93
  /// How much longer norms, softmax and activation functions take than a copy of the numbers that they read and
  /// write (docs/plan.md).
  package static let effort = 2.0

  /// The share of a link's rate that is left for messages, beside headers (docs/plan.md).
  package static let carried = 0.95

  /// - Parameters:
  ///   - map: the map of any rank.
  ///   - sequences: the number of sequences of a step, over all ranks.
  package init(
    _ map: ShardMap, _ program: ProgramEstimate, _ shape: RunShape, _ place: Placement, sequences: Int,
    rates: HostRates
  ) {
    let float = 4.0
    let (ranks, local, hosts) = (Double(place.ranks), Double(place.ranksPerHost), Double(place.hosts))
    let trained = Double(map.layout.trainedCount)
    let weightBytes = Double(map.layout.trainedCount * shape.type.bytes)
    // Parts of the sum of gradients: micro-batches, or their chunks.
    let microBatches =
      (sequences + shape.batch.sequences - 1) / shape.batch.sequences * shape.context
    let rounds = Double((microBatches + place.ranks - 1) / place.ranks)
    // Audits compute some micro-batches again.
    let computed = rounds * (1 + shape.audit)
    let addsFirst = GradientSum.addsFirst(stage: shape.stage, ranks: place.ranks, exact: shape.exact)
    let exchanges = addsFirst ? 1 : rounds
    let senders = Double(min(microBatches, place.ranks))
    tokens = sequences * shape.batch.length

    products =
      computed * program.productOperations / (Double(place.threads) * rates.products * Self.efficiency)

    // The bytes of one host: norms, softmax, activation functions and sums of activations.
    var bytes = local * computed * float * program.touched * Self.effort
    let round = (products + bytes / rates.copy) / rounds
    // Owners read the part of every sender and write the sum; from round two on they read the sum too.
    let owned = trained / hosts
    bytes += owned * float * (exchanges * (senders + 2) - 1)
    // A rank's own sum of its micro-batches: two numbers are read, one is written.
    if addsFirst { bytes += local * rounds * 3 * float * trained }
    // The update reads weights, gradients and states, and writes all but the gradients; bfloat16 is rounded
    // afterwards.
    let updated = shape.stage == .replicas ? local * trained : owned
    let states = shape.rule.stateCopies(of: map.layout.parameters.map(\.spec))
    bytes += updated * (float * (3 + 2 * states) + (shape.type == .float32 ? 0 : 6))

    // In each round, a rank sends its slice to every owner on another host.
    let away = (ranks - min(local, ranks)) / ranks
    let gradients = exchanges * local * trained * Double(shape.wire.bytes) * away
    var weights = 0.0
    if shape.sharesHostWeights(place) {
      // A host sends what its ranks updated to each other host.
      weights = weightBytes / hosts * (hosts - 1)
    } else if place.ranks > 1 {
      // In a ring over all ranks, each slice leaves each host once. If all ranks update, the sums travel instead.
      let gathered = shape.stage == .replicas ? trained * float : weightBytes
      bytes += local * 2 * gathered
      if hosts > 1 { weights = gathered * (ranks - 1) / ranks }
    }
    traffic = gradients + weights
    let rate = rates.link * Self.carried
    passes = bytes / rates.copy
    wire = traffic / rate
    guard hosts > 1 else {
      exchange = 0
      return
    }
    // Backward is two thirds of a round, and forward the rest. The last segments of a round travel behind the next
    // forward, if there is one; so do updated weights, of which forward waits for the embedding first if that is small,
    // and for some rows otherwise.
    let forward = round / 3
    let tail = Self.uncovered(gradients / exchanges / rate, map.layout, backward: round * 2 / 3)
    let fetching = weights / rate
    let last = map.layout.segments.last?.range
    let comesByRow = map.layout.tablesByRow.contains { map.layout.parameters[$0].range == last }
    let first = comesByRow ? 0 : Double(last?.count ?? 0) / max(trained, 1)
    // Replicas that each update all weights, or do not share them, wait for all of them.
    let isBehind = shape.sharesHostWeights(place) || (place.ranksPerHost == 1 && shape.stage != .replicas)
    let fetched = isBehind ? max(fetching * first, fetching - forward) : fetching
    exchange =
      (exchanges - 1) * max(tail - forward, 0) + tail + fetched + exchanges * 2 * rates.latency
      + Self.meetings * (log2(ranks)).rounded(.up) * rates.latency
  }

  /// Seconds that a round's gradients take to leave after backward. A segment leaves when backward has come to it and
  /// those before it are away. The last one is the embedding, which is final at the end, with the last layer.
  /// - Parameter sending: seconds that all gradients of a round take on the wire.
  private static func uncovered(_ sending: Double, _ layout: ParameterLayout, backward: Double) -> Double {
    let trained = Double(layout.trainedCount)
    let before = trained - Double(layout.segments.last?.range.count ?? 0)
    var (final, away) = (0.0, 0.0)
    for segment in layout.segments {
      let count = Double(segment.range.count)
      final = before > 0 ? min(backward, final + backward * count / before) : backward
      away = max(away, final) + sending * count / trained
    }
    return away - backward
  }

  /// The calls of a step in which all ranks meet, each of which takes a message for every doubling of their number.
  private static let meetings = 5.0
}
