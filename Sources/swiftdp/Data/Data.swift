// swiftdp data: what is done with data before it is trained on.
import ArgumentParser

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data", abstract: "Look at data, convert it, and show chats as a model reads them.",
    subcommands: [
      Cache.self, Convert.self, Render.self,
      Prepare.self,
    ])
}
