// One task: where its rows are, what a model is asked, and how answers count. The keys are those of `TaskConfig` of
// lm-evaluation-harness 0.4.
import Base

package struct TaskDefinition: Sendable {
  package var name: String
  package var alias: String
  package var tags: [String]
  /// What the results show as the task's version.
  var version: JSON
  var outputType: any OutputType
  var data: TaskData
  var trainingSplit: String?
  var validationSplit: String?
  var testSplit: String?
  var text: DocField?
  var target: DocField?
  var choices: DocField?
  var prefix: DocField?
  var description: DocField?
  var targetDelimiter: [UInt8]
  var fewshotDelimiter: [UInt8]
  var fewshot: FewshotDefinition
  /// nil where the file does not say it.
  package var shots: Int?
  var metrics: [MetricDefinition]
  var generation: GenerationSettings
  var repeats: Int
  var filters: [FilterPipeline]
  /// What is done in the place of Python.
  var step: (any TaskStep)?
  /// The keys of the file, for the results.
  var config: JSON
  /// For messages.
  let file: String

  static let pythonKeys = [
    "process_docs", "process_results", "custom_dataset", "doc_to_image", "doc_to_audio", "use_prompt",
  ]

  /// - Throws: every mistake of the file at once.
  init(_ file: TaskFile) throws {
    let problems = Problems()
    let keys = Section(file.json, file: file.file, code: .usage, problems: problems)
    for key in Self.pythonKeys {
      guard let value = keys.raw(key) else { continue }
      let name = value[TaskYAML.function]?.text ?? value.text ?? value.kind
      problems.add(.needsPython(key, name, at: file.file))
    }
    func field(_ key: String, _ given: JSON? = nil) -> DocField? {
      (given ?? keys.raw(key)).flatMap { json in
        problems.collect { try DocField(json, key: key, file: file.file) }
      }
    }
    name = keys.text("task")
    if !name.staysInFolder { keys.fail("task", "is \(name.quoted), and names a file of the results") }
    alias = keys.plainText("task_alias") ?? name
    tags = keys.raw("tag").map { $0.text.map { [$0] } ?? $0.elements?.compactMap(\.text) ?? [] } ?? []
    config = file.json
    self.file = file.file
    let outputName = keys.plainText("output_type") ?? GenerateUntil.name
    let outputs = OutputTypes.all
    if let type = outputs.first(where: { $0.name == outputName }) {
      outputType = type.init()
    } else {
      outputType = GenerateUntil()
      let names = outputs.map { $0.name }
      keys.fail(
        "output_type", "is \(outputName.quoted), but must be one of \(names.joined(separator: ", "))",
        hint: nearest(to: outputName, among: names).map { "did you mean \($0)?" } ?? "")
    }
    data = TaskData(keys, folder: file.folder)
    trainingSplit = keys.plainText("training_split")
    validationSplit = keys.plainText("validation_split")
    testSplit = keys.plainText("test_split")
    text = field("doc_to_text")
    target = field("doc_to_target")
    choices = field("doc_to_choice")
    prefix = field("gen_prefix")
    description = keys.plainText("description") == "" ? nil : field("description")
    targetDelimiter = Array((keys.plainText("target_delimiter") ?? " ").utf8)
    fewshotDelimiter = Array((keys.plainText("fewshot_delimiter") ?? "\n\n").utf8)
    fewshot = FewshotDefinition(
      keys.section("fewshot_config"), keys, delimiters: (targetDelimiter, fewshotDelimiter),
      field: field)
    shots = keys.has("num_fewshot") ? keys.integer("num_fewshot", in: 0...10_000) : nil
    step = TaskSteps.step(keys)
    metrics = MetricDefinition.list(keys, type(of: outputType), step)
    generation = GenerationSettings(
      keys, until: String(decoding: fewshotDelimiter, as: UTF8.self),
      isUsed: outputType is GenerateUntil)
    repeats = keys.integer("repeats", default: 1, in: 1...100_000)
    filters = FilterPipeline.list(keys)
    let metadata = keys.raw("metadata")
    version = metadata?["version"] ?? .string("Yaml")
    // Keys that change nothing here.
    for key in ["should_decontaminate", "doc_to_decontamination_query", "dataset_name", "group"] {
      _ = keys.raw(key)
    }
    if keys.raw("unsafe_code")?.bool == true {
      keys.fail("unsafe_code", "lets a model's answers run, which swiftdp does not")
    }
    outputType.check(self, keys)
    if testSplit == nil, validationSplit == nil {
      keys.failWhole(
        "names neither test_split nor validation_split", hint: "the rows to answer are those of one of them")
    }
    keys.refuseUnknownKeys(of: "a task file")
    try problems.throwIfAny()
  }

  package var metricNames: [String] { metrics.map(\.name) }

  /// Whether a larger number of a metric is better; nil where the task does not have it.
  /// - Parameter metric: perhaps with a filter behind a comma.
  package func isHigherBetter(_ metric: String) -> Bool? {
    let name = metric.prefix { $0 != "," }
    return metrics.first { $0.name == name }?.isHigherBetter
  }

  /// The split whose rows are answered.
  var evaluatedSplit: String { testSplit ?? validationSplit ?? "" }

  /// The split that examples come from, where the file gives no samples of its own.
  var exampleSplit: String { fewshot.split ?? trainingSplit ?? validationSplit ?? testSplit ?? "" }
}

