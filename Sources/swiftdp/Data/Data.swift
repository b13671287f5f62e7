// swiftdp data: what is done with data before it is trained on.
import ArgumentParser

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Look at data, and convert it.",
    subcommands: [
      Convert.self
    ])
}
