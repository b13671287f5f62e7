// swiftdp top
import ArgumentParser
import Base
import Foundation
import Reports

struct Top: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Follow a run from another terminal or host, through its files alone.",
    discussion: "Ends with the run, or with Ctrl-C. Without a terminal, it shows how the run stands, once.")

  @Argument(help: "The output folder of a run.", transform: Launch.path)
  var folder: String
  @Flag(help: "Show how the run stands, once.")
  var once = false

  /// Seconds between two looks at the files.
  private static let interval = 2.0

  func run() throws {
    var picture = TopPicture()
    while true {
      let run = try RunFolder(folder)
      let form = Launch.terminalForm
      try StandardStream.output.writeAll(
        picture.text(
          run, form ?? TerminalForm(columns: 100, takesUnicode: Launch.takesUnicode, takesColors: false)))
      guard !once, form != nil, case .running = run.state else { return }
      Thread.sleep(forTimeInterval: Self.interval)
    }
  }
}
