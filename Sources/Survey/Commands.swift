// The commands that the survey runs, as a user would.
import Base
import Foundation

/// Runs the commands of one built swiftdp.
struct Commands {
  let swiftdp: String
  let ranks: Int
  /// Where a command's own words go, one file each.
  let logs: String

  struct Failed: Error, CustomStringConvertible {
    let description: String
  }

  /// Runs a command on all ranks, or alone.
  /// - Returns: its standard output, and how many seconds it took.
  /// - Throws: `Failed` with its last words.
  @discardableResult
  func run(_ words: [String], ranks: Int? = nil, log: String) throws -> (output: Data, seconds: Double) {
    let path = "\(logs)/\(log)"
    let errors = path + ".err"
    for file in [path, errors] where !FileManager.default.createFile(atPath: file, contents: nil) {
      throw Failed(description: "\(file) cannot be written")
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words.first == swiftdp ? mpirun(ranks ?? self.ranks) + words : words
    // Open MPI refuses root and more ranks than cores unless told otherwise.
    process.environment = ProcessInfo.processInfo.environment.merging([
      "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    ]) { $1 }
    process.standardOutput = FileHandle(forWritingAtPath: path)
    process.standardError = FileHandle(forWritingAtPath: errors)
    let begin = Date()
    try process.run()
    process.waitUntilExit()
    let seconds = Date().timeIntervalSince(begin)
    guard process.terminationStatus == 0 else {
      let words = (try? String(contentsOfFile: errors, encoding: .utf8)) ?? ""
      throw Failed(
        description: "\(words.split(separator: "\n").first ?? "it said nothing") (\(errors) has all of it)")
    }
    return (try Data(contentsOf: URL(fileURLWithPath: path)), seconds)
  }

  private func mpirun(_ ranks: Int) -> [String] { ["mpirun", "-np", "\(ranks)"] }

  /// The same for a command that prints one JSON object.
  func json(_ words: [String], ranks: Int? = nil, log: String) throws -> JSON {
    let output = try run(words, ranks: ranks, log: log).output
    return try JSON.parse(Array(output))
  }

  /// A command as a user would write it.
  func shown(_ words: [String]) -> String {
    "mpirun -np \(ranks) "
      + (["swiftdp"] + words.dropFirst()).map { word in
        word.contains { " {}[]*$'".contains($0) } ? "'\(word)'" : word
      }.joined(separator: " ")
  }
}
