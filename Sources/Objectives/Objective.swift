// What a model is trained for: the head that it needs, the loss of its samples, and the numbers that tell how well it
// does.
import Base
import Datasets
import Graph
import Kernels
import Models
import Tokenizers

/// What the denominator of a loss counts.
package enum LossUnit: String, Sendable {
  /// Tokens that are predicted.
  case targetTokens = "target_tokens"
  /// Rows of the data.
  case rows
  /// Words with a label.
  case words
  /// Parts of long texts.
  case windows

  /// For people, in the plural.
  package var words: String {
    switch self {
    case .targetTokens: "target tokens"
    case .rows: "rows"
    case .words: "words"
    case .windows: "windows"
    }
  }
}

/// What some micro-batches left behind, added in their order.
package struct LossSums: Sendable {
  /// In nats.
  package var loss: Double
  /// What the denominator counts.
  package var units: Int
  /// As many as `Objective.counts`.
  package var counts: [Double]
  /// nil if there is no unit.
  package var meanLoss: Double? { units > 0 ? loss / Double(units) : nil }

  package init(loss: Double, units: Int, counts: [Double] = []) {
    self.loss = loss
    self.units = units
    self.counts = counts
  }
}

package protocol Objective: Sendable {
  /// What a recipe calls it.
  static var name: String { get }
  init(_ settings: Section)
  /// The objective of a model that is evaluated as it is; nil if its head is for another one.
  init?(evaluating model: ModelDescription)

  /// What decides its results, to compare with when a run goes on; nil where nothing does.
  var settings: JSON? { get }
  static var unit: LossUnit { get }
  /// The head that its models have.
  var head: Head { get }
  /// The format that its data has; nil for any whose rows are learned by next tokens.
  static var format: DataFormat? { get }
  /// Whether its rows are texts with answers, which models of two streams need.
  var answersTexts: Bool { get }
  /// What it asks of the data.
  func prepare(_ data: inout DataOptions)
  /// The same objective with what only the data tells, such as the labels that occur.
  /// - Throws: if the files cannot be read.
  func settled(by data: DataOptions) throws -> Self
  /// The same objective with what only the tokenizer tells, such as the token of a mask.
  /// - Throws: if the tokenizer lacks what the objective needs.
  func settled(by tokenizer: () throws -> Tokenizer) throws -> Self

  /// - Throws: if the model is not one for its settings.
  func check(_ model: ModelDescription) throws
  /// What the folder of a model holds for other programs to know its task, by the names of files.
  func companions(of model: ModelDescription) -> [(name: String, bytes: [UInt8])]

  /// Whether its loss is of all samples of a step together; see `JointLoss`.
  static var isJoint: Bool { get }
  /// Whether its samples are compared with others of their step, so that those must not be chosen by their length.
  var comparesSamples: Bool { get }
  /// What its models are compared with, and the folder of that if it is another model than the run begins with.
  var reference: ReferenceUse { get }
  var referenceModel: String? { get }
  /// What all samples of a step, or of a measurement, tell of each.
  /// - Parameter units: of them.
  func stepNumber(of microBatches: [MicroBatch], in sequences: TokenSequences, units: Int) -> StepNumber
  /// How many samples of the data a step has, and how many steps each of them is in, one behind the other.
  func samples(ofBatch size: Int) -> Int
  var stepsPerSample: Int { get }
  /// Why a step cannot have so many samples; nil if it can.
  func obstacle(batchSize: Int) -> String?
  /// Whether dropout of a model's config and method is active in training.
  var dropsOut: Bool { get }
  /// Whether its targets are spread over all tokens or labels in part.
  var isSmoothed: Bool { get }
  /// What is wrong with the sums of a run's first step; nil if nothing is, or if nothing tells.
  /// - Parameter precision: the relative error of what the model computes.
  func flaw(ofFirstStep sums: LossSums, precision: Double) -> String?
  /// Whether a sample has the same tokens in each step.
  static var keepsTokens: Bool { get }
  /// The sequences of a sample, where the data has not told them yet.
  var rowsPerSample: Int { get }
  /// The samples of a micro-batch, whatever a recipe says; nil to take what it says.
  static var microBatchSize: Int? { get }
  /// The gradient of each row's representation, and its share of the loss.
  /// - Parameters:
  ///   - z: [rows, C].
  ///   - rows: the sequences.
  ///   - units: of the step.
  /// - Returns: [rows, C + 1].
  func joint(
    _ z: [Float], of rows: some Collection<Int>, in sequences: TokenSequences, units: Int, _ engine: Engine
  ) -> [Float]
  /// The sum of losses of a data set, where it does not follow from those of micro-batches.
  func loss(of evaluated: Evaluated, _ engine: Engine) -> Double?

  /// Units of the loss of some micro-batches.
  func units(of microBatches: [MicroBatch], in sequences: TokenSequences, _ draw: BatchDraw) -> Int
  /// Changes a micro-batch before the model reads it.
  func mark(_ batch: inout Batch, _ draw: BatchDraw)
  /// Records head and loss on the hidden states.
  func record(_ hidden: Value, of model: ModelDescription, on graph: Graph)
  /// How many sums a micro-batch leaves beside its loss.
  var counts: Int { get }
  /// The numbers of a training step, beside its loss.
  func scalars(ofStep sums: LossSums) -> [Scalar]

  /// What the model leaves of a measured sequence.
  var outputs: OutputForm { get }
  /// The same where its mistakes are to be found, too.
  var mistakeOutputs: OutputForm { get }
  /// Whether measuring needs what the rows say.
  static var readsRows: Bool { get }
  /// How models answer to the rows that are measured; nil where nothing is written.
  var answering: AnswerSettings? { get }
  /// The numbers of a data set, beside its loss.
  func scalars(of evaluated: Evaluated) -> [Scalar]
  /// Whether there is something to predict of a row.
  static var predicts: Bool { get }
  /// What `predict` writes of a row.
  func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)]
  /// What the model got wrong, in the order of the rows; what `evaluated` holds was measured for it. Where answers are
  /// not right or wrong, it is the worst tenth of the rows.
  func mistakes(of evaluated: Evaluated) -> [Mistake]
  /// Whether it can tell which rows of other data are like one.
  static var comparesRows: Bool { get }
  /// For each of some rows, the rows of other data that are most alike, the nearest first.
  func neighbours(
    of rows: [Int], in evaluated: Evaluated, among others: Evaluated, count: Int
  ) -> [[(row: Int, score: Double)]]
}

