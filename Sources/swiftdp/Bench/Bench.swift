// swiftdp bench: how fast this machine does what, beside its own limit.
import ArgumentParser

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure speed against this machine's limit.",
    discussion: "Example: mpirun -np 2 swiftdp bench model --shape gpt2-124m",
    subcommands: [BenchModel.self])
}
