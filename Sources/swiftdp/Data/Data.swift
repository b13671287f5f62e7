// swiftdp data: what is done with data before it is trained on.
import ArgumentParser

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Check data, look at it, prepare and convert it, and show chats as a model reads them.",
    subcommands: [
      Check.self, Show.self, Stats.self,
      Cache.self, Convert.self, Render.self,
      Prepare.self,
    ])
}
