// A run as the user describes it: YAML, and `section.key=value` on the command line, as typed values.
import Base
import Checkpoints
import Datasets
import Foundation
import Graph
import Optimizers
import Sharding
import Tensors

/// Everything that decides a run. Each part reads its own keys.
package struct Recipe: Sendable {
  package var model: String
  package var weights: WeightSource
  /// What weights are kept and multiplied in.
  package var modelType: ModelType
  package var output: String
  package var data: DataRecipe
  package var training: TrainingRecipe
  package var optimizer: OptimizerRecipe
  package var schedule: ScheduleRecipe
  package var parallel: ParallelRecipe
  package var checkpoint: CheckpointRecipe
  /// Every key with its value, given or default.
  package var resolved: JSON
  /// The folder that `shipped:` stands for.
  private var shipped: String?

  /// Where weights come from when a run begins.
  package enum WeightSource: String, CaseIterable, Sendable {
    /// From the model's folder.
    case pretrained
    /// Drawn anew; the folder needs no safetensors.
    case random
  }

  /// - Parameters:
  ///   - file: a YAML file, or nil for none.
  ///   - assignments: `path=value`, the value being YAML; they win over the file.
  ///   - shipped: the folder that paths of the form `shipped:…` lead into.
  /// - Throws: every mistake at once.
  package init(file: String?, assignments: [String], shipped: String? = nil) throws {
    var json = JSON.null
    if let file {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
        throw UserError(
          .usage, "there is no such configuration", at: file,
          hint: file.contains("=") ? "" : "settings are written section.key=value")
      }
      guard !isFolder.boolValue else {
        throw UserError(
          .usage, "is a folder, not a recipe", at: file, hint: "a model is named by model=\(file)")
      }
      guard let text = String(validating: try OpenFile.contents(file), as: UTF8.self) else {
        throw UserError(.usage, "is not UTF-8 text", at: file)
      }
      json = try .yaml(text, file: file)
      guard json.isNull || json.members != nil else {
        throw UserError(.usage, "is \(json.kind), where keys with values are meant", at: file)
      }
    }
    let problems = Problems()
    var overrides: [String] = []
    for assignment in assignments {
      guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
        problems.add(
          .usage, "is not a setting", at: assignment,
          hint: "write section.key=value, such as training.steps=100")
        continue
      }
      let path = assignment[..<equals].split(separator: ".", omittingEmptySubsequences: false)
      let text = String(assignment[assignment.index(after: equals)...])
      if let value = problems.collect({ try JSON.yaml(text, file: String(assignment[..<equals])) }) {
        json.set(path[...], to: value)
        overrides.append(String(assignment[..<equals]))
      }
    }
    if let shipped { json.replace("shipped:", by: shipped + "/") }
    self.init(json, file: file, overrides: overrides, problems: problems)
    try problems.throwIfAny()
    if let shipped {
      self.shipped = shipped + "/"
      resolved.replace(shipped + "/", by: "shipped:")
    }
  }

  /// A path as the user would write it.
  package func name(of path: String) -> String {
    guard let shipped, path.hasPrefix(shipped) else { return path }
    return "shipped:" + path.dropFirst(shipped.count)
  }

  private init(_ json: JSON, file: String?, overrides: [String], problems: Problems) {
    let top = Section(json, file: file, overrides: overrides, code: .usage, problems: problems)
    model = top.text("model")
    if !model.isEmpty, !FileManager.default.fileExists(atPath: model) {
      top.fail("model", "there is no folder \(model)", hint: "a Hugging Face model that was downloaded")
    }
    weights = top.choice("weights", default: .pretrained)
    modelType = top.choice("model_dtype", default: .float32)
    output = top.text("output", default: "runs/\(URL(fileURLWithPath: model).lastPathComponent)")
    data = DataRecipe(top.section("data"))
    training = TrainingRecipe(top.section("training"))
    optimizer = OptimizerRecipe(top.section("optimizer"))
    schedule = ScheduleRecipe(top.section("schedule"))
    parallel = ParallelRecipe(top.section("parallel"))
    checkpoint = CheckpointRecipe(top.section("checkpoint"))
    top.refuseUnknownKeys()
    resolved = top.resolved
  }
}

