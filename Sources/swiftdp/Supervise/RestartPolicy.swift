// Whether a run that ended is started again, and when.
import Base
import Training

struct RestartPolicy {
  /// How a run ended.
  struct Event {
    let what: String
    let code: Int32
    /// The step that failed, if it is known, and the words for it.
    var step: (number: Int, words: String)?
    /// The signal that asked this process to end.
    var wasAsked: String?
    /// Why the run stopped in order, if it did.
    var stopped: StopFile.Reason?
    /// Whether there is a newer checkpoint than at the start of the first run; nil if that is not known.
    var isFurther: Bool?

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

  enum Decision {
    /// Start the run again after a pause of so many seconds.
    case restart(line: String, pause: Double)
    case end(line: String?, code: Int32)

    var line: String? {
      switch self {
      case .restart(let line, _): line
      case .end(let line, _): line
      }
    }
  }

  mutating func decide(_ event: Event) -> Decision {
    if event.code == 0 {
      return .end(line: restart == 0 ? nil : "done, after \(counted(restart, "restart"))", code: 0)
    }
    let step = event.step.map { " " + $0.words } ?? ""
    func end(_ reason: String, code: Int32) -> Decision {
      .end(line: "\(event.what)\(step): \(reason)", code: code)
    }
    // Whoever started this process (a scheduler, for one) starts it again after 75, which must not go on for ever.
    func giveUp(_ reason: String) -> Decision {
      guard event.code == ExitCode.tryAgain.rawValue, event.isFurther == false else {
        return end(reason, code: event.code)
      }
      return end(
        reason + "; it got no checkpoint further, so this ends with \(ExitCode.software.rawValue)",
        code: ExitCode.software.rawValue)
    }
    // Whatever mpirun made of it: a scheduler may have ended its daemons on other hosts by then.
    let code = event.stopped == nil ? event.code : ExitCode.tryAgain.rawValue
    if let signal = event.wasAsked { return end("ended by \(signal), not started again", code: code) }
    if let reason = event.stopped {
      let why = reason == .time ? "its time is over" : "stopped by a signal"
      return end(why + ", not started again", code: code)
    }
    if event.code == ExitCode.usage.rawValue || event.code == ExitCode.data.rawValue {
      return end("not started again, since that would not mend it", code: code)
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
    return .restart(
      line: "\(event.what)\(step): restart \(restart) of \(restarts) in \(seconds(pause)) s",
      pause: min(pause, Self.longestPause))
  }

  private func seconds(_ value: Double) -> String { value == value.rounded() ? "\(Int(value))" : "\(value)" }
}
