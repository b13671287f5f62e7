import ArgumentParser

struct MakeTasks: ParsableCommand {
  func run() throws {}
}