package struct DataRecipe: Sendable {
  package var train: [String]
  package var validation: ValidationSource
  package var format: DataFormat
  package var sequenceLength: Int
  package var packing: Bool
  package var packingMask: PackingMask
  package var shuffle: Bool

  init(_ section: Section) {
    train = section.has("train") ? section.texts("train", default: []) : []
    if train.isEmpty { section.fail("train", "is missing", hint: "give a file or a list of files") }
    let share = section.raw("validation")?.double
    if let share {
      let checked = section.number("validation", default: 0, in: 0...0.9999)
      validation = share == 0 ? .none : .share(checked)
    } else if section.has("validation") {
      let files = section.texts("validation", default: [])
      validation = files.isEmpty ? .none : .files(files)
    } else {
      section.record("validation", .number(0.05))
      validation = .share(0.05)
    }
    format = section.choice("format", default: .auto)
    sequenceLength = section.integer("sequence_length", default: 256, in: 2...1 << 20)
    packing = section.bool("packing", default: true)
    packingMask = section.choice("packing_mask", default: .none)
    shuffle = section.bool("shuffle", default: true)
    for (key, files) in [("train", train), ("validation", validation.files)] {
      for file in files {
        if let mistake = UserError.noFile(file, at: key) {
          section.fail(key, mistake.what, hint: mistake.hint)
        }
      }
    }
  }
}

extension ValidationSource {
  var files: [String] {
    if case .files(let files) = self { files } else { [] }
  }
}

package struct TrainingRecipe: Sendable {
  /// Exactly one of the two is given or default.
  package enum Duration: Sendable, Equatable {
    case steps(Int)
    case epochs(Double)
  }

  package var duration: Duration
  /// Sequences of an optimizer step, over all ranks.
  package var batchSize: Int
  /// Sequences of one forward pass of one rank.
  package var microBatchSize: Int
  package var seed: UInt64
  package var validateEvery: Int
  package var recompute: Recompute
  /// Seconds from the start of the process, after which it has ended with a checkpoint; nil for no limit.
  package var timeLimit: Double?
  /// Whether results are the same bits at every rank count.
  package var exact: Bool
  package var onSpike: SpikeAction
  /// How many times the median of the last gradient norms is a spike; 0 for never.
  package var spikeFactor: Double
  /// The share of micro-batches that a second rank computes too.
  package var audit: Double

  init(_ section: Section) {
    if section.has("steps") {
      duration = .steps(section.integer("steps", in: 1...1 << 40))
      if section.has("epochs") {
        section.fail("epochs", "stands beside training.steps", hint: "give one of the two")
        _ = section.raw("epochs").map { section.record("epochs", $0) }
      }
    } else {
      duration = .epochs(section.number("epochs", default: 3, in: 1e-6...1e9))
    }
    batchSize = section.integer("batch_size", default: 32, in: 1...1 << 24)
    microBatchSize = section.integer("micro_batch_size", default: min(4, batchSize), in: 1...1 << 20)
    if microBatchSize > batchSize {
      section.fail("micro_batch_size", "is \(microBatchSize), more than batch_size, which is \(batchSize)")
    }
    seed = UInt64(section.integer("seed", default: 0, in: 0...Int.max))
    validateEvery = section.integer("validate_every", default: 50, in: 0...Int.max)
    recompute = section.choice("recompute", default: .none)
    if let given = section.raw("time_limit") {
      let text = given.text ?? given.encoded()
      section.record("time_limit", given)
      timeLimit = seconds(of: text)
      if timeLimit == nil {
        section.fail("time_limit", "is \"\(text)\", which is no time", hint: "such as 4h, 90m or 04:00:00")
      }
    }
    exact = section.bool("exact", default: true)
    onSpike = section.choice("on_spike", default: .stop)
    spikeFactor = section.number("spike_factor", default: 10, in: 0...1e9)
    if spikeFactor > 0, spikeFactor <= 1 {
      section.fail(
        "spike_factor", "is \(spikeFactor), and every norm is as large", hint: "more than 1, or 0 for never")
    }
    audit = section.number("audit", default: 0, in: 0...1)
  }
}

