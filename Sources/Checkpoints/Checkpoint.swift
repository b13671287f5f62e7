// A checkpoint: a Hugging Face model folder with the optimizer states beside the weights, in safetensors of
// the same names and shapes, and a small JSON state. Files do not depend on how many ranks wrote them.
import Adapters
import Base
import Collectives
import Foundation
import Kernels
import Models
import Optimizers
import Sharding
import Tensors

/// Where a run stood: what `training_state.json` holds.
package struct TrainingState: Equatable, Sendable {
  package static let fileName = "training_state.json"
  /// Version 1 had no manifest.
  package static let formatVersion = 2
  static let oldestVersion = 1

  /// Optimizer steps done.
  package var step: Int
  /// What must be the same so that the run can go on from here, by name: seed, batch size, fingerprint of the data
  /// and so on.
  package var conditions: [JSON.Member]
  /// What else the last bits depend on: a difference is allowed, and reported.
  package var fingerprint: [JSON.Member]
  /// What the numbers of the next steps are compared with.
  package var history: NumberHistory
  /// Answers of a policy that the next steps still learn from; nil for none.
  package var rollouts: JSON?
  /// What early stopping has seen; nil without it.
  package var stopping: JSON?
  /// What a schedule that follows the loss has seen; nil for others.
  package var plateau: JSON?
  /// The losses before the first step, of the task and of general text; nil where nothing was measured.
  package var first: JSON?
  /// The format of the folder that it was read from, or will be written to.
  package private(set) var version = formatVersion
  /// Whether it has a manifest, as all checkpoints have that are written now.
  package var hasManifest: Bool { version > 1 }

  package init(
    step: Int, conditions: [JSON.Member], fingerprint: [JSON.Member],
    history: NumberHistory = NumberHistory(), rollouts: JSON? = nil, stopping: JSON? = nil,
    plateau: JSON? = nil, first: JSON? = nil
  ) {
    self.first = first
    self.plateau = plateau
    self.rollouts = rollouts
    self.stopping = stopping
    self.step = step
    self.conditions = conditions
    self.fingerprint = fingerprint
    self.history = history
  }

  /// Whether a method trains a part of the model, which alone lies in the folder.
  var isOfPart: Bool { conditions.contains { $0.key.elementsEqual("method".utf8) } }

  /// The optimizer's states, whose names are also those of their files.
  /// - Throws: if the states are not those of an optimizer.
  package func states(folder: String) throws -> [OptimizerState] {
    func value(_ key: String) -> JSON? { conditions.first { $0.key.elementsEqual(key.utf8) }?.value }
    let file = folder + "/" + Self.fileName
    guard let name = value("optimizer.name")?.text, let optimizer = OptimizerName(rawValue: name) else {
      throw UserError(.data, "names no optimizer that swiftdp has", at: file)
    }
    // Only known names become file names.
    return try (value("optimizer.states")?.elements ?? []).map { element in
      let known = optimizer.states + RankAllocation.states + [MovingReference.state, AveragedRule.state]
      guard let state = known.first(where: { $0.name == element.text }) else {
        throw UserError(.data, "\(element.encoded()) is no state of \(name)", at: file)
      }
      return state
    }
  }

  var json: JSON {
    let members: [(String, JSON)] =
      [
        ("format_version", .integer(Self.formatVersion)), ("step", .integer(step)),
        ("conditions", .object(conditions)), ("fingerprint", .object(fingerprint)),
      ] + history.members + (rollouts.map { [("rollouts", $0)] } ?? [])
      + (stopping.map { [("early_stopping", $0)] } ?? [])
      + (plateau.map { [("plateau", $0)] } ?? [])
      + (first.map { [("first_losses", $0)] } ?? [])
    return .object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }

  package init(folder: String) throws {
    let file = folder + "/" + Self.fileName
    // The code that reads a file reports one that may not be read.
    if access(file, F_OK) != 0, errno != EACCES {
      throw UserError(.data, "is no checkpoint: it has no \(Self.fileName)", at: folder)
    }
    let json = try OpenFile.json(file)
    guard let version = json["format_version"]?.integer else {
      throw UserError(.data, "has no format_version", at: file)
    }
    guard (Self.oldestVersion...Self.formatVersion).contains(version) else {
      throw UserError(
        .data, "has format \(version), and this swiftdp reads formats to \(Self.formatVersion)", at: file,
        hint: "use the swiftdp that wrote it, or start from its weights with model: \(folder)")
    }
    guard let step = json["step"]?.integer, step >= 0, var conditions = json["conditions"]?.members else {
      throw UserError(.data, "lacks step or conditions", at: file)
    }
    // What was so before it could be chosen.
    for (name, value) in [
      ("optimizer.name", JSON.string(OptimizerName.adamw.rawValue)), ("data.group_by_length", .bool(false)),
    ] where !conditions.contains(where: { $0.key.elementsEqual(name.utf8) }) {
      conditions.append(JSON.Member(key: Array(name.utf8), value: value))
    }
    guard let history = NumberHistory(json, step: step) else {
      throw UserError(
        .data, "has gradient_norms, skipped_steps or broken_steps_in_a_row that no run leaves", at: file)
    }
    self.init(
      step: step, conditions: conditions, fingerprint: json["fingerprint"]?.members ?? [],
      history: history, rollouts: json["rollouts"], stopping: json["early_stopping"],
      plateau: json["plateau"], first: json["first_losses"])
    self.version = version
  }
}

/// What is written and read: the memory of one rank and which part of the line it covers.
package struct CheckpointContent {
  package let description: ModelDescription
  /// The companions of the model that the run began with; needed on the first rank only.
  package var companions: CompanionFiles
  package let map: ShardMap
  package let store: WeightStore
  package let form: WeightsForm
  /// Of the base, where not all of it is trained.
  package let baseFingerprint: String?
  /// Of what the map holds, where `weights` is rounded from them.
  package let masters: UnsafeMutablePointer<Float>?
  /// The optimizer's states; empty for a model alone.
  package let states: [ShardedState]
  /// What follows from parameters and stands beside them, or in their place if it has their names.
  package let derived: [DerivedTensor]
  /// Throws if the disk under masters and states has lost some of them.
  package let check: () throws -> Void

  package init(
    description: ModelDescription, companions: CompanionFiles, map: ShardMap, store: WeightStore,
    form: WeightsForm = .model, baseFingerprint: String? = nil, masters: UnsafeMutablePointer<Float>?,
    states: [ShardedState], derived: [DerivedTensor] = [],
    check: @escaping () throws -> Void
  ) {
    self.description = description
    self.companions = companions
    self.map = map
    self.store = store
    self.form = form
    self.baseFingerprint = baseFingerprint
    self.masters = masters
    self.states = states
    self.derived = derived
    self.check = check
  }
}

extension CheckpointContent {
  /// Whether a parameter stands in the folder itself.
  /// - Parameter isRun: whether a run goes on from there.
  func holds(_ spec: ParameterSpec, ofRun isRun: Bool) -> Bool {
    form.holds(spec, ofRun: isRun) && !derived.contains { $0.name == spec.name }
  }

  /// Reads this rank's part of the optimizer states.
  /// - Throws: `UserErrors` if a state is missing or has another shape.
  package func readStates(from folder: String) throws {
    for state in states {
      let file = try HuggingFaceWeights(folder: folder, stem: state.declaration.name)
      try file.check(state.declaration, layout: map.layout)
      try state.read(map.layout, from: file)
    }
  }
}
