// What a run asks the scheduler that it runs under: when the job ends.
import Base
import Foundation

/// A job of a scheduler, as this process knows it from its environment.
package protocol Scheduler: Sendable {
  static var name: String { get }

  /// - Returns: nil if the environment is not that of a job of this scheduler.
  init?(environment: [String: String])

  /// When the scheduler ends the job.
  func end(_ inquiry: Inquiry) -> JobEnd
}

/// All schedulers; the first that knows a job counts.
package let schedulers: [any Scheduler.Type] = [Slurm.self, PBS.self, GridEngine.self]

/// When a scheduler ends a job.
package enum JobEnd: Equatable, Sendable {
  case at(Date)
  /// The job has no time limit.
  case never
  /// Why it is not known, in a few words.
  case unknown(String)

  /// The end of a job that has this many seconds left.
  static func `in`(_ seconds: Double, _ inquiry: Inquiry) -> JobEnd { .at(inquiry.now + seconds) }

  static func unknown(_ tool: String, said answer: String) -> JobEnd {
    .unknown("\(tool): the answer has no time limit in it: \(String(answer.prefix(100)).quoted)")
  }
}

/// The means by which a scheduler is asked; tests have their own.
package struct Inquiry {
  package var now: Date
  /// Runs a tool of the scheduler.
  package var ask: ([String]) -> Tool.Answer
  /// Reads a small file of the scheduler, and the time at which it was written; nil if there is none.
  package var read: (String) -> (text: String, written: Date)?
  /// When the session of this process began; nil if that is not known.
  package var sessionStart: () -> Date?

  /// - Parameter patience: the seconds that a tool has to answer.
  package init(patience: Double = 10) {
    now = Date()
    sessionStart = startOfSession
    ask = { Tool.ask($0, within: patience) }
    read = { path in
      let attributes = try? FileManager.default.attributesOfItem(atPath: path)
      guard let written = attributes?[.modificationDate] as? Date,
        let text = try? String(contentsOfFile: path, encoding: .utf8)
      else { return nil }
      return (text, written)
    }
  }

  package init(
    now: Date, ask: @escaping ([String]) -> Tool.Answer,
    read: @escaping (String) -> (text: String, written: Date)? = { _ in nil },
    sessionStart: @escaping () -> Date? = { nil }
  ) {
    (self.now, self.ask, self.read, self.sessionStart) = (now, ask, read, sessionStart)
  }
}
