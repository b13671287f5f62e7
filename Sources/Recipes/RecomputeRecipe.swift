// What backward computes again, how activations are kept until then, and how much memory a rank may take.
import Base
import Graph
import Kernels

package struct RecomputeRecipe: Sendable {
  private enum Choice: String, CaseIterable {
    case auto, none, attention, layer
  }

  /// What is computed again; `none` until it has been chosen.
  package var recompute = Recompute.none
  /// Whether the run chooses the least that fits.
  package let isChosen: Bool
  /// How activations wait between forward and backward, and the folder of the file that they wait in.
  package let keeping: ActivationKeeping
  package let offload: LocalFolder?
  /// The most bytes that a rank may take; nil for all that its host has.
  package let memory: Double?

  /// What the user should know of a choice that costs time.
  package var notes: [String] {
    guard isChosen, recompute != .none else { return [] }
    return [
      "training.recompute is \(recompute.rawValue): with less, a rank would take more than training.memory allows"
    ]
  }

  package init(_ section: Section) {
    if let given = section.raw("memory") {
      let text = given.text ?? given.encoded()
      section.record("memory", given)
      memory = Amount(text: text)?.value
      if memory == nil {
        section.fail("memory", "is \(given.encoded()), which is no size", hint: "such as 800M or 12G")
      }
    } else {
      memory = nil
    }
    offload = section.has("activation_offload") ? section.localFolder("activation_offload") : nil
    keeping = ActivationKeeping(
      section.choice("activation_dtype", default: .float32), offloads: section.has("activation_offload"))
    let choice: Choice = section.choice("recompute", default: .auto)
    if let fixed = Recompute(rawValue: choice.rawValue) { recompute = fixed }
    isChosen = choice == .auto && section.has("memory")
  }
}
