// swiftdp index: passages that questions are answered from.
import ArgumentParser

struct IndexCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "index",
    abstract: "Build an index of passages, change it, search it, and measure what it finds.",
    subcommands: [
      Build.self, Add.self, Update.self, Remove.self, Info.self, Search.self, Cluster.self, Mine.self,
      Measure.self,
    ])
}
