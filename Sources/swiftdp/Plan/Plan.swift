// swiftdp plan
import ArgumentParser
import Base
import Collectives
import Foundation
import Kernels
import Planning
import Recipes
import Tensors
import Training

struct Plan: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Show what a run would need in memory, traffic and time, and how best to arrange it.",
    discussion: """
      Reads the recipe and the model's config.json; no weights are needed. The speed of cores and memory is
      measured here, unless it is given. docs/plan.md says how everything is counted.
      Example: swiftdp plan run.yaml --hosts 4 --ranks-per-host 8 --cores 32 --memory 64G --link 25G
      """)

  @Option(help: "The YAML file of a cluster (docs/clusters.md); the options below win over it.")
  var cluster: String?
  @Option(help: "How many hosts; 1 by default.")
  var hosts: Int?
  @Option(help: "Ranks of a host; by default as many as are fastest.")
  var ranksPerHost: Int?
  @Option(help: "Cores of a host; this machine's by default, and at least one a rank.")
  var cores: Int?
  @Option(help: "Bytes of memory of a host, such as 64G; this machine's by default.")
  var memory: Amount?
  @Option(help: "Bits a second between hosts, such as 25G; 10G by default.")
  var link: Amount?
  @Option(help: "Microseconds that a message takes from host to host; 50 by default.")
  var latency: Double?
  @Option(help: "GFLOP/s of matrix products of one core in the recipe's type; measured by default.")
  var gflops: Double?
  @Option(
    help:
      "Bytes a second that a host's memory can copy, read and written; by default measured here for each core."
  )
  var bandwidth: Amount?
  @Option(help: "Bytes a second that all hosts together can write to the output folder; 1G by default.")
  var disk: Amount?
  @Option(help: "Show how the run would scale, on 1, 2, 4 and so on up to so many hosts of the first kind.")
  var upTo: Int?
  @Flag(help: "One JSON object instead of words.")
  var json = false
  @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
  var recipeAndSettings: [String] = []

  func validate() throws {
    for (name, value) in [("--hosts", hosts), ("--up-to", upTo)] {
      guard (1...1 << 14).contains(value ?? 1) else {
        throw ValidationError("\(name) must be from 1 to 16384")
      }
    }
    for (name, value) in [("--ranks-per-host", ranksPerHost), ("--cores", cores)] {
      guard (1...4096).contains(value ?? 1) else { throw ValidationError("\(name) must be from 1 to 4096") }
    }
    guard gflops ?? 1 > 0 else { throw ValidationError("--gflops must be more than 0") }
    guard (0...1e9).contains(latency ?? 0) else { throw ValidationError("--latency must not be below 0") }
  }

  func run() throws {
    try onRanks { ranks in
      let cluster: Cluster? = try ranks.together {
        try self.cluster.map { try Cluster(file: $0, paths: Launch.paths) }
      }
      let (recipe, _) = try ranks.together {
        try readRecipe(recipeAndSettings, below: cluster?.recipeSettings ?? [])
      }
      let engine = try ranks.together { try Engine(threads: Launch.threads(ranks)) }
      let hosts = plannedHosts(cluster, engine, ranks)
      try ranks.together {
        let most = max(hosts.kinds.reduce(0) { $0 + $1.count * ($1.ranks ?? 1) }, upTo ?? 1)
        guard most <= 1 << 14 else {
          throw UserError(.usage, "\(grouped(most)) ranks are more than the 16,384 that a plan can have")
        }
      }
      let planner = try ranks.together { try Planner(recipe, hosts) }
      try ranks.together {
        guard ranks.isFirst else { return }
        let arrangements = planner.divisions.map { planner.arrangement(ranksPerHost: $0) }
          .filter { $0.ranks <= 1 << 14 }
        let rows = arrangements.map { planner.rows($0) }
        let all = rows.flatMap { $0 }
        guard let best = planner.best(all) ?? all.min(by: { $0.hostBytes < $1.hostBytes }) else {
          throw UserError(.usage, "the hosts have more than 16,384 ranks", hint: "give --ranks-per-host")
        }
        let failures = FailureRate(cluster, disk: disk)
        let evaluation = Result { try EvaluationPlan(planner, best.step, engine: engine) }
        let table = PlanTable(
          planner: planner, recipe: recipe, arguments: recipeAndSettings, clusterFile: self.cluster,
          rows: rows.first { $0[0].arrangement == best.arrangement } ?? [], best: best,
          checkpoint: failures.checkpoint(planner),
          evaluation: evaluation,
          scaling: upTo.map { Scaling(planner, best, upTo: $0, failures) })
        print(json ? table.json.encoded() : table.text)
        guard best.fits else { throw nothingFits(least: best, recipe) }
      }
    }
  }

  private func nothingFits(least: PlanRow, _ recipe: Recipe) -> UserError {
    UserError(
      .data,
      "needs at least \(gigabytes(least.hostBytes)) a host (\(counted(least.tightPlace.ranksPerHost, "rank")), "
        + "\(least.shape.type.rawValue), recompute \(least.shape.recompute.rawValue)), "
        + "and a host has \(gigabytes(least.limit))",
      at: recipe.model, hint: "more hosts, fewer ranks a host, or a smaller training.micro_batch_size")
  }

  /// What the options say, then the cluster's file, then this machine. Speeds that nothing gives are measured on all
  /// ranks at once, as they will compute. Collective.
  private func plannedHosts(_ cluster: Cluster?, _ engine: Engine, _ ranks: Ranks) -> PlannedHosts {
    var kinds =
      cluster?.kinds ?? [
        Cluster.Kind(count: 1, cores: max(Launch.cores, ranksPerHost ?? 1), memory: usableMemory)
      ]
    if let hosts {
      kinds = [kinds[0]]
      kinds[0].count = hosts
    }
    for index in kinds.indices {
      kinds[index].cores = cores ?? kinds[index].cores
      kinds[index].memory = memory?.value ?? kinds[index].memory
      kinds[index].ranks = ranksPerHost ?? kinds[index].ranks
    }
    return PlannedHosts(
      kinds: kinds,
      rates: PlannedHosts.rates(
        engine, ranks, cores: kinds[0].cores, copy: bandwidth?.value ?? cluster?.copy,
        products: { type in
          (gflops ?? (type == .float32 ? cluster?.float32 : cluster?.bfloat16)).map { $0 * 1e9 }
        }, link: (link?.value ?? cluster?.bandwidth).map { $0 / 8 },
        latency: latency.map { $0 * 1e-6 } ?? cluster?.latency))
  }
}
