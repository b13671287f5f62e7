// One method trained on one task, and everything that is measured of it.
import Base
import Foundation

struct RowRun {
  let task: SurveyTask
  let method: SurveyMethod
  let commands: Commands
  /// The folder of the run.
  let output: String

  /// Trains and measures.
  func result(generalBefore: Double, rate: Double) throws -> RowResult {
    try? FileManager.default.removeItem(atPath: output)
    let log = "\(task.name)-\(method.name.replacing(", ", with: "-").replacing(" ", with: "-"))"
    let words =
      [commands.swiftdp, "train", "model=\(task.model)"] + task.settings + [
        "training.steps=\(task.steps)", "checkpoint.every=\(task.steps)",
      ]
      + ["method=\(method.setting(task))"]
      + method.others + ["optimizer.learning_rate=\(rate)", "output=\(output)"]
    let (_, seconds) = try commands.run(words, log: log + ".train")
    let summary = try JSON.parse(Array(try Data(contentsOf: URL(fileURLWithPath: output + "/summary.json"))))
    let model = try TrainedFolder(output + "/model", base: task.model)
    let quality = try task.quality(of: model, commands, log: log)
    let after = try task.generalLoss(of: model, commands, log: log)
    let plan = try commands.json(
      [commands.swiftdp, "plan"] + words[2...]
        + ["--hosts", "2", "--ranks-per-host", "1", "--gflops", "50", "--bandwidth", "10G", "--json"],
      ranks: 1, log: log + ".plan")
    let rows = plan["rows"]?.elements ?? []
    let row = rows.first { $0["zero"]?.integer == 1 && $0["recompute"]?.text == "none" }
    func need(_ json: JSON?, _ key: String) throws -> Double {
      guard let value = json?[key]?.double else {
        throw Commands.Failed(description: "\(log): \(key) is missing")
      }
      return value
    }
    let peaks = summary["peak_rss_bytes"]?.elements?.compactMap(\.integer) ?? []
    return RowResult(
      method: method.name, command: commands.shown(words),
      trained: Int(try need(summary, "trained_parameters")),
      parameters: Int(try need(summary, "parameters")), quality: quality, generalBefore: generalBefore,
      generalAfter: after, seconds: seconds, trainingSeconds: try need(summary, "seconds"),
      peakOfRank: peaks.max() ?? 0, host: Int(try need(summary, "first_host_bytes")),
      exchanged: Int(try need(row, "traffic_bytes_per_host")), checkpoint: try checkpointBytes(),
      generation: try generation(model, log: log))
  }

  /// The bytes of the run's only checkpoint.
  private func checkpointBytes() throws -> Int {
    let folder = output + "/checkpoints"
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder).map { "\(folder)/\($0)" }
    return try files.reduce(0) { sum, file in
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      return attributes[.type] as? FileAttributeType == .typeRegular
        ? sum + (attributes[.size] as? Int ?? 0) : sum
    }
  }

  /// Tokens a second of the base, with the adapter, and merged; nothing for methods that are not merged.
  private func generation(_ model: TrainedFolder, log: String) throws -> [Double] {
    guard method.isMergeable, task.kind == .decoder, model.isAdapter else { return [] }
    let merged = output + "/merged"
    try commands.run(
      [
        "env", commands.swiftdp, "merge", "--model", task.model, "--adapter", model.folder, "--output",
        merged,
      ],
      log: log + ".merge")
    return try [[], ["--adapter", model.folder], nil].enumerated().map { index, adapter in
      let words =
        [commands.swiftdp, "generate", "--model", adapter == nil ? merged : task.model] + (adapter ?? [])
        + ["--prompt", "Shall I compare thee", "--max-tokens", "1000"]
      // The least of three: what else a machine does only adds.
      let seconds = try (0..<3).map { _ in
        try commands.run(words, ranks: 1, log: "\(log).generate-\(index)").seconds
      }
      return 1000 / (seconds.min() ?? .infinity)
    }
  }
}

/// What a run left: a whole model, or an adapter beside its base.
struct TrainedFolder {
  let folder: String
  let isAdapter: Bool
  /// Options of a command that reads it.
  let options: [String]

  init(_ folder: String, base: String) throws {
    self.folder = folder
    isAdapter = FileManager.default.fileExists(atPath: folder + "/adapter_config.json")
    options = isAdapter ? ["--model", base, "--adapter", folder] : ["--model", folder]
  }

  /// The base itself.
  init(base: String) {
    folder = base
    isAdapter = false
    options = ["--model", base]
  }
}

extension SurveyTask {
  /// - Returns: the share of held-out rows that are right, or their F1.
  func quality(of model: TrainedFolder, _ commands: Commands, log: String) throws -> Double {
    guard kind == .decoder else {
      let words = [commands.swiftdp, "evaluate"] + model.options + ["--data", heldOut] + heldOutSettings
      return try number(quality.name, of: words + ["--json"], commands, log: log + ".quality")
    }
    let answers = "\(commands.logs)/\(log).answers.jsonl"
    try? FileManager.default.removeItem(atPath: answers)
    try commands.run(
      [commands.swiftdp, "generate"] + model.options
        + ["--prompts", heldOut, "--output", answers, "--max-tokens", "24"], log: log + ".quality")
    let pairs = zip(try Self.completions(heldOut), try Self.completions(answers)).map { $0 == $1 }
    guard !pairs.isEmpty else { throw Commands.Failed(description: "\(answers) has no rows") }
    return Double(pairs.count { $0 }) / Double(pairs.count)
  }

  private static func completions(_ file: String) throws -> [[UInt8]?] {
    try Data(contentsOf: URL(fileURLWithPath: file)).split(separator: UInt8(ascii: "\n")).map {
      try JSON.parse(Array($0))["completion"]?.bytes
    }
  }

  func generalLoss(of model: TrainedFolder, _ commands: Commands, log: String) throws -> Double {
    let words = [commands.swiftdp, "evaluate"] + model.options + general + ["--json"]
    return try number("loss", of: words, commands, log: log + ".general")
  }

  private func number(_ key: String, of words: [String], _ commands: Commands, log: String) throws -> Double {
    guard let value = try commands.json(words, log: log)[key]?.double else {
      throw Commands.Failed(description: "\(log) has no \(key)")
    }
    return value
  }
}
