import ArgumentParser

struct Checkpoint: ParsableCommand {
  func run() throws {}
}
