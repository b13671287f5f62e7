// The output of a run, in a form in which two runs can be compared.
import Base
import Foundation
import Testing

/// The output folder of a training run.
struct RunOutput {
  let folder: Workspace
  let name: String

  /// The lines of metrics.jsonl.
  func metrics() throws -> [JSON] {
    try folder.text(name + "/metrics.jsonl").split(separator: "\n").map { try JSON.parse(String($0)) }
  }

  /// metrics.jsonl without durations, as text: equal only if every digit is.
  func results() throws -> [String] {
    try metrics().map { line in
      let members = try #require(line.members)
      // Where a step begins with new answers, drawing them has its time, too.
      let durations =
        ["tokens_per_second", "seconds", "exchange_seconds"]
        + (line["reward"] == nil ? [] : ["rollout_seconds", "rollout_tokens_per_second"])
      let kept = members.filter { !durations.contains(String(decoding: $0.key, as: UTF8.self)) }
      #expect(kept.count + durations.count == members.count)
      return JSON.object(kept).encoded()
    }
  }

  func numbers(_ key: String) throws -> [Double] { try metrics().compactMap { $0[key]?.double } }

  /// The bytes of every safetensors file of a folder of the output, by name.
  func tensors(_ part: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for file in folder.names(in: name + "/" + part) where file.hasSuffix(".safetensors") {
      files[file] = try folder.data(name + "/\(part)/\(file)")
    }
    return files
  }

  func text(_ file: String) throws -> String { try folder.text(name + "/" + file) }

  var checkpoints: [String] { folder.names(in: name + "/checkpoints") }

  /// The result of `swiftdp checkpoint hash` for a checkpoint, or for the last one.
  func hash(_ checkpoint: String? = nil) throws -> String {
    let folder = "\(name)/checkpoints/\(try checkpoint ?? #require(checkpoints.last))"
    // Whatever changes a checkpoint changes its manifest.
    let key = (try? self.folder.text(folder + "/manifest.json")).map { "\(self.folder.path)/\(folder) \($0)" }
    if let known = key.flatMap({ KnownHashes.all[$0] }) { return known }
    let result = try Command.swiftdp(["checkpoint", "hash", folder], in: self.folder)
    let hash = result.out.trimmingCharacters(in: .whitespacesAndNewlines)
    #expect(result.code == 0 && hash.utf8.count == 64, "\(result.err)")
    if let key, result.code == 0 { KnownHashes.all[key] = hash }
    return hash
  }
}

/// Hashes by checkpoints: a reference is asked for its hash once, not for each run beside it.
private final class KnownHashes: @unchecked Sendable {
  static let all = KnownHashes()
  private let lock = NSLock()
  private var hashes: [String: String] = [:]

  subscript(_ checkpoint: String) -> String? {
    get { lock.withLock { hashes[checkpoint] } }
    set { lock.withLock { hashes[checkpoint] = newValue } }
  }
}

/// Expects two runs to have the same bits: losses, norms, weights and optimizer states.
func expectSame(_ run: RunOutput, _ reference: RunOutput, steps: Int, _ comment: Comment) throws {
  let (mine, theirs) = (try run.results(), try reference.results())
  #expect(theirs.count == steps, comment)
  #expect(mine == theirs, comment)
  let last = try #require(reference.checkpoints.last)
  for (part, files) in [("model", 1), ("checkpoints/" + last, 3)] {
    let expected = try reference.tensors(part)
    #expect(expected.count == files, comment)
    // Compared outside of the expectation, which would print both files.
    let isSame = try run.tensors(part) == expected
    #expect(isSame, "\(comment): \(part)")
  }
}

/// Trains and expects success.
@discardableResult
func train(
  _ arguments: [String], output: String, ranks: Int? = nil, in folder: Workspace, timeLimit: Double = 240
) throws -> RunOutput {
  let result = try Command.swiftdp(
    ["train"] + arguments + ["output=\(output)"], ranks: ranks, in: folder, timeLimit: timeLimit)
  try #require(result.code == 0, "\(result.out)\n\(result.err)")
  return RunOutput(folder: folder, name: output)
}
