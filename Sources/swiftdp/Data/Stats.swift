// swiftdp data stats
import ArgumentParser
import Base
import Collectives
import Datasets
import Inspection
import Kernels
import Planning
import Recipes
import Tensors
import Training

extension DataCommand {
  struct Stats: ParsableCommand, SharedByRanks {
    static let configuration = CommandConfiguration(
      abstract:
        "Count a recipe's data: lengths, padding, packing, targets, sources, and the time of an epoch.",
      discussion: """
        Takes a recipe and settings as train does, and reads all data as train does. The time is that of swiftdp plan for
        the ranks that it is started with, at speeds that it measures here: mpirun -np 4 swiftdp data stats run.yaml
        """)

    @Flag(inversion: .prefixedNo, help: "Measure this machine, to tell how long an epoch takes.")
    var time = true
    @Flag(help: "One JSON object instead of words.")
    var json = false
    @Option(help: "Which task of a recipe with several.")
    var task: String?
    @Argument(help: "The recipe, a YAML file, and settings section.key=value.")
    var recipeAndSettings: [String] = []

    func run() throws {
      try onRanks { ranks in
        let read = try ranks.together { ranks.isFirst ? try RecipeData(recipeAndSettings, task: task) : nil }
        let engine = time ? try ranks.together { try Engine(threads: Launch.threads(ranks)) } : nil
        let hosts = engine.map { PlannedHosts.here($0, ranks) }
        try ranks.together {
          guard let read else { return }
          let data = try read.data.get()
          let lines = ProgressLines()
          var statistics = DataStatistics(
            read.facts, data.dataset, stream: data.stream,
            names: SourceLosses.names(of: read.recipe.data.sources),
            unit: type(of: read.recipe.objective).unit.words
          ) { rows in
            if rows % 1024 == 0 { lines.tell { counted(rows, "row") } }
          }
          if let hosts { statistics.time = try time(of: read, statistics, steps: data.steps, hosts, ranks) }
          try StandardStream.output.writeAll((json ? statistics.json.encoded() : statistics.text) + "\n")
        }
      }
    }

    /// A step as `plan` estimates it, with rows as long as they are in the mean.
    private func time(
      of read: RecipeData, _ statistics: DataStatistics, steps: Int, _ hosts: PlannedHosts, _ ranks: Ranks
    ) throws -> (secondsOfStep: Double, steps: Int, words: String) {
      let planner = try Planner(read.recipe, hosts)
      var shape = planner.shape
      shape.batch.length = statistics.meanRowLength
      let row = planner.row(shape, planner.arrangement(ranksPerHost: ranks.localCount))
      let place = row.place
      return (
        row.step.seconds, steps,
        "as plan estimates it for \(counted(place.ranks, "rank")) × \(counted(place.threads, "thread")) here"
      )
    }
  }
}
