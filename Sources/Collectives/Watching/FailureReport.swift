// A report on a run that lost a rank: who, where, when, and what every rank was doing.
import Base
import Foundation

struct FailureReport {
  /// A rank, where it is, and what it was doing.
  struct Line {
    let rank: Int
    let host: String
    let status: RankStatus
  }

  private let failure: Failure
  /// The ranks that could be asked, by rank.
  private let lines: [Line]
  private let hostOf: (Int) -> String?
  private let host: String
  private let timeout: Double

  /// - Parameters:
  ///   - hostOf: the host of a rank; nil if its name is not known.
  ///   - host: the host that makes the report.
  init(_ failure: Failure, lines: [Line], hostOf: @escaping (Int) -> String?, host: String, timeout: Double) {
    self.failure = failure
    self.lines = lines.sorted { $0.rank < $1.rank }
    self.hostOf = hostOf
    self.host = host
    self.timeout = timeout
  }

  private var step: Int { lines.map(\.status.step).max() ?? 0 }

  private var what: String {
    let several = failure.ranks.count > 1
    let names = (several ? "ranks " : "rank ") + failure.ranks.map(String.init).joined(separator: ", ")
    let hosts = Set(failure.ranks.map(hostOf))
    let place =
      if hosts.count == 1, let only = hosts.first, let only { " on \(only)" } else {
        hosts.contains(host) ? "" : " on another host than \(host)"
      }
    switch failure.kind {
    case .died:
      let name =
        switch failure.signal {
        case 0: "is gone: its process or its host has ended"
        case Int(SIGKILL): "was killed (signal 9)"
        default: "crashed (signal \(failure.signal))"
        }
      return "\(names)\(place) \(name)"
    case .silent:
      return "\(names)\(place) \(several ? "have" : "has") kept the others waiting for \(Int(timeout)) s"
    case .mismatch(let mine, let theirs):
      return "\(names)\(place) is in \(theirs.words) where others are in \(mine.words)"
    case .standstill: return "no rank has come further for \(Int(timeout)) s: \(waits)"
    }
  }

  /// Which rank waits in which call.
  private var waits: String {
    let calls = Dictionary(grouping: lines) { line in
      let call = line.status.call
      return line.status.phase == .left ? "at its end" : "in \(call.kind.words) (call \(call.number))"
    }
    let groups = calls.sorted { $0.value[0].rank < $1.value[0].rank }.map { call, lines in
      let first = lines[0].rank
      return (lines.count == 1 ? "rank \(first)" : "\(lines.count) ranks from \(first) on") + " \(call)"
    }
    return groups.joined(separator: ", ")
  }

  /// The report for people.
  /// - Parameter file: the file that holds the rest.
  func line(file: String?) -> String {
    let doing = lines.first { $0.rank == failure.ranks.first }.map { ", during \($0.status.doing)" } ?? ""
    let more = file.map { "\($0) says what each rank was doing; " } ?? ""
    return "\(what) in step \(step)\(doing) (\(more)start again to go on from the last checkpoint)"
  }

  private var kind: String {
    switch failure.kind {
    case .died: "died"
    case .silent: "silent"
    case .mismatch: "mismatch"
    case .standstill: "standstill"
    }
  }

  private var json: JSON {
    let ranks = lines.map { line in
      let status = line.status
      return JSON.object([
        "rank": .integer(line.rank), "host": .string(line.host), "process": .integer(status.process),
        "step": .integer(status.step), "phase": .string(status.phase.words),
        "layer": status.layer.map { .integer($0) } ?? .null,
        "collective": .integer(Int(status.call.number)),
        "waits_in": status.waited == nil ? .null : .string(status.call.kind.words),
        "waits_for": status.waitingFor.map { .integer($0) } ?? .null,
        "seconds_in_it": .number(Double(status.waited ?? status.sinceProgress) / 1000),
      ])
    }
    return .object([
      "time": .string(FailureFile.now), "kind": .string(kind),
      "message": .string(what), "step": .integer(step),
      "failed": .array(failure.ranks.map { .integer($0) }),
      "host": failure.ranks.first.flatMap(hostOf).map { .string($0) } ?? .null,
      "signal": failure.signal == 0 ? .null : .integer(failure.signal), "ranks": .array(ranks),
    ])
  }

  /// - Returns: the path of the file, or nil if it cannot be written.
  func write(in folder: String) -> String? { FailureFile.write(json, in: folder) }
}