/// How examples before a question are chosen and written, where that differs from the question itself.
struct FewshotDefinition: Sendable {
  var kind = FewshotSampler.Kind.random
  var split: String?
  /// Rows that the file itself brings; nil without any.
  var samples: [JSON]?
  var text: DocField?
  var target: DocField?
  var choices: DocField?
  var prefix: DocField?
  var targetDelimiter: [UInt8]
  var fewshotDelimiter: [UInt8]

  /// - Parameters:
  ///   - own: `fewshot_config`.
  ///   - keys: those of the task.
  init(
    _ own: Section, _ keys: Section, delimiters: (target: [UInt8], fewshot: [UInt8]),
    field: (String, JSON?) -> DocField?
  ) {
    kind = own.choice("sampler", default: .random)
    split = own.plainText("split") ?? keys.plainText("fewshot_split")
    if let json = own.raw("samples") {
      samples = json.elements?.filter { $0.members != nil }
      if samples == nil || samples?.count != json.elements?.count {
        own.fail("samples", "is \(json.kind), where a list of rows is meant")
      }
      // A split comes before samples.
      if split != nil { samples = nil }
    }
    if own.raw("fewshot_indices") != nil {
      own.fail("fewshot_indices", "is not built in", hint: "give the rows as samples")
    }
    if let json = own.raw("process_docs") {
      own.problems.add(
        .needsPython("fewshot_config.process_docs", json[TaskYAML.function]?.text ?? json.kind, at: keys.path)
      )
    }
    func given(_ key: String) -> DocField? { field(key, own.raw(key) ?? keys.raw(key)) }
    text = own.raw("doc_to_text") == nil ? nil : given("doc_to_text")
    target = own.raw("doc_to_target") == nil ? nil : given("doc_to_target")
    choices = own.raw("doc_to_choice") == nil ? nil : given("doc_to_choice")
    prefix = (own.raw("gen_prefix") ?? keys.raw("gen_prefix")).flatMap { field("gen_prefix", $0) }
    targetDelimiter = own.plainText("target_delimiter").map { Array($0.utf8) } ?? delimiters.target
    fewshotDelimiter = own.plainText("fewshot_delimiter").map { Array($0.utf8) } ?? delimiters.fewshot
  }
}

extension Section {
  /// A text, which may be empty; nil where none is given.
  func plainText(_ key: String) -> String? {
    guard let json = raw(key) else { return nil }
    if let text = json.text { return text }
    // Numbers and the like are read as what they look like, and meant as a name.
    switch json {
    case .integer(let value): return String(value)
    case .number(let value): return "\(value)"
    default:
      fail(key, "is \(json.kind), where a text is meant")
      return nil
    }
  }
}
