// swiftdp bench: how fast this machine is, beside its own limit.
import ArgumentParser

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure speed against this machine's limit.",
    discussion: """
      All ranks work at once; limits are measured in the same run.
      Example: mpirun -np 2 swiftdp bench model --shape gpt2-124m
      """,
    subcommands: [
      BenchModel.self, BenchGenerate.self, BenchMemory.self, BenchKernels.self, BenchCollectives.self,
      BenchCheckpoint.self,
      BenchTokenizer.self, BenchIndex.self, BenchAll.self,
    ])
}
