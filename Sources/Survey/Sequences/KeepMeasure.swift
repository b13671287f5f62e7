// The measures against forgetting that are compared, each with the settings of a stage that has others before it.
import Base

struct KeepMeasure: Sendable {
  let name: String
  /// nil where it is not for tasks of this kind.
  let settings: @Sendable (_ kind: SurveyTask.Kind, _ earlier: [String], _ steps: Int) -> [String]?

  private init(
    _ name: String,
    _ settings: @escaping @Sendable (_ kind: SurveyTask.Kind, _ earlier: [String], _ steps: Int) -> [String]?
  ) {
    (self.name, self.settings) = (name, settings)
  }

  /// Rows of earlier tasks can be shown again, and their likelihood found, where all tasks are of one form: text for a
  /// decoder.
  private static func ofDecoder(
    _ name: String, _ settings: @escaping @Sendable (_ files: String, _ steps: Int) -> String
  ) -> KeepMeasure {
    KeepMeasure(name) { kind, earlier, steps in
      let files = "[" + earlier.map { JSON.string($0).encoded() }.joined(separator: ", ") + "]"
      return kind == .decoder ? [settings(files, steps)] : nil
    }
  }

  static let none = KeepMeasure("none") { _, _, _ in [] }

  static let all: [KeepMeasure] = [
    none,
    ofDecoder("replay") { files, _ in "keep={replay: {files: \(files), share: 0.2}}" },
    ofDecoder("gradual replay") { files, steps in
      "keep={replay: {files: \(files)}, gradual: {from: 0.5, to: 0.1, steps: \(max(1, steps / 2))}}"
    },
    ofDecoder("ewc") { files, _ in "keep={ewc: {lambda: 100, samples: 1000, files: \(files)}}" },
    ofDecoder("kl_to_base") { _, _ in "keep={kl_to_base: 1}" },
    KeepMeasure("l2_sp") { kind, _, _ in ["keep={l2_sp: \(kind == .decoder ? 0.01 : 0.1)}"] },
    KeepMeasure("freeze_below") { _, _, _ in ["keep={freeze_below: 3}"] },
    KeepMeasure("layer_decay") { _, _, _ in ["optimizer.layer_decay=0.6"] },
    KeepMeasure("ema") { _, _, _ in ["keep={ema: 0.98}"] },
    KeepMeasure("wise_ft") { _, _, _ in ["keep={wise_ft: 0.5}"] },
    ofDecoder("replay, wise_ft") { files, _ in
      "keep={replay: {files: \(files), share: 0.2}, wise_ft: 0.7}"
    },
  ]
}
