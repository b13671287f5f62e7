// Tasks that a model learns one after the other.
import Base
import Foundation

/// One task that is learned after others.
struct SequenceStage {
  let task: SurveyTask
  let rate: Double
  /// The rows that it learns.
  let rows: String
}

struct TaskSequence {
  /// Also the name of its files.
  let name: String
  let title: String
  var stages: [SequenceStage]

  /// The tasks in the order in which they come first.
  var tasks: [SurveyTask] {
    var tasks: [SurveyTask] = []
    for stage in stages where !tasks.contains(where: { $0.name == stage.task.name }) {
      tasks.append(stage.task)
    }
    return tasks
  }
}

extension TaskSequence {
  /// Short questions, and then numbers and dates that are written in words.
  static func decoder(
    base: String, questions: String, heldOut: String, translations: [String], general: String
  )
    -> TaskSequence
  {
    let first = SurveyTask.answers(base: base, train: questions, heldOut: heldOut, general: general)
    let second = SurveyTask(
      name: "translations", title: "", kind: .decoder, model: base, steps: first.steps,
      settings: first.settings.map { $0.hasPrefix("data.train=") ? "data.train=\(translations[0])" : $0 },
      quality: first.quality, general: first.general, generalWords: first.generalWords,
      heldOut: translations[1], heldOutSettings: [])
    return TaskSequence(
      name: "decoder", title: "A decoder learns questions, and then translations",
      stages: [
        SequenceStage(task: first, rate: 2e-3, rows: questions),
        SequenceStage(task: second, rate: 1e-3, rows: translations[0]),
      ])
  }

  /// The mood of sentences, names, and the mood of sentences again.
  static func encoder(base: String, sentences: String, names: String, general: String) -> TaskSequence {
    let mood = SurveyTask.sentences(
      base: base, train: sentences + "/train.tsv", heldOut: sentences + "/dev.tsv", general: general)
    let entities = SurveyTask.names(
      base: base, train: names + "/wnut17train.conll", heldOut: names + "/emerging.dev.conll",
      general: general)
    return TaskSequence(
      name: "encoder", title: "An encoder learns moods, names, and moods again",
      stages: [mood, entities, mood].map { SequenceStage(task: $0, rate: 1e-4, rows: "") })
  }
}
