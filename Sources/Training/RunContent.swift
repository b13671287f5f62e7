// What a run reads from a checkpoint and writes into it, and the model that it leaves.
import Adapters
import Base
import Checkpoints
import Graph
import Models
import Optimizers
import Recipes
import Sharding
import Tensors

extension Run {
  /// Reads this rank's part of the weights: of a checkpoint, or of what the recipe starts from.
  func fill(checkpoint: String? = nil) throws {
    try ranks.together {
      let reader = try RunReader(
        model.description, recipe, layout: replica.store.layout, checkpoint: checkpoint,
        engine: replica.engine)
      try replica.fill(from: reader)
      try optimizer.fillMasters(from: reader)
    }
  }

  /// The weights that the run begins with.
  func firstReader() throws -> any WeightReader {
    try ranks.together {
      try RunReader(model.description, recipe, layout: replica.layout, engine: replica.engine)
    }
  }

  func resume(from path: String) throws {
    let state = try ranks.together {
      let state = try TrainingState(folder: path)
      try state.check(conditions, folder: path)
      try state.checkStep(within: data.steps, folder: path)
      try ModelDescription(folder: path).checkSame(as: model.description, folder: path)
      if let kept = state.plateau, step.plateau?.restore(kept) == false {
        throw UserError(.data, "has numbers of a plateau that no run leaves", at: path)
      }
      return state
    }
    try fill(checkpoint: path)
    resumed = (state.step, path)
    step.restore(state.history)
    keptRollouts = state.rollouts
    keptStopping = state.stopping
    first = state.first.map(Evaluation.init(losses:))
    // Hosts may have different hardware.
    let differences = ranks.gather(state.differences(from: fingerprint) ?? "").first { !$0.isEmpty }
    notes += [differences].compactMap { $0 }
    try ranks.together { try content().readStates(from: path) }
    // A checkpoint has the weights that are measured, and the trained ones among the states.
    optimizer.updates = state.step - state.history.skipped
    step.showsEvaluated = true
    step.show(evaluated: false)
  }

  /// What a checkpoint must agree with to go on from it: the same samples in the same order.
  private var conditions: [JSON.Member] {
    (model.base.conditions + (recipe.objective.settings.map { [("task", $0)] } ?? [])
      + (recipe.keep.settings.map { [("keep", $0)] } ?? [])
      + (recipe.optimizer.groupSettings.map { [("optimizer.groups", $0)] } ?? []) + [
        ("data", .string(partData?.fingerprint ?? data.fingerprint)),
        ("training.seed", .integer(Int(recipe.training.seed))),
        ("training.batch_size", .integer(recipe.training.batchSize)),
        ("data.shuffle", .bool(recipe.data.shuffle)),
        ("data.group_by_length", .bool(recipe.data.groupsByLength)),
        ("optimizer.name", .string(recipe.optimizer.name.rawValue)),
        ("optimizer.states", .array(recipe.rule.states.map { .string($0.name) })),
      ]).map { (name: String, value: JSON) in JSON.Member(key: Array(name.utf8), value: value) }
  }

  /// What a checkpoint holds. Call it when the weights of the last step are here.
  private func content() -> CheckpointContent {
    content(
      model.base.checkpointForm, states: optimizer.states,
      derived: [replica.encodedPrompt()].compactMap { $0 })
  }

  /// What the run leaves.
  /// - Parameter card: the model card.
  func leftContent(_ card: String) throws -> CheckpointContent {
    let (form, tensors) = try model.base.left(by: recipe.method, of: replica)
    var content = content(
      recipe.tasks.isEmpty ? form : .heads(HeadFiles(replica.description)), states: [],
      derived: tensors + [replica.encodedPrompt()].compactMap { $0 })
    content.companions.add([(ModelCard.fileName, Array(card.utf8))])
    return content
  }

  /// Gives the trained weights other values.
  func fillTrained(from reader: any WeightReader) throws {
    try replica.weights.fill(replica.weights.loaded, from: reader, on: replica.engine.pool.runTiles)
    try optimizer.fillMasters(from: reader)
  }

  private func content(
    _ form: WeightsForm, states: [ShardedState], derived: [DerivedTensor]
  ) -> CheckpointContent {
    CheckpointContent(
      description: replica.description, companions: model.companions, map: optimizer.map,
      store: replica.store, form: form, baseFingerprint: model.base.fingerprint,
      masters: optimizer.masters?.base, states: states, derived: derived, check: optimizer.check)
  }

  /// - Parameter mustSucceed: whether it is written before this returns, so that its failure ends the run.
  func save(_ number: Int, mustSucceed: Bool) throws {
    step.finish()
    if let moving = reference?.moving {
      optimizer.states.first { $0.declaration.name == MovingReference.state.name }?.fill(from: moving.weights)
    }
    let state = TrainingState(
      step: number, conditions: conditions, fingerprint: fingerprint,
      history: step.watch.history, rollouts: policy?.kept(after: number), stopping: stopping?.json,
      plateau: step.plateau?.json, first: first?.losses)
    try tell(
      step.withEvaluated { try saves.save(step: number, content(), state, mustSucceed: mustSucceed) })
  }
}