package struct ScheduleRecipe: Sendable {
  package var shape: Schedule.Shape
  package var warmupSteps: Int
  package var finalRatio: Double

  init(_ section: Section) {
    shape = section.choice("name", default: .cosine)
    warmupSteps = section.integer("warmup_steps", default: 10, in: 0...1 << 40)
    finalRatio = section.number("final_ratio", default: 0.1, in: 0...1)
  }
}

package struct ParallelRecipe: Sendable {
  package var zero: ZeroStage
  /// Whether the ranks of a host share one copy of the weights; nil for where that can be.
  package var sharesWeights: Bool?
  /// What gradients are rounded to before they are added, which halves what hosts send each other.
  package var wireType: ModelType
  /// Seconds that a rank may keep the others waiting.
  package var timeout: Double
  /// nil: as many as the rank has cores.
  package var threads: Int?
  /// Which kernels OpenBLAS runs; nil: the best for the processor. They decide the bits of a result.
  package var blasKernel: String?

  init(_ section: Section) {
    let stage = section.integer("zero", default: 1)
    zero = ZeroStage(rawValue: stage) ?? .optimizer
    if ZeroStage(rawValue: stage) == nil {
      let stages = ZeroStage.allCases.map { "\($0.rawValue)" }.joined(separator: ", ")
      section.fail("zero", "is \(stage), but must be one of \(stages)")
    }
    if section.raw("node_shared_weights")?.text == "auto" || !section.has("node_shared_weights") {
      section.record("node_shared_weights", .string("auto"))
      sharesWeights = nil
    } else {
      let text = section.raw("node_shared_weights")?.text
      if let text {
        section.fail("node_shared_weights", "is \"\(text)\", but must be auto, true or false")
        section.record("node_shared_weights", .string(text))
      }
      sharesWeights = text == nil ? section.bool("node_shared_weights", default: true) : nil
      if sharesWeights == true, zero == .replicas {
        section.fail("node_shared_weights", "is true, but every rank updates all weights with zero 0")
      }
      if sharesWeights == false, zero == .weights {
        section.fail("node_shared_weights", "is false, but zero 3 keeps one copy of the weights per host")
      }
    }
    wireType = section.choice("wire_dtype", default: .float32)
    timeout = section.number("timeout", default: 120, in: 1...1e6)
    let kernel = section.text("blas_kernel", default: "auto")
    blasKernel = kernel == "auto" ? nil : kernel
    if section.raw("threads")?.text == "auto" || !section.has("threads") {
      section.record("threads", .string("auto"))
      threads = nil
    } else {
      threads = section.integer("threads", in: 1...1024)
    }
  }
}

package struct CheckpointRecipe: Sendable {
  package enum Resume: Sendable, Equatable {
    /// From the newest complete checkpoint in the output folder, if there is one.
    case auto
    case none
    case folder(String)
  }

  private enum ModelType: String, CaseIterable {
    case float32
    case bfloat16
  }

  /// Steps between two checkpoints; 0 for the last step only.
  package var every: Int
  package var keep: Int
  /// Element type of `OUTPUT/model`; checkpoints keep fp32.
  package var modelType: StoredType
  package var resume: Resume
  /// What of a checkpoint is copied, to be written while training goes on.
  package var memory: CheckpointMemory

  init(_ section: Section) {
    every = section.integer("every", default: 100, in: 0...Int.max)
    keep = section.integer("keep", default: 3, in: 1...Int.max)
    modelType = section.choice("model_dtype", default: ModelType.float32) == .float32 ? .f32 : .bf16
    let given = section.raw("memory") ?? .string("auto")
    section.record("memory", given)
    memory = CheckpointMemory(given.text ?? given.encoded()) ?? .auto
    if CheckpointMemory(given.text ?? given.encoded()) == nil {
      section.fail(
        "memory", "is \(given.encoded()), which is no size", hint: "auto, 0, or such as 512M or 4G")
    }
    switch section.text("resume", default: "auto") {
    case "auto": resume = .auto
    case "none": resume = .none
    case let folder:
      resume = .folder(folder)
      if !FileManager.default.fileExists(atPath: folder) {
        section.fail(
          "resume", "there is no checkpoint \(folder)", hint: "auto, none, or the folder of a checkpoint")
      }
    }
  }
}
