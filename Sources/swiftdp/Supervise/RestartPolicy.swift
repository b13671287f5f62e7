// Whether a run that ended is started again, and when.
import Base

struct RestartPolicy {
  /// How a run ended.
  struct Event {
    let what: String
    let code: Int32
    /// The step that failed, if it is known, and the words for it.
    var step: (number: Int, words: String)?
    /// The signal that asked this process to end.
    var wasAsked: String?

    init(what: String, code: Int32) {
      self.what = what
      self.code = code
    }
  }

  private static let longestPause = 60.0
  /// How many times in a row the same step may fail.
  private static let tries = 3

  private let restarts: Int
  private var pause: Double
  private var restart = 0
  private var failing: (step: Int, times: Int)?

  init(restarts: Int, pause: Double) {
    self.restarts = restarts
    self.pause = pause
  }

  /// - Returns: what to say, and how long to wait; a nil pause means the end.
  mutating func decide(_ event: Event) -> (line: String?, pause: Double?) {
    if event.code == 0 { return (restart == 0 ? nil : "done, after \(counted(restart, "restart"))", nil) }
    let step = event.step.map { " " + $0.words } ?? ""
    func giveUp(_ reason: String) -> (String?, Double?) { ("\(event.what)\(step): \(reason)", nil) }
    if let signal = event.wasAsked { return giveUp("ended by \(signal), not started again") }
    if event.code == ExitCode.usage.rawValue || event.code == ExitCode.data.rawValue {
      return giveUp("not started again, since that would not mend it")
    }
    if let step = event.step?.number {
      failing = (step, failing?.step == step ? failing!.times + 1 : 1)
      if failing!.times >= Self.tries {
        return giveUp("the same step has failed \(Self.tries) times: giving up")
      }
    } else {
      failing = nil
    }
    guard restart < restarts else { return giveUp("giving up after \(counted(restart, "restart"))") }
    restart += 1
    defer { pause = min(2 * pause, Self.longestPause) }
    return (
      "\(event.what)\(step): restart \(restart) of \(restarts) in \(seconds(pause)) s",
      min(pause, Self.longestPause)
    )
  }

  private func seconds(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }
}
