// Lines on standard error that say how far a command has come, for work that takes more than two seconds.
import Base
import Foundation

final class ProgressLines {
  private var next = Date().addingTimeInterval(2)
  private var pause = 3.0
  /// Work that takes hours needs no more lines than that.
  private static let longest = 60.0

  /// - Parameter words: asked for where it is time for a line: the second second, and then less and less often.
  func tell(_ words: () -> String) {
    let now = Date()
    guard now >= next else { return }
    Command.tell(words())
    next = now.addingTimeInterval(pause)
    pause = min(1.5 * pause, Self.longest)
  }
}
