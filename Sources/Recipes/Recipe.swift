// A run as the user describes it: YAML, and `section.key=value` on the command line, as typed values.
import Adapters
import Base
import Checkpoints
import Datasets
import Foundation
import Graph
import Kernels
import Models
import Objectives
import Optimizers
import Sharding
import Tensors
import Tokenizers

/// Everything that defines a run. Each part reads its own keys.
package struct Recipe: Sendable {
  package var model: String
  package var weights: WeightSource
  /// The type that weights are kept and multiplied in.
  package var elementType: ElementType
  /// What the model is trained for.
  package var objective: any Objective
  /// Several tasks over one trunk; empty for one.
  package var tasks: [TaskPart] = []
  /// Several adapters on one base; empty for one, or for another method.
  package var adapters: [AdapterPart] = []
  /// How the model is fine-tuned, and what of it is frozen is kept in.
  package var method: any Method
  package var frozen: FrozenForm
  /// A PEFT folder that the run starts from.
  package var adapter: String?
  package var output: String
  package var data: DataRecipe
  package var keep: KeepRecipe
  package var dropout: DropoutRecipe
  package var training: TrainingRecipe
  package var optimizer: OptimizerRecipe
  package var schedule: ScheduleRecipe
  package var parallel: ParallelRecipe
  package var checkpoint: CheckpointRecipe
  /// Every key with its value, given or default.
  package var resolved: JSON
  private let paths: UserPaths

  /// Where the weights come from when a run begins.
  package enum WeightSource: String, CaseIterable, Sendable {
    /// From the model's folder.
    case pretrained
    /// Initialised at random; the folder needs no safetensors.
    case random
  }

  /// - Parameters:
  ///   - file: a YAML file, or nil for none.
  ///   - assignments: `path=value`, where the value is YAML; they override the file.
  ///   - paths: how paths are read.
  /// - Throws: every mistake at once.
  package init(file: String?, assignments: [String], paths: UserPaths = UserPaths()) throws {
    let problems = Problems()
    let given = try RecipeFile(file, assignments: assignments, paths: paths, problems: problems)
    self.init(
      given.json, file: given.file, overrides: given.overrides, paths: paths, problems: problems)
    try problems.throwIfAny()
  }

  /// A path as the user would write it.
  package func name(of path: String) -> String { paths.name(of: path) }

  /// The same recipe with what its data and its tokenizer tell about its task.
  /// - Throws: if they cannot be read.
  package func settled() throws -> Recipe {
    guard tasks.isEmpty else { return try settledTasks() }
    guard adapters.isEmpty else { return try settledAdapters() }
    var settled = self
    settled.objective = try objective.settled(by: dataOptions).settled {
      try Tokenizer(folder: model)
    }
    let description = try ModelDescription(folder: model)
    settled.method = try method.settled(
      MethodFacts(vocabulary: description.family.vocabulary, seed: training.seed) {
        try Tokenizer(folder: model).encode(Array($0.utf8), addSpecialTokens: true)
      })
    if description.answerStart != nil {
      if data.packing, data.packingIsGiven {
        throw UserError(
          .usage, "is true, and the model answers to texts one by one", at: "data.packing",
          hint: "leave it out")
      }
      settled.data.packing = false
      if !data.groupingIsGiven { settled.data.groupsByLength = data.shuffle }
    } else if data.groupsByLength, data.packing {
      throw UserError(
        .usage, DataRecipe.packedAreAlike, at: "data.group_by_length", hint: "set data.packing=false")
    }
    return settled
  }

  /// The same recipe with the number of steps that its data make.
  /// - Throws: if the method cannot go with them.
  package func settled(steps: Int) throws -> Recipe {
    var settled = self
    settled.method = try method.settled(steps: steps)
    return settled
  }

  /// What is read of the data, and how.
  package var dataOptions: DataOptions {
    var options = DataOptions(
      sources: data.sources, validation: data.validation, format: data.format, columns: data.columns,
      packing: data.packing, packingMask: data.packingMask, sequenceLength: data.sequenceLength,
      seed: training.seed)
    options.packingFits = data.packingFits
    options.virtual = method.virtualPositions
    options.cache = data.cache
    options.chats = data.chats
    options.chats.folder = model
    options.order = data.order
    options.temperature = data.temperature
    objective.prepare(&options)
    return options
  }

  /// Describes the model of a settled recipe, and looks at its weights too if the run reads them.
  package func describeModel() throws -> ModelDescription {
    let heads = (objective as? SharedTrunk)?.heads
    let stored: ModelDescription =
      switch weights {
      case .pretrained:
        try heads.map { try .stored(in: model, with: $0) } ?? .stored(in: model, with: objective.head)
      case .random:
        try heads.map { try ModelDescription(folder: model).with($0) }
          ?? ModelDescription(folder: model).with(objective.head)
      }
    let description = try stored.dropping(dropout.parts, at: "dropout")
    let valued = (objective as? any PolicyTask)?.usesValues == true ? description.withValues() : description
    let adapted = decayed(try optimizer.grouped(try keep.frozen(try valued.adapted(by: method))))
    let tables = adapted.parameters.filter(\.hasRowsOfTokens)
    if frozen.embeddings != nil, tables.allSatisfy(\.trains) {
      throw UserError(
        .usage, "is given, but the run trains the embeddings", at: "frozen_dtype.embeddings",
        hint: "leave it out")
    }
    return adapted
  }

  private init(_ json: JSON, file: String?, overrides: [String], paths: UserPaths, problems: Problems) {
    self.paths = paths
    let top = Section(
      SharedSettings.spread(json, overrides: overrides), file: file, overrides: overrides, code: .usage,
      paths: paths,
      problems: problems)
    model = top.filePath("model")
    if !model.isEmpty, let mistake = UserError.noModelFolder(model) {
      top.fail("model", mistake.what, hint: mistake.hint)
    }
    weights = top.choice("weights", default: .pretrained)
    elementType = top.choice("model_dtype", default: .float32)
    output = top.filePath("output", default: "runs/\(URL(fileURLWithPath: model).lastPathComponent)")
    let together = top.has(TasksRecipe.key) ? TasksRecipe(top) : nil
    objective = together == nil ? TaskRecipe(top).objective : LanguageModel()
    let beside = top.has(AdaptersRecipe.key) ? AdaptersRecipe(top, objective) : nil
    method = beside?.method ?? MethodRecipe(top).method
    frozen = Self.frozenForm(top, type: elementType)
    if (method as? FullMethod)?.trainsEverything == true, frozen != FrozenForm(elementType) {
      top.fail("frozen_dtype", "is given, but method full freezes nothing", hint: "set method=lora")
    }
    if top.has("adapter") {
      let folder = top.filePath("adapter")
      adapter = folder
      if let start = problems.collect({ try adapterMethod(in: folder) }) {
        let name = type(of: start).name
        if top.has("method"), type(of: method).name != name {
          top.fail("adapter", "is given, and the method is another than \(name)", hint: "leave method out")
        }
        method = start.trained(as: method)
      }
    }
    if (method as? LoRA)?.start == .loftq, !frozen.projections.isQuantised {
      top.fail(
        "method", "has init loftq, but frozen_dtype quantises nothing, and there is no error to decompose",
        hint: "set frozen_dtype=int8 or nf4")
    }
    data =
      together.map { $0.parts.first?.data ?? .empty } ?? beside?.firstData
      ?? DataRecipe(top.section("data"), for: objective, virtual: method.virtualPositions)
    keep = KeepRecipe(top.section("keep"))
    dropout = DropoutRecipe(top.section("dropout"))
    training = TrainingRecipe(top.section("training"))
    if let replay = keep.replay, together == nil, beside == nil {
      data.add(
        replay, gradual: keep.gradual, batchSize: training.batchSize, top.section("keep"))
    }
    if let together {
      together.check(method, keep)
      tasks = together.parts(ofBatch: training.batchSize, top.section("training"))
      if !tasks.isEmpty { objective = SharedTrunk(tasks.map(\.share)) }
    }
    if top.has("early_stopping"), training.stopping == nil {
      training.stopping = StoppingRecipe(top.section("early_stopping"), evaluation: training.evaluation)
    }
    if training.stopping?.measure == .validationLoss, data.validation == .none {
      top.fail("training.early_stopping", "watches validation_loss, and data.validation is 0")
    }
    if let size = type(of: objective).microBatchSize { training.microBatchSize = size }
    if let obstacle = objective.obstacle(batchSize: training.batchSize) {
      top.section("training").fail(
        "batch_size", "is \(training.batchSize), and \(obstacle)", hint: "set training.batch_size=8")
    }
    optimizer = OptimizerRecipe(top.section("optimizer"))
    schedule = ScheduleRecipe(top.section("schedule"), for: optimizer)
    if var rule = optimizer.rule as? ScheduleFree {
      rule.warmupSteps = schedule.warmupSteps
      optimizer.rule = rule
    }
    if schedule.shape == .plateau, data.validation == .none || training.validateEvery == 0 {
      top.section("schedule").fail(
        "name", "is reduce_on_plateau, and no loss on validation data is measured",
        hint: "set data.validation and training.validate_every")
    }
    parallel = ParallelRecipe(top.section("parallel"))
    checkpoint = CheckpointRecipe(top.section("checkpoint"))
    resolved = .null
    adapters = beside?.parts(of: self) ?? []
    top.refuseUnknownKeys()
    resolved = top.resolved
    checkFeatures(top)
    checkContext(top)
    checkKept(top)
    checkRollouts(top)
    checkRegularisation(top)
  }
}

