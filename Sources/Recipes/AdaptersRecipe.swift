// `adapters` of a recipe: several LoRA adapters on one base, each with settings and perhaps data of its own.
import Adapters
import Base
import Datasets
import Graph
import Models
import Objectives
import Optimizers

/// One of the adapters of a recipe.
package struct AdapterPart: Sendable {
  package let name: String
  package var data: DataRecipe
  /// Of the adapters, the first one with the same data.
  package let first: Int
  package let learningRate: Double
  package let weightDecay: Double
  package let schedule: ScheduleRecipe
}

struct AdaptersRecipe {
  static let key = "adapters"
  /// The tasks whose loss is a sum over targets that the head of the base predicts.
  private static let kinds: [any Objective.Type] = [
    LanguageModel.self, MaskedLanguageModel.self, TextToText.self,
  ]

  private let top: Section
  private let sections: [Section]
  /// As many as `sections`.
  private var names: [String] = []
  private var data: [DataRecipe] = []
  private var firsts: [Int] = []
  let method: AdapterSet

  init(_ top: Section, _ objective: any Objective) {
    self.top = top
    sections = top.sectionList(Self.key, naming: "name")
    var taken = PartNames()
    var members: [AdapterSet.Member] = []
    var files: [JSON?] = []
    for section in sections {
      let name = section.text("name")
      taken.take(name, section, "name", of: "adapter")
      names.append(name)
      members.append(AdapterSet.Member(name: name, lora: Self.lora(section), place: section.path))
      // Entries have had what stands beside them.
      let given = section.raw("data")
      firsts.append(files.firstIndex { $0 == given } ?? files.count)
      files.append(given)
      let own = DataRecipe(section.section("data"), for: objective)
      if own.retrieval != nil || own.readsStandardInput {
        section.fail(
          "data", "reads \(own.retrieval != nil ? "passages" : "standard input"), and adapters read files")
      }
      data.append(own)
    }
    method = AdapterSet(members)
    let kind = type(of: objective)
    if !Self.kinds.contains(where: { $0.name == kind.name }) {
      top.fail(
        "task", "is \(kind.name), which several adapters in one pass cannot learn",
        hint: "there are \(Self.kinds.map { $0.name }.joined(separator: ", ")); or train them one by one")
    }
    for key in [TasksRecipe.key, "adapter"] where top.has(key) {
      top.fail(key, "stands beside adapters", hint: "leave one of them out")
    }
  }

  /// The method of an adapter, which is LoRA with terms alone.
  private static func lora(_ section: Section) -> LoRA {
    let settings = section.section("method")
    guard settings.has("name") else {
      settings.record("name", .string(LoRA.name))
      return checked(LoRA(settings), settings)
    }
    let method = MethodRecipe(section).method
    guard let lora = method as? LoRA else {
      section.fail(
        "method", "is \(type(of: method).name), and adapters in one pass are lora",
        hint: "train others in runs of their own")
      return LoRA()
    }
    return checked(lora, settings)
  }

  private static func checked(_ lora: LoRA, _ method: Section) -> LoRA {
    for (key, isGiven, words) in [
      ("dora", lora.dora, "is true, and adapters in one pass have no magnitudes"),
      ("init", lora.start.decomposes, "is \(lora.start.rawValue), which changes the base that all share"),
      ("modules_to_save", !lora.modulesToSave.isEmpty, "is given, and all adapters share these modules"),
    ] where isGiven {
      method.fail(key, words, hint: "leave it out, or train this adapter in a run of its own")
    }
    return lora
  }

  /// Where mistakes leave no data.
  var firstData: DataRecipe { data.first ?? .empty }

  /// The adapters with what they have of the optimizer.
  /// - Parameter recipe: of all of them.
  func parts(of recipe: Recipe) -> [AdapterPart] {
    let parts = sections.indices.map { index in
      let own = sections[index].section("optimizer")
      return AdapterPart(
        name: names[index], data: data[index], first: firsts[index],
        learningRate: own.number("learning_rate", default: recipe.optimizer.learningRate, in: 0...1e3),
        weightDecay: own.number("weight_decay", default: recipe.optimizer.weightDecay, in: 0...1e3),
        schedule: ScheduleRecipe(sections[index].section("schedule"), for: recipe.optimizer))
    }
    check(recipe, parts)
    return parts
  }

