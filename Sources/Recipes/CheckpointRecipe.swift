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

  /// Steps between two checkpoints; 0 for the last step only.
  package var every: Int
  package var keep: Int
  /// Element type of `OUTPUT/model`; checkpoints keep fp32.
  package var elementType: StoredType
  package var resume: Resume
  /// How much of a checkpoint is copied, to be written while training goes on.
  package var memory: CheckpointMemory

  package init(_ section: Section) {
    every = section.integer("every", default: 100, in: 0...Int.max)
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
