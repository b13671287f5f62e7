// swiftdp verify
import ArgumentParser
import Base
import Collectives
import Datasets
import Foundation
import Recipes
import Tensors
import Training

struct Verify: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Show that a run gives the same bits however it is arranged.",
    discussion: """
      Runs the first steps of a recipe with fewer and more ranks, threads and ZeRO stages, stopped and
      resumed, compares hashes of all weights and optimizer states, and checks the gradient against finite
      differences. Says how many numbers it compared. Example: mpirun -np 4 swiftdp verify run.yaml
      Exits with 0 only if all agree, and else with 70; having nothing to compare is no agreement. Needs room
      on the disk for two checkpoints.
      """)

  @Option(help: "Optimizer steps of each arrangement, at least 2.")
  var steps = 4
  @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
  var recipeAndSettings: [String] = []

  func validate() throws {
    try check("--steps", steps, in: 2...Int.max)
  }

  func run() throws {
    try onRanks { ranks in
      let (given, _) = try ranks.together { try readRecipe(recipeAndSettings) }
      let recipe = try given.withKernels(ranks) { Command.tell($0) }
        .retrieved(ranks: ranks, threads: given.parallel.threads ?? Launch.threads(ranks)) {
          Command.tell($0)
        }
      if recipe.data.readsStandardInput { try ranks.shareStandardInput() }
      let table = VerifyTable()
      if ranks.isFirst { table.begin() }
      let bits = try Verification(recipe, ranks: ranks, steps: steps).run { table.add($0) }
      let check = try check(recipe, ranks)
      if ranks.isFirst { print(words(bits, check)) }
      guard bits.isEqual, check.agrees else {
        try ranks.together {
          if ranks.isFirst {
            throw UserError(.software, "not all agree", at: "verify", hint: reason(bits, check))
          }
        }
        return
      }
      if ranks.isFirst { print("all agree") }
    }
  }

  /// Checks padding and finite differences, in the same way on every rank.
  private func check(_ recipe: Recipe, _ ranks: Ranks) throws -> ReplicaCheck {
    var recipe = recipe
    recipe.checkpoint.resume = .auto
    recipe.output += "/verify"
    // Finite differences move this rank's weights, and are too small for bfloat16.
    recipe.parallel.zero = .replicas
    recipe.parallel.sharesWeights = nil
    recipe.elementType = .float32
    return ReplicaCheck(
      try Run(recipe, ranks: ranks, threads: Launch.threads(ranks), observers: [], ledger: MemoryLedger()))
  }

  private func words(_ bits: Verification.Result, _ check: ReplicaCheck) -> String {
    var lines = [""]
    if let padding = check.padding {
      lines.append(
        "padding by \(padding.columns) columns changes the loss by \(scientific(padding.difference))")
    }
    for (number, derivative) in check.gradient.enumerated() {
      lines.append(
        "gradient, direction \(number + 1): \(scientific(derivative.expected)) against "
          + "\(scientific(derivative.measured)) by finite differences, \(scientific(derivative.error)) apart")
    }
    lines.append(
      "compared: \(grouped(bits.numbers)) numbers in each of \(counted(bits.arrangements, "arrangement")), "
        + "the loss of \(check.padding?.targets ?? 0) \(check.unit.words) with padding, "
        + "\(counted(check.gradient.count, "direction")) of a gradient of \(grouped(check.gradientCount)) numbers"
    )
    return lines.joined(separator: "\n")
  }

  private func reason(_ bits: Verification.Result, _ check: ReplicaCheck) -> String {
    if !bits.isEqual { return "this run depends on how it is arranged" }
    if check.gradient.isEmpty { return "the gradient is zero, and nothing could be compared with it" }
    return check.padding == nil
      ? "no micro-batch could be padded, and nothing was compared with it"
      : "the gradient or the padding is wrong"
  }
}

/// The table of arrangements; each row is printed as soon as it is known.
private struct VerifyTable {
  func begin() { row("arrangement", "last loss", "largest diff", "hash", "equal") }

  func add(_ result: VerificationRow) {
    row(
      result.name, result.loss.map { decimals($0, 6) } ?? "none", scientific(result.difference),
      String(result.hash.prefix(12)), result.isEqual ? "yes" : "NO")
  }

  private func row(_ cells: String...) {
    let columns = zip(cells, [34, 12, 14, 14, 6]).map { cell($0, width: $1) }
    StandardStream.output.write(columns.joined() + "\n")
  }
}
