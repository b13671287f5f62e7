// rollouts.jsonl: the answers of each step, what they earned, and how much better than expected that was.
import Base
import Foundation

struct RolloutLog {
  private let path: String

  init(output: String) { path = output + "/rollouts.jsonl" }

  /// Cuts the file back to what was done before a step.
  func begin(from first: Int) throws {
    var kept = Data()
    if first > 1, FileManager.default.fileExists(atPath: path) {
      for line in try OpenFile.contents(path).split(separator: UInt8(ascii: "\n")) {
        // A line that a crash cut short is not JSON; its step is done again.
        guard let step = try? JSON.parse(Array(line))["step"]?.integer, step < first else { continue }
        kept.append(contentsOf: line)
        kept.append(UInt8(ascii: "\n"))
      }
    }
    do {
      try kept.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: path)
    }
  }

  func line(
    _ answer: PolicyAnswer, step: Int, prompt: [UInt8], text: [UInt8], reference: [UInt8], rewards: [String]
  ) -> JSON {
    var members: [(String, JSON)] = [
      ("step", .integer(step)), ("prompt", .string(prompt)), ("completion", .string(text)),
      ("reference", .string(reference)), ("reward", .number(answer.reward)),
    ]
    if rewards.count > 1 {
      members.append(
        (
          "rewards",
          .object(zip(rewards, answer.rewards).map { JSON.Member(key: Array($0.utf8), value: .number($1)) })
        ))
    }
    members += [
      ("advantage", .number(answer.advantage)), ("tokens", .integer(answer.tokens.count)),
      ("cut", .bool(!answer.isWhole)),
    ]
    return .object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }

  /// - Throws: `UserError(.disk)`.
  func append(_ lines: [JSON]) throws {
    let bytes = Array(lines.map { $0.encoded() + "\n" }.joined().utf8)
    let file = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw UserError.disk("cannot be written", path) }
    defer { close(file) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { write(file, $0.baseAddress! + written, $0.count - written) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw UserError.disk("cannot be written", path) }
      written += count
    }
  }
}
