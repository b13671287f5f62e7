// Which kernels a run multiplies matrices with.
import Base
import Collectives
import Kernels
import Recipes
import Training

extension Recipe {
  /// A model whose largest matrices have fewer numbers is trained before its kernels would be measured.
  private static let fewestWeights = 1 << 18

  /// The recipe with the kernels that its ranks take, if it names none: those of the checkpoint that the run goes on
  /// from, so that its bits are those of an undisturbed run, or those that are measured to be fastest. Collective; it
  /// comes before a matrix library is opened.
  /// - Parameter note: told on the first rank what was measured.
  func withKernels(_ ranks: Ranks, note: (String) -> Void) throws -> Recipe {
    guard parallel.blasKernel == BLAS.measuredName else { return self }
    var recipe = self
    recipe.parallel.blasKernel = try keptKernels(ranks) ?? measuredKernels(ranks, note: note)
    return recipe
  }

  /// Nil if the run begins anew, or if not all ranks run what the checkpoint names.
  private func keptKernels(_ ranks: Ranks) -> String? {
    let name = ranks.broadcast(
      ranks.isFirst ? CheckpointFolder(output: output).kernels(checkpoint.resume) ?? "" : "")
    guard !name.isEmpty else { return nil }
    let isUsual = KernelCandidates.families().first == name
    return ranks.sum(isUsual || MeasuredKernels.runs(name) ? 0 : 1) == 0 ? name : nil
  }

  /// Nil for what the rule of the processor takes.
  private func measuredKernels(_ ranks: Ranks, note: (String) -> Void) throws -> String? {
    let rows = training.microBatchSize * data.sequenceLength
    // The first rank's view of the model counts for all.
    let own = ranks.isFirst ? layer(rows: rows) : nil
    let text = ranks.broadcast(own.map { "\($0.width) \($0.inner)" } ?? "")
    let sizes = text.split(separator: " ").compactMap { Int($0) }
    guard sizes.count == 2,
      sizes[0].multipliedReportingOverflow(by: sizes[1]).partialValue >= Self.fewestWeights
    else { return nil }
    let shapes = ProductShape.layer(width: sizes[0], inner: sizes[1], rows: rows)
    guard let found = try MeasuredKernels.agree(shapes, ranks) else { return nil }
    if ranks.isFirst { for line in found.notes { note(line) } }
    return found.choice.name == KernelCandidates.automatic ? nil : found.choice.name
  }

  /// The sizes of a layer of the model; those of GPT-2 where its configuration names them otherwise, nil without one.
  private func layer(rows: Int) -> (width: Int, inner: Int)? {
    guard let json = try? OpenFile.json(model + "/config.json") else { return nil }
    let config = json["text_config"] ?? json
    func size(_ names: [String]) -> Int? {
      names.compactMap { config[$0]?.integer }.first { (1...1 << 20).contains($0) }
    }
    guard let width = size(["hidden_size", "n_embd", "d_model", "dim"]) else { return (768, 3072) }
    return (
      width, size(["intermediate_size", "n_inner", "d_ff", "ffn_dim", "hidden_dim"]) ?? 4 * width
    )
  }
}
