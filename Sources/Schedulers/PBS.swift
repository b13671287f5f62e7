// PBS Pro, OpenPBS and Torque: `qstat -f` tells the job's time limit and when it began.
import Base
import Foundation

package struct PBS: Scheduler {
  package static let name = "PBS"
  package let job: String
  /// Torque's time limit in seconds, counted from the start of the job.
  let limit: Double?

  package init?(environment: [String: String]) {
    guard let job = environment["PBS_JOBID"] else { return nil }
    self.job = job
    limit = environment["PBS_WALLTIME"].flatMap(Double.init).flatMap { $0 > 0 && $0.isFinite ? $0 : nil }
  }

  package func end(_ inquiry: Inquiry) -> JobEnd {
    let asked: JobEnd
    switch inquiry.ask(["qstat", "-f", job]) {
    case .failure(let reason): asked = .unknown(reason.words)
    case .success(let answer): asked = Self.end(attributes: answer, inquiry)
    }
    // The script leads the session of the job, and began with it.
    if case .unknown = asked, let limit, let start = inquiry.sessionStart() { return .at(start + limit) }
    return asked
  }

  /// - Parameter answer: lines `    name = value`; lines that begin with a tab go on with the value before.
  package static func end(attributes answer: String, _ inquiry: Inquiry) -> JobEnd {
    var values: [String: String] = [:]
    let whole = answer.replacingOccurrences(of: "\n\t", with: "")
    for line in whole.split(whereSeparator: \.isNewline) {
      guard let sign = line.range(of: " = ") else { continue }
      let name = line[..<sign.lowerBound].trimmingCharacters(in: .whitespaces)
      values[name] = line[sign.upperBound...].trimmingCharacters(in: .whitespaces)
    }
    guard whole.contains("Job Id: "), values["job_state"] != nil else {
      return .unknown("qstat", said: answer)
    }
    // Torque.
    if let left = values["Walltime.Remaining"].flatMap(Double.init), left.isFinite {
      return .in(left, inquiry)
    }
    guard let text = values["Resource_List.walltime"] else { return .never }
    guard let limit = seconds(text) else { return .unknown("qstat", said: text) }
    // The time used is brought up to date every few minutes only.
    if let start = (values["stime"] ?? values["start_time"]).flatMap(localTime) { return .at(start + limit) }
    return .in(limit - (values["resources_used.walltime"].flatMap(seconds) ?? 0), inquiry)
  }

  private static func seconds(_ text: String) -> Double? {
    if let plain = Double(text), plain >= 0, plain.isFinite { return plain }
    return ClockTime.seconds(text)
  }

  /// A time such as `Thu Nov 26 23:23:14 2026`.
  private static func localTime(_ text: String) -> Date? {
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.dateFormat = "EEE MMM d HH:mm:ss yyyy"
    return formatter.date(from: text.split(separator: " ").joined(separator: " "))
  }
}