extension Recipe {
  /// `frozen_dtype`: a name, or a mapping with a name, `embeddings` and `double_quantization`.
  package static func frozenForm(_ top: Section, type: ElementType) -> FrozenForm {
    enum Name: String, CaseIterable {
      case same
      case float32
      case bfloat16
      case int8
      case nf4
    }
    let isMapping = top.raw("frozen_dtype")?.members != nil
    let section = isMapping ? top.section("frozen_dtype") : top
    let name = section.choice(isMapping ? "name" : "frozen_dtype", default: Name.same)
    let embeddings = isMapping ? section.choice("embeddings", default: Name.same) : .same
    let nests = isMapping && section.bool("double_quantization", default: false)
    if nests, name != .nf4, embeddings != .nf4 {
      section.fail("double_quantization", "is true, and the storage is \(name.rawValue)", hint: "nf4 has it")
    }
    func storage(_ name: Name) -> FrozenStorage? {
      switch name {
      case .same: nil
      case .float32: .float32
      case .bfloat16: .bfloat16
      case .int8: .int8
      case .nf4: .nf4(doubleQuantization: nests)
      }
    }
    return FrozenForm(projections: storage(name) ?? FrozenStorage(type), embeddings: storage(embeddings))
  }
}

package struct ParallelRecipe: Sendable {
  package var zero: ZeroStage
  /// Whether the ranks of a host share one copy of the weights; nil to share if possible.
  package var sharesWeights: Bool?
  /// How many chunks each sequence is cut into, which as many ranks of a host compute together; 1 for whole sequences.
  package var context: Int
  /// The type that gradients are rounded to before they are added; bfloat16 halves what hosts send each other.
  package var wireType: ElementType
  /// Seconds that a rank may keep the others waiting.
  package var timeout: Double
  /// The ports of which the first rank opens one for ranks of other hosts; nil for any.
  package var ports: ClosedRange<Int>?
  /// nil: as many as the rank has cores.
  package var threads: Int?
  /// What multiplies matrices, as `BLAS.open` takes it; nil: by the rule of the processor; `BLAS.measuredName`: what the
  /// ranks find to be fastest. It decides the bits of a result.
  package var blasKernel: String?

  package init(_ section: Section) {
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
    context = section.integer("context", default: 1, in: 1...256)
    wireType = section.choice("wire_dtype", default: .float32)
    timeout = section.number("timeout", default: 120, in: 1...1e6)
    ports = section.ports("ports")
    let kernel = section.text("blas_kernel", default: BLAS.measuredName)
    let arithmetic: Arithmetic = section.choice("arithmetic", default: .native)
    blasKernel = arithmetic.kernel(named: kernel == "auto" ? nil : kernel)
    if arithmetic != .native, kernel != "auto", kernel != BLAS.measuredName {
      section.fail(
        "blas_kernel", "is \(kernel), but arithmetic \(arithmetic.rawValue) has products of its own")
    }
    if section.raw("threads")?.text == "auto" || !section.has("threads") {
      section.record("threads", .string("auto"))
      threads = nil
    } else {
      threads = section.integer("threads", in: 1...1024)
    }
  }
}
