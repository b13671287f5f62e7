// What every method is trained for: one base, its data, and how well it does in the end.
import Base
import Foundation

/// One of the survey's trainings, which all methods go through with the same data, seed and steps.
struct SurveyTask {
  /// What is measured of a trained model, and whether more of it is better.
  struct Measure {
    let name: String
    let isShare: Bool
  }

  /// Also the name of its folder.
  let name: String
  let title: String
  /// Which of a method's rates it takes.
  let kind: Kind
  let model: String
  var steps: Int
  /// Settings of `swiftdp train`.
  let settings: [String]
  let quality: Measure
  /// Settings of `swiftdp evaluate` that measure what the base could do before.
  let general: [String]
  let generalWords: String

  enum Kind { case decoder, encoder }

  /// Held-out rows: prompts with their answers for a decoder, or rows with labels.
  let heldOut: String
  let heldOutSettings: [String]
}

extension SurveyTask {
  private static let common = ["training.seed=0", "checkpoint.keep=1", "schedule.final_ratio=0.02"]

  /// Answers of one word or number to questions of one line.
  static func answers(base: String, train: String, heldOut: String, general: String) -> SurveyTask {
    SurveyTask(
      name: "answers", title: "A decoder learns short tasks", kind: .decoder, model: base, steps: 1000,
      settings: common + [
        "data.train=\(train)", "data.packing=false", "data.sequence_length=64",
        "training.batch_size=32", "training.micro_batch_size=16", "schedule.warmup_steps=30",
        "optimizer.beta2=0.99",
      ],
      quality: Measure(name: "exact match", isShare: true),
      general: ["--data", general, "--sequence-length", "128"],
      generalWords: "loss on sonnets, which neither the base nor a method has seen",
      heldOut: heldOut, heldOutSettings: [])
  }

  /// The mood of sentences of reviews.
  static func sentences(base: String, train: String, heldOut: String, general: String) -> SurveyTask {
    let columns = "data.columns={text: 0, label: 1}"
    return SurveyTask(
      name: "sentences", title: "An encoder learns the mood of sentences", kind: .encoder, model: base,
      steps: 120,
      settings: common + [
        "task={name: classification, labels: [negative, positive]}", columns, "data.train=\(train)",
        "data.sequence_length=64", "training.batch_size=32",
        "training.micro_batch_size=16", "schedule.warmup_steps=20",
      ],
      quality: Measure(name: "accuracy", isShare: true), general: ["task=embedding", "--data", general],
      generalWords:
        "loss of an embedding model that finds the answer to a question of general knowledge",
      heldOut: heldOut, heldOutSettings: [columns])
  }

  /// Names in messages.
  static func names(base: String, train: String, heldOut: String, general: String) -> SurveyTask {
    SurveyTask(
      name: "names", title: "An encoder learns to find names", kind: .encoder, model: base,
      steps: 160,
      settings: common + [
        "task=token_classification", "data.train=\(train)", "data.sequence_length=64",
        "training.batch_size=32", "training.micro_batch_size=16",
        "schedule.warmup_steps=20",
      ],
      quality: Measure(name: "entity_f1", isShare: true), general: ["task=embedding", "--data", general],
      generalWords:
        "loss of an embedding model that finds the answer to a question of general knowledge",
      heldOut: heldOut, heldOutSettings: [])
  }
}
