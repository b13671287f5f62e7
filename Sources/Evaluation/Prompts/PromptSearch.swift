// Looks for the prompt that a model answers best with, without training it: descriptions, numbers and choices of examples,
// and the majority of several answers. Every candidate is a task file, and so is the winner.
import Base
import Collectives

package struct PromptSearch {
  /// How examples are chosen.
  package enum Choice: String, CaseIterable, Sendable {
    /// A few at random, the same before all questions.
    case random
    /// Those that are most like the question.
    case nearest
    /// Those whose words cover the most of all examples' words.
    case coverage
  }

  package struct Settings: Sendable {
    package var shots = [0, 1, 4]
    package var choices = Choice.allCases
    /// Draws of examples, and of their order.
    package var seeds = 3
    /// Answers to a question, of which the majority counts; 1 for one.
    package var samples = 1
    /// nil for the task's first metric.
    package var metric: String?
    package init() {}
  }

  /// One way to ask.
  package struct Candidate: Sendable {
    package let prompt: Int
    package let shots: Int
    package let choice: Choice?
    package let seed: Int
    package let samples: Int
    let file: TaskFile

    package var words: String {
      var parts = ["prompt \(prompt)", "\(shots) shots"]
      if let choice { parts.append(choice.rawValue) }
      if choice == .random { parts.append("seed \(seed)") }
      if samples > 1 { parts.append("majority of \(samples)") }
      return parts.joined(separator: ", ")
    }
  }

  /// What a candidate reached.
  package struct Outcome: Sendable {
    package let candidate: Candidate
    package let value: Double
    package let error: Double?
  }

  package let candidates: [Candidate]
  package let metric: String
  package let isHigherBetter: Bool
  private let base: TaskFile
  private let name: String
  private let options: TaskOptions
  /// Where a task has no other rows for examples, they come from a fifth of its own.
  private let sharesRows: Bool

  /// - Parameters:
  ///   - task: the name of a shipped task, or a file.
  ///   - prompts: other values for keys of the task; a text is a description.
  /// - Throws: what is wrong with the task or the prompts.
  package init(_ task: String, prompts: JSON?, _ settings: Settings, _ options: TaskOptions) throws {
    self.options = options
    let files = try TaskNames.isFile(task) ? [TaskFile(task)] : ShippedTasks.files(task)
    guard files.count == 1, let file = files.first, !file.isGroup else {
      throw UserError(.usage, "is not the name of one task: \(task.quoted)", at: "--task")
    }
    let definition = try TaskDefinition(file)
    (base, name) = (file, definition.name)
    metric = settings.metric ?? definition.metricNames.first ?? ""
    guard let isHigherBetter = definition.isHigherBetter(metric) else {
      throw UserError(
        .usage, "is \(metric.quoted), which the task does not have", at: "--metric",
        hint: "it has \(definition.metricNames.joined(separator: ", "))")
    }
    self.isHigherBetter = isHigherBetter
    let split = definition.exampleSplit
    sharesRows = split == definition.evaluatedSplit && definition.fewshot.samples == nil
    var examples: [JSON] = []
    if settings.shots.contains(where: { $0 > 0 }) {
      examples = try definition.fewshot.samples ?? Self.rows(definition, split, options)
      if sharesRows { examples = examples.enumerated().filter { $0.offset % 5 == 4 }.map(\.element) }
    }
    let variants = try Self.variants(file, prompts)
    guard settings.samples == 1 || definition.outputType is GenerateUntil else {
      throw UserError(.usage, "counts answers that are written, and the task has none", at: "--samples")
    }
    var all: [Candidate] = []
    for (number, variant) in variants.enumerated() {
      for shots in settings.shots {
        for choice in shots == 0 ? [nil] : settings.choices.map({ Optional($0) }) {
          for seed in choice == .random ? Array(0..<settings.seeds) : [0] {
            let asked = try variant.showing(shots, of: examples, choice, seed: seed, task: definition.name)
            for samples in Set([1, settings.samples]).sorted() {
              all.append(
                Candidate(
                  prompt: number, shots: shots, choice: choice, seed: seed, samples: samples,
                  file: samples > 1 ? asked.voting(of: samples) : asked))
            }
          }
        }
      }
    }
    guard all.count <= 1000 else {
      throw UserError(
        .usage, "there are \(all.count) candidates, and at most 1,000 are tried", at: "--prompts")
    }
    candidates = all
  }

  /// A YAML file with prompts.
  package static func list(_ text: String, file: String) throws -> JSON {
    try TaskYAML.read(text, file: file)
  }

  private static func rows(_ task: TaskDefinition, _ split: String, _ options: TaskOptions) throws -> [JSON] {
    let files = try task.data.files(of: split, data: options.data, task: task.name)
    return try DocumentRows(files: files, only: task.data.only).docs
  }

  /// The task as it is, and with the other prompts.
  private static func variants(_ file: TaskFile, _ prompts: JSON?) throws -> [TaskFile] {
    let known = [
      "description", "doc_to_text", "doc_to_target", "doc_to_choice", "target_delimiter", "fewshot_delimiter",
      "gen_prefix",
    ]
    guard let prompts else { return [file] }
    guard let list = prompts.elements, !list.isEmpty else {
      throw UserError(.usage, "is \(prompts.kind), where a list of prompts is meant", at: "--prompts")
    }
    return try [file]
      + list.enumerated().map { place, prompt in
        if let text = prompt.bytes {
          return file.setting([JSON.Member(key: Array("description".utf8), value: .string(text))])
        }
        guard let members = prompt.members else {
          throw UserError(
            .usage, "is \(prompt.kind), where a text or keys are meant", at: "--prompts: \(place + 1)")
        }
        for member in members {
          let key = String(decoding: member.key, as: UTF8.self)
          guard !known.contains(key) else { continue }
          throw UserError(
            .usage, "is not a key of a prompt", at: "--prompts: \(place + 1).\(key)",
            hint: nearest(to: key, among: known).map { "did you mean \($0)?" }
              ?? "there are \(known.joined(separator: ", "))")
        }
        return file.setting(members)
      }
  }

  /// Tries candidates on one half of the rows. Collective.
  /// - Parameter isHeldOut: whether on the half that nothing was chosen by.
  /// - Returns: the best first; of equal ones that with fewer examples.
  package func outcomes(
    of candidates: [Candidate], isHeldOut: Bool, _ model: TaskModel, _ ranks: Ranks
  ) throws -> [Outcome] {
    var options = options
    options.rows =
      sharesRows
      ? (isHeldOut ? .of([1, 3], modulo: 5) : .of([0, 2], modulo: 5)) : .of([isHeldOut ? 1 : 0], modulo: 2)
    let prepared = try ranks.together {
      let files = candidates.enumerated().map { place, candidate in
        candidate.file.setting([JSON.Member(key: Array("task".utf8), value: .string("\(name)_\(place)"))])
      }
      return try PreparedTasks(try TaskSet(files: files), options, for: model)
    }
    let results = try prepared.run(model, ranks: ranks)
    let all = zip(candidates, results).map { candidate, result in
      let key = result.numbers.first { $0.key == metric || $0.key.hasPrefix(metric + ",") }?.key ?? ""
      let parts = key.split(separator: ",", maxSplits: 1).map(String.init)
      let error = parts.count == 2 ? "\(parts[0])_stderr,\(parts[1])" : ""
      return Outcome(
        candidate: candidate, value: result.value(key) ?? .nan,
        error: result.numbers.first { $0.key == error }?.value.double)
    }
    return all.enumerated().sorted { a, b in
      let (x, y) = (a.element, b.element)
      if x.value != y.value, !x.value.isNaN, !y.value.isNaN { return (x.value > y.value) == isHigherBetter }
      if x.value.isNaN != y.value.isNaN { return y.value.isNaN }
      return (x.candidate.shots, a.offset) < (y.candidate.shots, b.offset)
    }.map(\.element)
  }

  /// The file of a candidate, under the task's own name.
  package func file(of candidate: Candidate) -> JSON { candidate.file.json }
}

