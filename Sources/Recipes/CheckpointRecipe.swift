// When and how checkpoints are written, and which one a run resumes from.
import Base
import Checkpoints
import Foundation

package struct CheckpointRecipe: Sendable {
  package enum Resume: Sendable, Equatable {
    /// Resumes from the newest complete checkpoint in the output folder, if there is one.
    case auto
    case none
    case folder(String)
  }

  private enum Choice: String, CaseIterable {
    case float32
    case bfloat16
  }

  /// When a checkpoint is due, beside that of the last step.
  package enum Cadence: Sendable, Equatable {
    /// After so many steps; 0 for the last step only.
    case steps(Int)
    /// After the first step that ends so many seconds after the last checkpoint.
    case seconds(Double)

    package func isDue(after step: Int) -> Bool {
      guard case .steps(let every) = self else { return false }
      return every > 0 && step % every == 0
    }
  }

  package var every: Cadence
  package var keep: Int
  /// Element type of `OUTPUT/model`; checkpoints keep fp32.
  package var elementType: StoredType
  package var resume: Resume
  /// How much of a checkpoint is copied, to be written while training goes on.
  package var memory: CheckpointMemory

  package init(_ section: Section) {
    if let text = section.raw("every")?.text, !text.isEmpty {
      section.record("every", .string(text))
      let time = Double(text) == nil ? seconds(of: text) : nil
      every = time.map { .seconds($0) } ?? .steps(100)
      if time == nil {
        section.fail(
          "every", "is \"\(text)\", which is no time", hint: "steps, such as 100, or a time such as 30m")
      }
    } else {
      every = .steps(section.integer("every", default: 100, in: 0...Int.max))
    }
    keep = section.integer("keep", default: 3, in: 1...Int.max)
    elementType = section.choice("model_dtype", default: Choice.float32) == .float32 ? .f32 : .bf16
    let given = section.raw("memory") ?? .string("auto")
    section.record("memory", given)
    memory = CheckpointMemory(given.text ?? given.encoded()) ?? .auto
    if CheckpointMemory(given.text ?? given.encoded()) == nil {
      section.fail(
        "memory", "is \(given.encoded()), which is no size", hint: "auto, 0, or such as 512M or 4G")
    }
    switch section.filePath("resume", default: "auto") {
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
