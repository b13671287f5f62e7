// Grid Engine: a job's limit is the smallest of what it asked for (`qstat -j`) and what its queue allows (`qstat -F`).
import Base
import Foundation

package struct GridEngine: Scheduler {
  package static let name = "Grid Engine"
  package let job: String
  let queue: String?
  /// The folder of this task on its first host, made when it begins.
  let spool: String?

  package init?(environment: [String: String]) {
    guard let job = environment["JOB_ID"], environment["SGE_TASK_ID"] != nil else { return nil }
    self.job = job
    queue = environment["QUEUE"]
    spool = environment["SGE_JOB_SPOOL_DIR"]
  }

  package func end(_ inquiry: Inquiry) -> JobEnd {
    let asked: String
    switch inquiry.ask(["qstat", "-j", job]) {
    case .failure(let reason): return .unknown(reason.words)
    case .success(let answer): asked = answer
    }
    guard asked.contains("job_number:") else { return .unknown("qstat", said: asked) }
    // A queue that does not tell leaves what the job asked for.
    let allowed = try? queue.map { try inquiry.ask(["qstat", "-F", "h_rt,s_rt", "-q", $0]).get() }
    guard let limit = (Self.limits(asked: asked) + Self.limits(allowed: allowed ?? "")).min() else {
      return allowed?.contains("qf:h_rt=") == true ? .never : .unknown("qstat: the queue tells no h_rt")
    }
    // The tasks of an array begin at times of their own, which `qstat -j` does not tell.
    let begun = spool.flatMap { inquiry.read($0 + "/config")?.written } ?? inquiry.sessionStart()
    return begun.map { .at($0 + limit) } ?? .unknown("nothing tells when it began")
  }

  /// - Parameter asked: lines of `qstat -j`, among them `hard resource_list:  s_rt=3500,h_rt=3600` if the job asked.
  package static func limits(asked: String) -> [Double] {
    let line = asked.split(whereSeparator: \.isNewline).first { $0.hasPrefix("hard resource_list:") }
    return (line?.split(separator: ":", maxSplits: 1).last ?? "").split(separator: ",").compactMap(limit)
  }

  /// - Parameter allowed: lines of `qstat -F`, among them `qf:h_rt=01:00:00` for each host of the queue.
  package static func limits(allowed: String) -> [Double] {
    allowed.split(whereSeparator: \.isNewline).compactMap { line in
      let words = line.trimmingCharacters(in: .whitespaces)
      return words.hasPrefix("qf:") ? limit(words.dropFirst(3)) : nil
    }
  }

  /// The seconds of `h_rt=3600`, `s_rt=1:00:00` and the like; nil if it is no such limit, or infinite.
  private static func limit(_ text: some StringProtocol) -> Double? {
    let words = text.split(separator: "=").map { $0.trimmingCharacters(in: .whitespaces) }
    guard words.count == 2, ["h_rt", "s_rt"].contains(words[0]),
      let seconds = Double(words[1]) ?? ClockTime.seconds(words[1]), seconds > 0, seconds.isFinite
    else { return nil }
    return seconds
  }
}
