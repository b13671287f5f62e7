// README.md of OUTPUT/model: the model card that the Hugging Face hub shows, from what really happened.
import Adapters
import Base
import Checkpoints
import Foundation
import Models
import Recipes

/// Says the same at every number of ranks and after every resume: what hosts, ranks and times were stands in history.jsonl.
struct ModelCard {
  private let run: RunSummary
  private let validation: Evaluation?
  private let isAdapter: Bool
  /// `peft` or `adapters`, for an adapter folder.
  private let adapterLibrary: String
  private let task: CardTask

  /// - Parameter form: what the folder holds.
  init(_ run: RunSummary, isAdapter: Bool, validation: Evaluation?) {
    (self.run, self.isAdapter, self.validation) = (run, isAdapter, validation)
    adapterLibrary = run.method == BottleneckAdapters.name ? "adapters" : "peft"
    // Of several tasks, the folder itself is for the first.
    task = CardTask.of(type(of: run.recipe.tasks.first?.share.objective ?? run.recipe.objective).name)
  }

  static let fileName = "README.md"

  /// The card of a folder; nil if it has none.
  static func stored(in folder: String) -> String? {
    (try? OpenFile.contents(folder + "/" + fileName)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The name of the base: what config.json says it was loaded from, or its folder.
  private var base: String {
    URL(fileURLWithPath: run.recipe.model).lastPathComponent
  }

  /// Not the name of the output folder: the same run elsewhere leaves the same files.
  private var name: String { "\(base), \(task.name) by \(run.method)" }

  var text: String {
    [
      head, "# \(Self.plain(name))", opening, "## Data", data, "## Settings", settings, "## Results", results,
      "## How to load it", loading,
    ].joined(separator: "\n\n") + "\n"
  }

  /// The metadata in YAML, as huggingface_hub's `ModelCardData` reads it. JSON's texts are YAML's.
  private var head: String {
    func quoted(_ text: String) -> String { JSON.string(text).encoded() }
    var lines = [
      "---", "library_name: \(isAdapter ? adapterLibrary : "transformers")", "base_model: \(quoted(base))",
      "base_model_relation: \(isAdapter ? "adapter" : "finetune")",
    ]
    if let pipeline = task.pipeline { lines.append("pipeline_tag: \(pipeline)") }
    lines += ["tags:"] + (["swiftdp", run.method, task.name]).map { "- \(quoted($0))" }
    let metrics = numbers
    if let pipeline = task.pipeline, !metrics.isEmpty {
      lines += [
        "model-index:", "- name: \(quoted(name))", "  results:", "  - task:", "      type: \(pipeline)",
        "    dataset:", "      name: validation data of this run", "      type: custom", "    metrics:",
      ]
      lines += metrics.flatMap { ["    - type: \(quoted($0.name))", "      value: \($0.value)"] }
    }
    return (lines + ["---"]).joined(separator: "\n")
  }

  private var opening: String {
    let trained =
      run.trained < run.parameters
      ? "\(grouped(run.trained)) of \(grouped(run.parameters))" : grouped(run.parameters)
    return
      "`\(Self.plain(base))` (\(run.family)), fine-tuned with swiftdp by the method `\(run.method)` for the task "
      + "`\(task.name)`. It trained \(trained) parameters in \(grouped(run.steps)) steps.\(others)"
  }

  private var others: String {
    let adapters = run.recipe.adapters.map { "`\(AdapterFiles.folder)/\($0.name)`" }
    if !adapters.isEmpty {
      return " Several adapters were trained in one pass; \(adapters.joined(separator: ", ")) hold one each."
    }
    let names = run.recipe.tasks.map { "`heads/\($0.share.name)`" }
    return names.isEmpty
      ? ""
      : " It was trained for several tasks at once; \(names.joined(separator: ", ")) hold a model of each."
  }

  private var data: String {
    var lines = ["| file | format | rows | tokens |", "| --- | --- | ---: | ---: |"]
    lines += run.data.files.prefix(50).map { file in
      let name = URL(fileURLWithPath: file.path).lastPathComponent
      return
        "| \(Self.plain(name)) | \(file.format.rawValue) | \(grouped(file.rows)) | \(grouped(file.tokens)) |"
    }
    if run.data.files.count > 50 { lines.append("| \(run.data.files.count - 50) more | | | |") }
    let train = run.data.train
    var counts =
      "Trained on \(counted(train.sequences, "sequence")) with \(grouped(train.targets)) \(run.unit.words)"
    if let validation = run.data.validation {
      counts +=
        "; measured on \(counted(validation.sequences, "sequence")) with \(grouped(validation.targets))"
    }
    return lines.joined(separator: "\n") + "\n\n\(counts)."
  }

  private var settings: String {
    let kept = ["task", "tasks", "adapters", "method", "training", "optimizer", "schedule"]
    // What says how a run is watched or kept says nothing of the model.
    let left: Set = ["data", "report_to", "trace", "time_limit", "validate_every", "audit"]
    let members = (run.recipe.resolved.members ?? []).filter {
      kept.contains(String(decoding: $0.key, as: UTF8.self))
    }
    .map { member in
      func kept(_ value: JSON) -> JSON {
        guard let inner = value.members else { return value }
        return .object(inner.filter { !left.contains(String(decoding: $0.key, as: UTF8.self)) })
      }
      let tasks = member.value.elements.map { JSON.array($0.map(kept)) }
      return JSON.Member(key: member.key, value: tasks ?? kept(member.value))
    }
    return "```yaml\n\(JSON.object(members).yaml())```"
  }

  /// The last validation, or nothing.
  private var numbers: [(name: String, value: Double)] {
    guard let validation, let loss = validation.loss else { return [] }
    return
      ([("loss", loss)]
      + validation.scalars.filter { !$0.isDetail }.compactMap { scalar in
        scalar.number.map { (scalar.name, $0) }
      }).filter { $0.1.isFinite }
  }

  private var results: String {
    let rows = numbers.map { "| validation \(Self.plain($0.name)) | \(decimals($0.value)) |" }
    return rows.isEmpty
      ? "Nothing was measured." : (["| number | value |", "| --- | ---: |"] + rows).joined(separator: "\n")
  }

  private var loading: String {
    let base = JSON.string(run.recipe.model).encoded()
    let code: [String]
    if !isAdapter {
      code = [
        "from transformers import \(task.autoClass), AutoTokenizer", "",
        "model = \(task.autoClass).from_pretrained(\"FOLDER\")",
        "tokenizer = AutoTokenizer.from_pretrained(\"FOLDER\")",
      ]
    } else if adapterLibrary == "adapters" {
      code = [
        "import adapters", "from transformers import \(task.autoClass)", "",
        "model = \(task.autoClass).from_pretrained(\(base))", "adapters.init(model)",
        "model.set_active_adapters(model.load_adapter(\"FOLDER\"))",
      ]
    } else {
      code = [
        "from peft import PeftModel", "from transformers import \(task.autoClass)", "",
        "base = \(task.autoClass).from_pretrained(\(base))",
        "model = PeftModel.from_pretrained(base, \"FOLDER\(adapterFolder)\")",
      ]
    }
    return "FOLDER is this folder.\n\n```python\n\(code.joined(separator: "\n"))\n```"
  }

  /// Of several adapters, where the first one lies.
  private var adapterFolder: String {
    run.recipe.adapters.first.map { "/\(AdapterFiles.folder)/\($0.name)" } ?? ""
  }

  /// A text from elsewhere inside Markdown.
  private static func plain(_ text: String) -> String {
    text.printable(200).replacing("|", with: "\\|").replacing("`", with: "'").replacing("<", with: "&lt;")
  }
}

/// What the hub and transformers call a task.
private struct CardTask {
  let name: String
  /// The hub's `pipeline_tag`; nil where it has none.
  let pipeline: String?
  let autoClass: String

  static func of(_ name: String) -> CardTask {
    switch name {
    case "classification", "regression", "reward":
      CardTask(name: name, pipeline: "text-classification", autoClass: "AutoModelForSequenceClassification")
    case "token_classification":
      CardTask(name: name, pipeline: "token-classification", autoClass: "AutoModelForTokenClassification")
    case "question_answering":
      CardTask(name: name, pipeline: "question-answering", autoClass: "AutoModelForQuestionAnswering")
    case "multiple_choice":
      CardTask(name: name, pipeline: nil, autoClass: "AutoModelForMultipleChoice")
    case "masked_language_model":
      CardTask(name: name, pipeline: "fill-mask", autoClass: "AutoModelForMaskedLM")
    case "embedding":
      CardTask(name: name, pipeline: "sentence-similarity", autoClass: "AutoModel")
    case "text_to_text":
      CardTask(name: name, pipeline: "text2text-generation", autoClass: "AutoModelForSeq2SeqLM")
    default:
      CardTask(name: name, pipeline: "text-generation", autoClass: "AutoModelForCausalLM")
    }
  }
}
