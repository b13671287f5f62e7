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

  @Option(help: "How many hosts.")
  var hosts = 1
  @Option(help: "Ranks of a host; by default as many as are fastest.")
  var ranksPerHost: Int?
  @Option(help: "Cores of a host; this machine's by default, and at least one a rank.")
  var cores: Int?
  @Option(help: "Bytes of memory of a host, such as 64G; this machine's by default.")
  var memory: Amount?
  @Option(help: "Bits a second between hosts, such as 25G.")
  var link = Amount(10e9)
  @Option(help: "GFLOP/s of matrix products of one core in the recipe's type; measured by default.")
  var gflops: Double?
  @Option(
    help:
      "Bytes a second that a host's memory can copy, read and written; by default measured here for each core."
  )
  var bandwidth: Amount?
  @Flag(help: "One JSON object instead of words.")
  var json = false
  @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
  var recipeAndSettings: [String] = []

  func validate() throws {
    guard (1...1 << 14).contains(hosts) else { throw ValidationError("--hosts must be from 1 to 16384") }
    for (name, value) in [("--ranks-per-host", ranksPerHost), ("--cores", cores)] {
      guard (1...4096).contains(value ?? 1) else { throw ValidationError("\(name) must be from 1 to 4096") }
    }
    guard hosts * (ranksPerHost ?? cores ?? 1) <= 1 << 14 else {
      throw ValidationError("--hosts and --ranks-per-host must make 16384 ranks at most")
    }
    guard gflops ?? 1 > 0 else { throw ValidationError("--gflops must be more than 0") }
  }

  func run() throws {
    try onRanks { ranks in
      let (recipe, _) = try ranks.together { try readRecipe(recipeAndSettings) }
      let engine = try ranks.together { try Engine(threads: Launch.threads(ranks)) }
      let planner = try ranks.together { try Planner(recipe, measure(engine, ranks)) }
      try ranks.together {
        guard ranks.isFirst else { return }
        let places = (ranksPerHost.map { [$0] } ?? planner.divisions).map { planner.place(ranksPerHost: $0) }
        let rows = places.map { planner.rows($0) }
        let all = rows.flatMap { $0 }
        guard let best = planner.best(all) ?? all.min(by: { $0.hostBytes < $1.hostBytes }) else {
          preconditionFailure("a plan without rows")
        }
        let table = PlanTable(
          planner: planner, recipe: recipe, arguments: recipeAndSettings,
          rows: rows.first { $0[0].place == best.place } ?? [], best: best)
        print(json ? table.json.encoded() : table.text)
        guard best.fits else { throw nothingFits(least: best, recipe, planner.hosts) }
      }
    }
  }

  private func nothingFits(least: PlanRow, _ recipe: Recipe, _ hosts: PlannedHosts) -> UserError {
    UserError(
      .data,
      "needs at least \(gigabytes(least.hostBytes)) a host (\(counted(least.place.ranksPerHost, "rank")), "
        + "\(least.shape.type.rawValue), recompute \(least.shape.recompute.rawValue)), "
        + "and a host has \(gigabytes(hosts.memory))",
      at: recipe.model, hint: "more hosts, fewer ranks a host, or a smaller training.micro_batch_size")
  }

  /// Measures all ranks at once, as they will compute. Collective.
  private func measure(_ engine: Engine, _ ranks: Ranks) -> PlannedHosts {
    let used = Double(engine.pool.threads * ranks.count)
    let planned = cores ?? max(Launch.cores, ranksPerHost ?? 1)
    // Memory is taken to be faster in proportion on hosts with more cores than this one.
    let copy = bandwidth?.value ?? MachinePeak.copy(engine.pool, ranks) / used * Double(planned)
    let rates = ElementType.allCases.map { type in
      let products = gflops.map { $0 * 1e9 } ?? MachinePeak.products(engine, ranks, type: type) / used
      return (type, HostRates(products: products, copy: copy, link: link.value / 8))
    }
    return PlannedHosts(
      count: hosts, cores: planned,
      memory: memory?.value ?? usableMemory, rates: Dictionary(uniqueKeysWithValues: rates))
  }
}
