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
      differences. Example: mpirun -np 4 swiftdp verify run.yaml
      Exits with 0 only if all agree, and else with 70. Needs room on the disk for two checkpoints.
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
      let (recipe, _) = try ranks.together { try readRecipe(recipeAndSettings) }
      let table = VerifyTable()
      if ranks.isFirst { table.begin() }
      let bits = try Verification(recipe, ranks: ranks, steps: steps).run { table.add($0) }
      let checks = try check(recipe, ranks)
      if ranks.isFirst { for line in checks.lines { print(line) } }
      guard bits, checks.agree else {
        try ranks.together {
          if ranks.isFirst {
            throw UserError(
              .software, "not all agree", at: "verify",
              hint: bits ? "the gradient or the padding is wrong" : "this run depends on how it is arranged")
          }
        }
        return
      }
      if ranks.isFirst { print("all agree") }
    }
  }

  /// Padding and finite differences, on every rank alike.
  private func check(_ recipe: Recipe, _ ranks: Ranks) throws -> (agree: Bool, lines: [String]) {
    var recipe = recipe
    recipe.checkpoint.resume = .auto
    recipe.output += "/verify"
    // Finite differences move the weights of this rank, and are too small for bfloat16.
    recipe.parallel.zero = .replicas
    recipe.parallel.sharesWeights = nil
    recipe.modelType = .float32
    let run = try Run(
      recipe, ranks: ranks, threads: Launch.threads(ranks), observers: [], ledger: MemoryLedger())
    var stream = run.data.stream
    let microBatch = stream.microBatches(step: 0)[0]
    let batch = run.data.dataset.train.batch(microBatch, mask: recipe.data.packingMask)
    var lines = [""]
    var agree = true
    let plain = run.replica.loss(batch)
    let room = run.replica.description.family.maximumLength - batch.length
    if room > 0, batch.targetCount > 0 {
      let padded = run.replica.loss(batch.padded(by: min(room, 13)))
      let difference = abs(padded / plain - 1)
      agree = difference <= 1e-5
      lines.append("padding by \(min(room, 13)) columns changes the loss by \(scientific(difference))")
    }
    for (number, derivative) in run.replica.checkGradient(batch, directions: 3, seed: 1).enumerated() {
      agree = agree && derivative.error <= 2e-2
      lines.append(
        "gradient, direction \(number + 1): \(scientific(derivative.expected)) against "
          + "\(scientific(derivative.measured)) by finite differences, \(scientific(derivative.error)) apart")
    }
    return (agree, lines)
  }
}

/// The table of arrangements, a row as soon as it is known.
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
