// The time that the scheduler leaves a run: the first rank asks for it, once.
import Foundation
import Schedulers

struct JobTime {
  /// By when the run must be over; nil if that is not known, or never.
  var end: Date?
  /// What the user should know: nobody but the user can tell when the run must end.
  var note: String?

  /// mpirun, a supervisor and a script end after the run, and need some seconds of the job for that.
  private static let farewell = 10.0

  /// - Parameter isLimited: whether the user has set a time limit; the end of the job then need not be known.
  static func ask(isLimited: Bool) -> JobTime {
    let environment = ProcessInfo.processInfo.environment
    guard let job = schedulers.lazy.compactMap({ $0.init(environment: environment) }).first else {
      return JobTime()
    }
    switch job.end(Inquiry()) {
    case .at(let date): return JobTime(end: date - farewell)
    case .never: return JobTime()
    case .unknown(let reason):
      let hint = "set training.time_limit, so that the run ends with a checkpoint before that"
      let note = "\(type(of: job).name) does not say when it ends this job, \(reason) (\(hint))"
      return JobTime(note: isLimited ? nil : note)
    }
  }
}
