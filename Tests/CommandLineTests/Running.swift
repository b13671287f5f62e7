// A command that goes on while the test does something to it.
import Foundation

final class Running {
  private let process: Process
  private let log: Workspace

  init(_ words: [String], in folder: Workspace) throws {
    log = try Workspace()
    process = Command.process(words, in: folder)
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(
      forWritingTo: URL(fileURLWithPath: log.file("out", "")))
    process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log.file("err", "")))
    try process.run()
  }

  deinit {
    if process.isRunning { send(SIGKILL) }
  }

  func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

  /// What has been said on standard error up to now.
  var errors: String { (try? log.text("err")) ?? "" }

  /// - Throws: where the end does not come in time.
  func end(within seconds: Double = 120) throws -> CommandResult {
    guard waitUntil(seconds, { !process.isRunning }) else {
      send(SIGKILL)
      throw TimeLimitExceeded(description: "the command did not end: \(errors)")
    }
    process.waitUntilExit()
    return CommandResult(
      code: process.terminationStatus, out: try log.text("out"), err: try log.text("err"))
  }
}

/// - Returns: whether it came to hold in time.
func waitUntil(_ seconds: Double = 120, _ condition: () -> Bool) -> Bool {
  let deadline = Date(timeIntervalSinceNow: seconds)
  while !condition() {
    if Date() > deadline { return false }
    usleep(10_000)
  }
  return true
}

/// The processes with a text among their arguments that are no zombies, by number.
func processes(with text: String, program: String? = nil) -> [pid_t] {
  let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
  return all.compactMap { pid_t($0) }.filter { process in
    // Of a zombie it is empty.
    guard let bytes = FileManager.default.contents(atPath: "/proc/\(process)/cmdline") else { return false }
    let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    guard words.contains(where: { $0.contains(text) }) else { return false }
    return program.map { URL(fileURLWithPath: words[0]).lastPathComponent == $0 } ?? true
  }
}
