// swiftdp cluster: what launch scripts ask about a cluster's file.
import ArgumentParser
import Base
import Recipes

struct ClusterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cluster",
    abstract: "Print what the file of a cluster says to mpirun and to a recipe, a word or a line each.",
    discussion: "The scripts in launch/ use it for --cluster FILE. docs/clusters.md describes the file.",
    subcommands: [Mpirun.self, Settings.self, Hosts.self, Network.self])

  struct File: ParsableArguments {
    @Argument(help: "The YAML file of a cluster.")
    var file: String

    func cluster() throws -> Cluster { try Cluster(file: file, paths: Launch.paths) }
  }

  struct Mpirun: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The options of mpirun: mapping, binding, parameters and variables.")
    @OptionGroup var file: File
    func run() throws { tell(try file.cluster().mpirunWords) }
  }

  struct Settings: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "The settings of a recipe, section.key=value.")
    @OptionGroup var file: File
    func run() throws { tell(try file.cluster().recipeSettings) }
  }

  struct Hosts: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "A hostfile for mpirun; nothing if a scheduler names the hosts.")
    @OptionGroup var file: File
    func run() throws { tell(try file.cluster().hostLines) }
  }

  struct Network: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "The network that all hosts of a hostfile are in, such as 10.0.0.0/24; nothing if it is not one.")
    @Argument(help: "A hostfile of Open MPI.")
    var hostfile: String
    func run() throws {
      let hosts = try HostList(["mpirun", "--hostfile", hostfile]).hosts
      tell(HostNetwork.common(to: hosts.map(\.name)).map { [$0] } ?? [])
    }
  }

  private static func tell(_ words: [String]) {
    for word in words { print(word) }
  }
}
