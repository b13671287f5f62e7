// How a run would scale from one host to many: at the same batch, and at a batch that grows with the hosts.
import Base
import Collectives
import Foundation
import Planning
import Sharding
import Tensors

struct Scaling {
  /// How gradients are summed, and in how large micro-batches.
  struct Way {
    let exact: Bool
    let microBatchSize: Int
    let step: StepEstimate
  }

  struct Row {
    let hosts: Int
    let ranks: Int
    /// The sequences of a step.
    let sequences: Int
    /// As the recipe says, and the fastest way that fits.
    let own: Way
    let best: Way
    /// The rate of one host, times the hosts, is 1.
    let efficiency: Double
  }

  /// What does not depend on the batch.
  struct Start {
    let hosts: Int
    /// Seconds until every host has read the weights, one reader each, from one file system.
    let readSeconds: Double
    let saveSeconds: Double
    /// Seconds between checkpoints.
    let interval: Double
    /// The connections to the first rank, by which the other hosts are watched.
    let connections: Int
  }

  let strong: [Row]
  let weak: [Row]
  let starts: [Start]

  init(_ planner: Planner, _ best: PlanRow, upTo most: Int, _ failures: FailureRate) {
    let counts = sequence(first: 1) { $0 * 2 }.prefix { $0 <= most }
    let batch = planner.recipe.stepSequences
    let ranksPerHost = best.place.ranksPerHost
    var strong: [Row] = []
    var weak: [Row] = []
    var starts: [Start] = []
    for count in counts where count * ranksPerHost <= 1 << 14 {
      var hosts = planner.hosts
      hosts.kinds = [hosts.kinds[0]]
      hosts.kinds[0].count = count
      let planner = planner.on(hosts)
      let arrangement = planner.arrangement(ranksPerHost: ranksPerHost)
      let ways = Self.ways(planner, best.shape, arrangement)
      strong.append(Self.row(planner, arrangement, ways, sequences: batch, before: strong.first))
      weak.append(Self.row(planner, arrangement, ways, sequences: batch * count, before: weak.first))
      let checkpoint = failures.checkpoint(planner)
      let weights = Double(planner.layout.count * best.shape.type.bytes)
      starts.append(
        Start(
          hosts: count, readSeconds: weights * Double(count) / failures.disk,
          saveSeconds: checkpoint.seconds, interval: checkpoint.interval,
          connections: (count - 1) * min(ranksPerHost, Watch.speakersOfHost)))
    }
    self.strong = strong
    self.weak = weak
    self.starts = starts
  }

  /// Exact sums or not, with micro-batches of the recipe's size and twice, four times and eight times that, as far as
  /// memory allows; the recipe's own way first.
  private static func ways(_ planner: Planner, _ shape: RunShape, _ arrangement: Arrangement) -> [RunShape] {
    [shape.exact, !shape.exact].flatMap { exact in
      [1, 2, 4, 8].compactMap { factor in
        var other = shape
        other.exact = exact
        other.batch.sequences *= factor
        let isOwn = factor == 1 && exact == shape.exact
        return isOwn || planner.row(other, arrangement).fits ? other : nil
      }
    }
  }

  private static func row(
    _ planner: Planner, _ arrangement: Arrangement, _ ways: [RunShape], sequences: Int, before first: Row?
  ) -> Row {
    let steps = ways.map { shape in
      Way(
        exact: shape.exact, microBatchSize: shape.batch.sequences / max(planner.recipe.adapters.count, 1),
        step: planner.row(shape, arrangement, sequences: sequences).step)
    }
    let own = steps[0]
    let best = steps.min { $0.step.seconds < $1.step.seconds } ?? own
    let rate = best.step.tokensPerSecond
    let one = first.map { $0.best.step.tokensPerSecond } ?? rate
    return Row(
      hosts: planner.hosts.count, ranks: arrangement.ranks, sequences: sequences, own: own,
      // A way that gains less than a tenth is not worth other bits.
      best: best.step.seconds < own.step.seconds * 0.9 ? best : own,
      efficiency: rate / (one * Double(planner.hosts.count)))
  }
}

extension Scaling {
  var lines: [String] {
    ["", "the same batch on more hosts: s of a step, of which between hosts; efficiency against one host"]
      + table(strong)
      + ["", "a batch that grows with the hosts"] + table(weak)
      + [
        "",
        "start and checkpoints: s to read the weights (one reader a host) and to write a checkpoint; when one is due",
      ]
      + aligned(
        [["hosts", "read", "write", "every", "connections"]]
          + starts.map {
            [
              "\($0.hosts)", decimals($0.readSeconds, 1), decimals($0.saveSeconds, 1), duration($0.interval),
              "\($0.connections)",
            ]
          }, textColumns: 0)
  }

  private func table(_ rows: [Row]) -> [String] {
    aligned(
      [["hosts", "ranks", "sequences", "step", "between", "tokens/s", "efficiency", "better"]]
        + rows.map { row in
          let step = row.own.step
          let isOwn = row.best.exact == row.own.exact && row.best.microBatchSize == row.own.microBatchSize
          let change = [
            row.best.exact != row.own.exact ? "exact=\(row.best.exact)" : "",
            row.best.microBatchSize != row.own.microBatchSize
              ? "micro_batch_size=\(row.best.microBatchSize)" : "",
            isOwn ? "" : "(\(decimals(row.best.step.seconds, 3)) s)",
          ].filter { !$0.isEmpty }.joined(separator: " ")
          return [
            "\(row.hosts)", "\(row.ranks)", "\(row.sequences)", decimals(step.seconds, 3),
            decimals(step.exchange, 3), decimals(step.tokensPerSecond, 0),
            decimals(row.efficiency * 100, 0) + " %", change,
          ]
        }, textColumns: 0)
  }

  var json: JSON {
    .object([
      "strong": .array(strong.map(json)), "weak": .array(weak.map(json)),
      "starts": .array(
        starts.map {
          .object([
            "hosts": .integer($0.hosts), "read_seconds": .number($0.readSeconds),
            "write_seconds": .number($0.saveSeconds), "checkpoint_seconds": .number($0.interval),
            "connections": .integer($0.connections),
          ])
        }),
    ])
  }

  private func json(_ row: Row) -> JSON {
    func way(_ way: Way) -> JSON {
      .object([
        "exact": .bool(way.exact), "micro_batch_size": .integer(way.microBatchSize),
        "seconds": .number(way.step.seconds), "exchange_seconds": .number(way.step.exchange),
        "wire_seconds": .number(way.step.wire), "tokens_per_second": .number(way.step.tokensPerSecond),
      ])
    }
    return .object([
      "hosts": .integer(row.hosts), "ranks": .integer(row.ranks), "sequences": .integer(row.sequences),
      "own": way(row.own), "best": way(row.best), "efficiency": .number(row.efficiency),
    ])
  }
}