extension Objective {
  package var settings: JSON? { nil }
  package static var format: DataFormat? { nil }
  package var answersTexts: Bool { false }
  package func prepare(_ data: inout DataOptions) {}
  package func settled(by data: DataOptions) throws -> Self { self }
  package func settled(by tokenizer: () throws -> Tokenizer) throws -> Self { self }
  package func units(of microBatches: [MicroBatch], in sequences: TokenSequences, _ draw: BatchDraw) -> Int {
    sequences.targetCount(of: microBatches)
  }
  package func mark(_ batch: inout Batch, _ draw: BatchDraw) {}
  package func check(_ model: ModelDescription) throws {}
  package func companions(of model: ModelDescription) -> [(name: String, bytes: [UInt8])] { [] }
  package static var isJoint: Bool { false }
  package var comparesSamples: Bool { Self.isJoint }
  package var reference: ReferenceUse { .none }
  package var referenceModel: String? { nil }
  package func stepNumber(
    of microBatches: [MicroBatch], in sequences: TokenSequences, units: Int
  ) -> StepNumber { .none }
  package func samples(ofBatch size: Int) -> Int { size }
  package var stepsPerSample: Int { 1 }
  package func obstacle(batchSize: Int) -> String? { nil }
  package var dropsOut: Bool { true }
  package var isSmoothed: Bool { false }
  package func flaw(ofFirstStep sums: LossSums, precision: Double) -> String? { nil }
  package static var predicts: Bool { true }
  package static var keepsTokens: Bool { true }
  package var rowsPerSample: Int { 1 }
  package static var microBatchSize: Int? { nil }
  package func joint(
    _ z: [Float], of rows: some Collection<Int>, in sequences: TokenSequences, units: Int, _ engine: Engine
  ) -> [Float] { preconditionFailure("the loss is a sum over micro-batches") }
  package func loss(of evaluated: Evaluated, _ engine: Engine) -> Double? { nil }
  package var counts: Int { 0 }
  package func scalars(ofStep sums: LossSums) -> [Scalar] { [] }
  package var outputs: OutputForm { .none }
  package var mistakeOutputs: OutputForm { outputs }
  package static var readsRows: Bool { false }
  package var answering: AnswerSettings? { nil }
  package func prediction(_ row: Int, of evaluated: Evaluated) -> [(key: String, value: JSON)] { [] }
  package func mistakes(of evaluated: Evaluated) -> [Mistake] { [] }
  package static var comparesRows: Bool { false }
  package func neighbours(
    of rows: [Int], in evaluated: Evaluated, among others: Evaluated, count: Int
  ) -> [[(row: Int, score: Double)]] { rows.map { _ in [] } }

