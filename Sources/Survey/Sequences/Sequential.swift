// launch/sequential: tasks learned one after the other, with each measure against forgetting.
import ArgumentParser
import Base
import Foundation

struct Sequential: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sequential",
    abstract: "Train tasks one after the other, and compare what measures against forgetting keep.",
    discussion: """
      Measures that OUTPUT has results of are not trained again. The tables go to docs/forgetting.md.
      """)

  @OptionGroup var given: Materials
  @Option(help: "A folder for runs, logs and results.")
  var output = "runs/sequential"
  @Option(help: "Optimizer steps of each stage; docs stay as they are.")
  var steps: Int?
  @Option(parsing: .upToNextOption, help: "Only these sequences: decoder, encoder.")
  var sequences: [String] = []
  @Option(parsing: .upToNextOption, help: "Only measures whose names begin so; docs stay as they are.")
  var measures: [String] = []

  func run() throws {
    let commands = try given.commands(in: output)
    let asked = try trained(commands).filter { sequences.isEmpty || sequences.contains($0.name) }
    guard !asked.isEmpty else { throw ValidationError("--sequences names none of decoder, encoder") }
    var tables: [String] = []
    var hasFailed = false
    for sequence in asked {
      let (results, failed) = try measure(sequence, commands)
      tables.append(sequence.markdown(results))
      hasFailed = hasFailed || failed
    }
    let text = tables.joined(separator: "\n")
    if measures.isEmpty, sequences.isEmpty, steps == nil, !hasFailed {
      try write(text, into: "docs/forgetting.md", between: "sequential")
      say("tables in docs/forgetting.md")
    } else {
      say(text)
    }
    if hasFailed { throw ExitCode.failure }
  }

  /// The sequences whose data is there.
  private func trained(_ commands: Commands) throws -> [TaskSequence] {
    let translations = try ["train", "held-out"].map { try self.translations($0, commands) }
    var all: [TaskSequence] = [
      .decoder(
        base: given.base, questions: given.data, heldOut: given.heldOut, translations: translations,
        general: given.general)
    ]
    if given.hasEncoder {
      all.append(
        .encoder(
          base: given.encoder, sentences: given.sentences, names: given.names, general: given.facts))
    } else {
      say("\(given.encoder) is not there: the sequence of the encoder is left out (--encoder)")
    }
    guard let steps else { return all }
    return all.map { sequence in
      var short = sequence
      short.stages = sequence.stages.map { stage in
        var task = stage.task
        task.steps = steps
        return SequenceStage(task: task, rate: stage.rate, rows: stage.rows)
      }
      return short
    }
  }

  /// Translations as prompts with completions.
  private func translations(_ part: String, _ commands: Commands) throws -> String {
    let (raw, file) = ("\(output)/translations-\(part).raw", "\(output)/translations-\(part).jsonl")
    if FileManager.default.fileExists(atPath: file) { return file }
    try commands.run(
      [
        "env", given.swiftdp, "make-tasks", "--kind", "translations", "--count",
        part == "train" ? "12000" : "390", "--seed", part == "train" ? "1" : "2", "--part", part, raw,
      ], log: "translations-\(part)")
    let lines = try Data(contentsOf: URL(fileURLWithPath: raw)).split(separator: UInt8(ascii: "\n")).map {
      line in
      let row = try JSON.parse(Array(line))
      guard let source = row["source"]?.text, let target = row["target"]?.text else {
        throw Commands.Failed(description: "\(raw) has rows of another form")
      }
      return JSON.object(["prompt": .string(source + " ="), "completion": .string(" " + target)]).encoded()
        + "\n"
    }
    try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: file), options: .atomic)
    return file
  }

  /// Trains what `OUTPUT/SEQUENCE.jsonl` has no row of, and adds it there.
  private func measure(
    _ sequence: TaskSequence, _ commands: Commands
  ) throws -> (results: [SequenceResult], failed: Bool) {
    let file = "\(output)/\(sequence.name).jsonl"
    let known =
      FileManager.default.fileExists(atPath: file)
      ? try Data(contentsOf: URL(fileURLWithPath: file)).split(separator: UInt8(ascii: "\n")).compactMap {
        SequenceResult(try JSON.parse(Array($0)))
      } : []
    var results: [SequenceResult] = []
    var failed = false
    for measure in KeepMeasure.all where measures.isEmpty || measures.contains(where: measure.name.hasPrefix)
    {
      if let row = known.first(where: { $0.measure == measure.name }) {
        results.append(row)
        continue
      }
      do {
        guard
          let row = try SequenceRun(
            sequence: sequence, measure: measure, commands: commands, folder: "\(output)/\(sequence.name)"
          ).result()
        else { continue }
        results.append(row)
        try Survey.append(row.json.encoded() + "\n", to: file)
        let last = (row.qualities.last ?? []).map { percent($0 ?? .nan) }.joined(separator: ", ")
        say("\(cell(sequence.name, width: 9))\(cell(measure.name, width: 17))\(last)")
      } catch let error as Commands.Failed {
        failed = true
        say("\(cell(sequence.name, width: 9))\(measure.name) failed: \(error)")
      }
    }
    return (results, failed)
  }
}
