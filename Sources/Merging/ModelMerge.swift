// Merges whole models into a Hugging Face folder, one tensor in memory at a time.
import Base
import Checkpoints
import Foundation
import Kernels
import Models

package struct ModelMerge {
  package struct Outcome: Sendable {
    package let models: [String]
    package let tensors: Int
    package let parameters: Int
    package let layers: Int
    /// The element types of the tensors, each once.
    package let types: [String]
  }

  private let recipe: MergeRecipe
  private let models: [MergeModel]
  private let plan: MergePlan
  private let output: String
  private let text: [UInt8]
  private let seed: UInt64
  /// What the user should know, a line each.
  package var notes: [String] { recipe.notes }

  /// - Parameters:
  ///   - recipe: read from a file.
  ///   - text: what the file says, which the merged folder keeps.
  ///   - seed: of what DARE leaves out.
  /// - Throws: everything that is wrong with the folders, before anything is written.
  package init(
    _ recipe: MergeRecipe, file: String, text: [UInt8], output: String, seed: UInt64, threads: Int
  ) throws {
    let problems = Problems()
    if access(output, F_OK) == 0 {
      problems.add(.usage, "exists already", at: output, hint: "set --output to a new folder")
    }
    let engine = try Engine(threads: threads)
    var names: [MergeModelName] = []
    for name in recipe.slices.flatMap(\.sources).map(\.model) + (recipe.base.map { [$0] } ?? [])
    where !names.contains(name) {
      names.append(name)
    }
    let models = names.compactMap { name in problems.collect { try MergeModel(name, engine: engine) } }
    try problems.throwIfAny()
    let types = Set(models.map { $0.description.typeName })
    guard types.count == 1 else {
      throw UserError(
        .usage, "models of the types \(types.sorted().joined(separator: " and ")) cannot be merged", at: file)
    }
    (self.recipe, self.models, self.output, self.text, self.seed) = (recipe, models, output, text, seed)
    plan = try MergePlan(recipe, models, at: file)
  }

  /// Writes the merged folder.
  /// - Parameter progress: called with the tensors that are written, and all.
  /// - Throws: `UserError(.disk)`, and where a number is not finite in the type of its tensor; nothing is left then.
  package func run(progress: @escaping (_ done: Int, _ all: Int) -> Void = { _, _ in }) throws -> Outcome {
    let donor = models[plan.donor]
    var folder = try MergedFolder(
      BlendedWeights(plan, models, recipe.method, seed: seed), of: plan.description,
      type: recipe.type, donor: donor.name.base, donorDescription: donor.description, path: output)
    folder.companions.add([("mergekit_config.yml", text)])
    do {
      try folder.write(progress: progress)
      try folder.publish()
    } catch {
      try? folder.abandon()
      throw error
    }
    return Outcome(
      models: models.map(\.name.words), tensors: folder.types.count, parameters: plan.layout.count,
      layers: try LayerNames(plan.description, layout: plan.layout).count,
      types: Set(folder.types.map(\.rawValue)).sorted())
  }
}