extension TaskFile {
  /// The same with examples.
  fileprivate func showing(
    _ shots: Int, of examples: [JSON], _ choice: PromptSearch.Choice?, seed: Int, task: String
  ) throws -> TaskFile {
    func member(_ key: String, _ value: JSON) -> JSON.Member {
      JSON.Member(key: Array(key.utf8), value: value)
    }
    guard shots > 0, let choice else { return setting([member("num_fewshot", .integer(0))]) }
    guard examples.count >= shots else {
      throw UserError(
        .usage, "there are \(examples.count) rows for examples, and \(shots) are asked for",
        at: "task \(task)",
        hint: "give fewer --shots")
    }
    var samples = examples
    var sampler = FewshotSampler.Kind.first
    switch choice {
    case .random:
      var random = PythonRandom(seed: seed)
      samples = random.sample(shots, of: examples.count).map { examples[$0] }
    case .coverage: samples = WordVectors(examples).covering(shots).map { examples[$0] }
    case .nearest: sampler = .nearest
    }
    let own = json["fewshot_config"]?.members ?? []
    let kept = own.filter { member in
      !["sampler", "split", "samples"].contains(String(decoding: member.key, as: UTF8.self))
    }
    return setting([
      member("num_fewshot", .integer(shots)), member("fewshot_split", .null),
      member(
        "fewshot_config",
        .object(kept + [member("sampler", .string(sampler.rawValue)), member("samples", .array(samples))])),
    ])
  }

  /// The same where the majority of several drawn answers counts (self-consistency, Wang et al. 2022).
  fileprivate func voting(of samples: Int) -> TaskFile {
    func member(_ key: String, _ value: JSON) -> JSON.Member {
      JSON.Member(key: Array(key.utf8), value: value)
    }
    let generation = (json["generation_kwargs"] ?? .object([])).setting([
      "do_sample": .bool(true),
      "temperature": json["generation_kwargs"]?["temperature"].flatMap { $0.double ?? 0 > 0 ? $0 : nil }
        ?? .number(0.7),
    ])
    let given = json["filter_list"]?.elements ?? [.object(["name": .string("none"), "filter": .array([])])]
    let filters = given.map { pipeline in
      let steps = (pipeline["filter"]?.elements ?? []).filter {
        !["take_first", "majority_vote"].contains($0["function"]?.text ?? "")
      }
      return pipeline.setting([
        "filter": .array(
          steps + [
            .object(["function": .string("majority_vote")]), .object(["function": .string("take_first")]),
          ])
      ])
    }
    return setting([
      member("repeats", .integer(samples)), member("generation_kwargs", generation),
      member("filter_list", .array(filters)),
    ])
  }
}