  /// A micro-batch as the model reads it, in the memory of an earlier one.
  package func fill(
    _ batch: inout Batch, with microBatch: MicroBatch, of sequences: TokenSequences, mask: PackingMask,
    _ draw: BatchDraw = .none
  ) {
    sequences.fill(&batch, with: microBatch, mask: mask)
    mark(&batch, draw)
  }
}

/// All objectives that swiftdp knows: a new one is one file and one line here.
package let objectives: [any Objective.Type] = [
  LanguageModel.self, MaskedLanguageModel.self, Classification.self, TokenClassification.self,
  Regression.self,
  MultipleChoice.self, QuestionAnswering.self, TextToText.self, Embedding.self,
  PreferenceTuning.self, RewardModel.self, GRPO.self, RLOO.self, RAFT.self, PPO.self, Distillation.self,
]

/// The objective that a model was trained for, by its head.
/// - Throws: if it has none.
package func objective(of model: ModelDescription) throws -> any Objective {
  for type in objectives {
    if let objective = type.init(evaluating: model) { return objective }
  }
  throw UserError(
    .data, "has no head, so nothing can be predicted", at: model.folder, hint: "fine-tune it with task=…")
}

/// `task:` of a recipe: a name, or a mapping with a name and settings.
package struct TaskRecipe: Sendable {
  package var objective: any Objective

  package init(_ top: Section) {
    let given = top.raw("task")
    let section = given?.members != nil ? top.section("task") : nil
    let name = section?.text("name") ?? top.text("task", default: LanguageModel.name)
    guard let type = Self.type(name, in: section ?? top, section == nil ? "task" : "name") else {
      objective = LanguageModel()
      return
    }
    objective = type.init(
      section ?? Section(nil, file: nil, path: "task", code: .usage, problems: top.problems))
  }

  /// The task that a mapping names, with its settings.
  package init(naming section: Section) {
    let name = section.text("name")
    objective = Self.type(name, in: section, "name")?.init(section) ?? LanguageModel()
  }

  /// - Returns: nil where no task has the name; the mistake is told.
  private static func type(_ name: String, in section: Section, _ key: String) -> (any Objective.Type)? {
    if let type = objectives.first(where: { $0.name == name }) { return type }
    let names = objectives.map { $0.name }
    // What is missing was told.
    if !(name.isEmpty && key == "name") {
      section.fail(
        key, "is \"\(name)\", which is no task of swiftdp",
        hint: nearest(to: name, among: names).map { "did you mean \($0)?" }
          ?? "there are \(names.joined(separator: ", "))")
    }
    return nil
  }
}
