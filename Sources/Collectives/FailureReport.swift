// What is left of a run that lost a rank: who, where, when, and what everyone was doing.
import Base
import Foundation

struct FailureReport {
  private let failure: Failure
  private let board: RankBoard
  private let host: String
  private let hostOf: [Int]
  private let timeout: Double

  init(_ failure: Failure, board: RankBoard, host: String, hostOf: [Int], timeout: Double) {
    self.failure = failure
    self.board = board
    self.host = host
    self.hostOf = hostOf
    self.timeout = timeout
  }

  private var step: Int { Int(board.members.compactMap { board.slot(of: $0)?[.step] }.max() ?? 0) }

  private var what: String {
    let several = failure.ranks.count > 1
    let names = (several ? "ranks " : "rank ") + failure.ranks.map(String.init).joined(separator: ", ")
    let isHere = failure.ranks.allSatisfy { board.members.contains($0) }
    let place = isHere ? " on \(host)" : " on another host than \(host)"
    switch failure.kind {
    case .died:
      let name = failure.signal == Int(SIGKILL) ? "was killed" : "crashed"
      return "\(names)\(place) \(name) (signal \(failure.signal))"
    case .silent:
      return "\(names)\(place) \(several ? "have" : "has") kept the others waiting for \(Int(timeout)) s"
    case .mismatch(let mine, let theirs):
      return "\(names)\(place) is in \(theirs.words) where others are in \(mine.words)"
    }
  }

  /// For people.
  /// - Parameter file: where the rest stands.
  func line(file: String?) -> String {
    let doing = failure.ranks.first.flatMap { board.slot(of: $0) }.map { ", during \(Self.doing($0))" } ?? ""
    let more = file.map { "\($0) says what each rank was doing; " } ?? ""
    return "\(what) in step \(step)\(doing) (\(more)start again to go on from the last checkpoint)"
  }

  private static func doing(_ slot: BoardSlot) -> String {
    slot.phase.words + (slot[.layer] >= 0 ? ", layer \(slot[.layer])" : "")
  }

  private var kind: String {
    switch failure.kind {
    case .died: "died"
    case .silent: "silent"
    case .mismatch: "mismatch"
    }
  }

  private var json: JSON {
    let now = board.now()
    let ranks = board.members.compactMap { rank -> JSON? in
      guard let slot = board.slot(of: rank) else { return nil }
      let since = slot[.waitingSince]
      var members: [JSON.Member] = []
      func add(_ key: String, _ value: JSON) {
        members.append(JSON.Member(key: Array(key.utf8), value: value))
      }
      add("rank", .integer(rank))
      add("host", .string(host))
      add("process", .integer(Int(slot[.process])))
      add("step", .integer(Int(slot[.step])))
      add("phase", .string(slot.phase.words))
      add("layer", slot[.layer] >= 0 ? .integer(Int(slot[.layer])) : .null)
      add("collective", .integer(Int(slot.call.number)))
      add("waits_in", since == 0 ? .null : .string(slot.call.kind.words))
      add("waits_for", since == 0 || slot[.waitingFor] < 0 ? .null : .integer(Int(slot[.waitingFor])))
      add("seconds_in_it", .number(Double(now - (since == 0 ? slot[.progress] : since)) / 1000))
      return .object(members)
    }
    return .object([
      "time": .string(ISO8601DateFormatter().string(from: Date())), "kind": .string(kind),
      "message": .string(what), "step": .integer(step),
      "failed": .array(failure.ranks.map { .integer($0) }), "host": .string(host),
      "signal": failure.signal == 0 ? .null : .integer(failure.signal), "ranks": .array(ranks),
    ])
  }

  /// - Returns: the file, or nil where it cannot be written.
  func write(in folder: String) -> String? {
    let path = folder + "/failure.json"
    do {
      try Data((json.encoded(indented: true) + "\n").utf8).write(
        to: URL(fileURLWithPath: path), options: .atomic)
      return path
    } catch {
      return nil
    }
  }
}
