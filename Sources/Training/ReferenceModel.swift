// The model that a policy is compared with, beside the policy: another folder's, the base below an adapter, or the weights
// that the run begins with.
import Base
import Checkpoints
import Collectives
import Datasets
import Graph
import Kernels
import Models
import Objectives
import Optimizers
import Recipes
import Tensors
import Tokenizers

extension Replica {
  /// What the loss is compared with, on the weights of the policy where these are frozen. Collective.
  /// - Parameter checkpoint: the folder of a checkpoint whose reference has moved; nil for the first weights.
  static func reference(
    _ recipe: Recipe, of policy: Replica, checkpoint: String?, ranks: Ranks, ledger: MemoryLedger
  ) throws -> Replica {
    if let folder = recipe.objective.referenceModel {
      return try reference(
        folder, ModelSettings(of: recipe), for: recipe.objective, beside: policy, ranks: ranks)
    }
    let isFixed = [.none, .asked, .askedOfAnswers].contains(recipe.objective.reference)
    let mayShare = isFixed && recipe.method.beginsAsBase && recipe.adapter == nil
    if mayShare, let base = try ranks.together({ try policy.withoutAdapter(recipe) }) { return base }
    let store = try WeightStore.beside(policy.store, recipe, ranks: ranks, ledger: ledger)
    let replica = Replica(
      policy.description, objective: policy.objective, engine: policy.engine, store: store,
      arena: policy.arena)
    try ranks.together {
      let reader: any WeightReader =
        if let checkpoint {
          try StateWeights(MovingReference.state, layout: store.layout, folder: checkpoint)
        } else {
          try RunReader(policy.description, recipe, layout: store.layout, engine: policy.engine)
        }
      try replica.fillTrained(from: reader)
    }
    replica.weights.refreshVectors()
    return replica
  }

  /// The model of a folder that nothing is trained of. Collective.
  static func reference(
    _ folder: String, _ settings: ModelSettings, for objective: any Objective, beside policy: Replica,
    ranks: Ranks
  ) throws -> Replica {
    let description = try ranks.together {
      let description = try TrainedModel.description(folder: folder, adapter: nil, settings)
      guard description.head == objective.head, description.answerStart == nil,
        description.family.vocabulary == policy.description.family.vocabulary
      else {
        throw UserError(
          .usage, "is no language model with the vocabulary of the model that is compared with it",
          at: folder,
          hint: "a reference reads the same tokens")
      }
      return description
    }
    let store = WeightStore.readOnly(description, settings, ranks: ranks)
    let replica = Replica(
      description, objective: objective, engine: policy.engine, store: store, arena: policy.arena)
    try ranks.together {
      try replica.fill(from: try FolderWeights(folder: folder, description, layout: store.layout))
    }
    store.trained.refreshVectors()
    return replica
  }

  /// The base below an adapter, at no memory; nil where some of it is trained.
  private func withoutAdapter(_ recipe: Recipe) throws -> Replica? {
    let base: ModelDescription =
      switch recipe.weights {
      case .pretrained: try .stored(in: recipe.model, with: objective.head)
      case .random: try ModelDescription(folder: recipe.model).with(objective.head)
      }
    return onSameWeights(base.adapted(by: NoFineTuning()))
  }

  /// A model on the frozen weights of this one; nil where it has others.
  func onSameWeights(_ description: ModelDescription) -> Replica? {
    let layout = description.layout
    let line = WeightLine(layout.trained, type: description.trainedType(store.type))
    guard let shared = WeightStore(layout, trained: line, on: store) else { return nil }
    return Replica(description, objective: objective, engine: engine, store: shared, arena: arena)
  }

  /// The relative error of sums of log-probabilities, between forward passes of different shapes.
  var precision: Double { store.type == .bfloat16 || weights.type == .bfloat16 ? 2e-2 : 1e-4 }
}

extension Reference {
  /// What a model that is measured is compared with: the folder that its task names, or the base below its adapter; nil
  /// where nothing is compared. Collective.
  /// - Throws: where there is neither.
  package convenience init?(
    _ trained: TrainedModel, adapter: String?, settings: ModelSettings, mask: PackingMask, ranks: Ranks
  ) throws {
    let policy = trained.replica
    guard policy.objective.reference != .none else { return nil }
    let model: Replica
    if let folder = policy.objective.referenceModel {
      model = try .reference(folder, settings, for: policy.objective, beside: policy, ranks: ranks)
    } else {
      model = try ranks.together {
        let description = try TrainedModel.description(folder: trained.folder, adapter: nil, settings)
        guard let base = policy.onSameWeights(description) else {
          throw UserError(
            .usage, "trains what its base has, so that the base is not in memory beside it",
            at: adapter ?? trained.folder, hint: "set task.reference_model=\(trained.folder)")
        }
        return base
      }
    }
    self.init(model, for: policy.objective, mask: mask, ranks: ranks)
  }
}

extension ModelSettings {
  /// Those of the model that a run trains.
  init(of recipe: Recipe) {
    self.init()
    elementType = recipe.elementType
    frozen = recipe.frozen
    parallel = recipe.parallel
  }
}