  /// What of a recipe is for one adapter.
  private func check(_ recipe: Recipe, _ parts: [AdapterPart]) {
    let optimizer = top.section("optimizer")
    let names: [OptimizerName] = [.adamw, .sgd, .lion]
    if !names.contains(recipe.optimizer.name) {
      optimizer.fail(
        "name", "is \(recipe.optimizer.name.rawValue), whose numbers depend on each other across adapters",
        hint: "there are \(names.map(\.rawValue).joined(separator: ", "))")
    }
    let keep = recipe.keep
    let training = recipe.training
    for (section, key, isGiven) in [
      ("optimizer", "groups", !recipe.optimizer.groups.isEmpty),
      ("optimizer", "layer_decay", recipe.optimizer.layerDecay != nil),
      ("keep", "ewc", keep.elastic != nil), ("keep", "replay", keep.replay != nil),
      ("keep", "l2_sp", keep.distance > 0), ("keep", "kl_to_base", keep.divergence > 0),
      ("keep", "watch", !keep.watched.isEmpty), ("keep", "freeze_below", keep.frozenBelow > 0),
      ("keep", "ema", keep.average != nil), ("keep", "wise_ft", keep.finalShare != nil),
      ("training", "evaluate", training.evaluation != nil),
      ("training", "early_stopping", training.stopping != nil),
    ] where isGiven {
      top.section(section).fail(
        key, "is for one adapter, and there are several", hint: "train them in runs of their own")
    }
    for (index, part) in parts.enumerated() where part.schedule.shape == .plateau {
      sections[index].section("schedule").fail(
        "name", "is reduce_on_plateau, and adapters in one pass have no plateau of their own",
        hint: "take another schedule")
    }
  }
}

extension Recipe {
  /// The recipe of one of its adapters' data.
  fileprivate func part(ofAdapter index: Int) -> Recipe {
    var part = self
    part.data = adapters[index].data
    return part
  }

  /// What is read and counted apart: its tasks, or its adapters; empty where there is one of each.
  package var parts: [(name: String, recipe: Recipe)] {
    tasks.isEmpty
      ? adapters.indices.map { (adapters[$0].name, part(ofAdapter: $0)) }
      : tasks.indices.map { (tasks[$0].share.name, part($0)) }
  }

  /// Gives one of the parts other data.
  package mutating func set(_ data: DataRecipe, ofPart index: Int) {
    if tasks.isEmpty { adapters[index].data = data } else { tasks[index].data = data }
  }

  /// The sequences of a step and of a micro-batch, those of all adapters together.
  package var stepSequences: Int { training.batchSize * max(adapters.count, 1) }
  package var microBatchSequences: Int { training.microBatchSize * max(adapters.count, 1) }

  /// The same recipe with what the data of its adapters tell.
  /// - Throws: what cannot be read, of all adapters.
  func settledAdapters() throws -> Recipe {
    var settled = self
    let problems = Problems()
    for index in adapters.indices {
      var own = part(ofAdapter: index)
      own.adapters = []
      guard let part = problems.collect({ try own.settled() }) else { continue }
      settled.adapters[index].data = part.data
      settled.objective = part.objective
    }
    try problems.throwIfAny()
    settled.data = settled.adapters[0].data
    return settled
  }

  /// The model with the weight decay of each adapter.
  func decayed(_ model: ModelDescription) -> ModelDescription {
    adapters.isEmpty
      ? model
      : model.setting { parameter in
        guard let owner = adapters.firstIndex(where: { $0.owns(parameter.name) }) else { return }
        parameter.weightDecay = adapters[owner].weightDecay
      }
  }
}

extension AdapterPart {
  /// Whether a parameter is one of its own.
  package func owns(_ parameter: String) -> Bool {
    AdapterMember.parts(of: parameter).map { $0.adapter == name } ?? false
  }

  /// The rates of a run of so many steps.
  package func rates(steps: Int) -> Schedule {
    Schedule(
      shape: schedule.shape, peak: learningRate, warmupSteps: schedule.warmupSteps,
      finalRatio: schedule.finalRatio, steps: steps, details: schedule.details)
  }
}
