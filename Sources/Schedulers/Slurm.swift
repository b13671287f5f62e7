// Slurm: `squeue` knows the time that is left. Newer versions than 22.05 set SLURM_JOB_END_TIME too.
import Base
import Foundation

package struct Slurm: Scheduler {
  package static let name = "Slurm"
  /// As `squeue` takes it; a task of an array by its own number, since that of its job may stand for all tasks.
  package let job: String
  let endTime: String?

  package init?(environment: [String: String]) {
    guard let own = environment["SLURM_JOB_ID"] else { return nil }
    if let array = environment["SLURM_ARRAY_JOB_ID"], let task = environment["SLURM_ARRAY_TASK_ID"] {
      job = array + "_" + task
    } else {
      job = own
    }
    endTime = environment["SLURM_JOB_END_TIME"]
  }

  package func end(_ inquiry: Inquiry) -> JobEnd {
    if let time = endTime.flatMap(Double.init), time > 0, time.isFinite {
      return .at(Date(timeIntervalSince1970: time))
    }
    switch inquiry.ask(["squeue", "-h", "-j", job, "-o", "%L"]) {
    case .failure(let reason): return .unknown(reason.words)
    case .success(let answer): return Self.end(timeLeft: answer, inquiry)
    }
  }

  /// - Parameter answer: a line for each component of the job (a heterogeneous job has several; the first that ends
  ///   ends all): `D-HH:MM:SS`, `HH:MM:SS`, `MM:SS`, `UNLIMITED`, `NOT_SET` or `INVALID`.
  package static func end(timeLeft answer: String, _ inquiry: Inquiry) -> JobEnd {
    let lines = answer.split(whereSeparator: \.isNewline).map { $0.trimmingCharacters(in: .whitespaces) }
    let times = lines.map { ClockTime.seconds($0) }
    for (line, time) in zip(lines, times) where time == nil && line != "UNLIMITED" {
      return .unknown("squeue", said: line)
    }
    if lines.isEmpty { return .unknown("squeue", said: answer) }
    return times.compactMap { $0 }.min().map { .in($0, inquiry) } ?? .never
  }
}
