// A preparation as the user describes it.
import Base
import Datasets

package struct PreparationRecipe {
  package let files: [String]
  package let output: String
  package let report: String
  package let seed: UInt64
  package let steps: [any PreparationStep]
  /// The outputs by the names of their splits: that of the training first.
  package let outputs: [(split: String, file: String)]
  /// Every key with its value, given or default.
  package let resolved: JSON

  /// - Throws: every mistake at once.
  package init(
    _ json: JSON, file: String?, overrides: [String] = [], paths: UserPaths = UserPaths(),
    problems: Problems = Problems()
  ) throws {
    let top = Section(
      Self.spelledOut(json), file: file, overrides: overrides, code: .usage, paths: paths, problems: problems)
    let names = top.filePaths("input")
    if !top.has("input") { top.fail("input", "is missing", hint: "give files, patterns or folders") }
    let found = DataFileNames.files(names, at: top.keyPath("input"))
    files = found.files
    for mistake in found.mistakes { top.fail("input", mistake.what, hint: mistake.hint) }
    output = top.filePath("output")
    seed = UInt64(top.integer("seed", default: 0, in: 0...Int.max))
    let parent = folder(of: output)
    report = top.filePath("report", default: (parent.isEmpty ? "" : parent + "/") + "report.json")
    var steps: [any PreparationStep] = []
    for (index, section) in top.sectionList("steps").enumerated() {
      if let step = Self.step(section, StepFacts(seed: seed, index: index)) { steps.append(step) }
    }
    let splits = steps.compactMap { $0 as? Split }
    if splits.count > 1 { top.fail("steps", "splits twice", hint: "one split has as many parts as you like") }
    self.steps = steps
    let output = output
    outputs =
      [("train", output)]
      + (splits.first?.names ?? []).map { ($0, Self.name(of: $0, beside: output)) }
    if !output.isEmpty {
      for (_, file) in outputs {
        guard let kind = DataFileKind.of(file)?.kind else {
          top.fail(
            "output", "\(file) has no ending that is known",
            hint: "use .jsonl, .json, .csv, .tsv, .txt or .parquet, perhaps with .gz or .zst behind it")
          break
        }
        if kind == .words {
          top.fail("output", ".conll files are only read", hint: "write .jsonl")
          break
        }
      }
    }
    top.refuseUnknownKeys(of: "a preparation")
    try problems.throwIfAny()
    resolved = top.resolved
  }

  private static func step(_ section: Section, _ facts: StepFacts) -> (any PreparationStep)? {
    let known = PreparationSteps.all.map { $0.name }
    guard section.names.count == 1, let name = section.names.first else {
      let place = section.names.isEmpty ? "" : ": " + section.names.joined(separator: ", ")
      section.failWhole(
        "must have one key, the name of a step\(place)", hint: "each step stands behind a dash of its own")
      for name in section.names { _ = section.raw(name) }
      return nil
    }
    guard let type = PreparationSteps.all.first(where: { $0.name == name }) else {
      _ = section.raw(name)
      section.fail(
        name, "is not a step",
        hint: nearest(to: name, among: known).map { "did you mean \($0)?" }
          ?? "the steps are \(known.joined(separator: ", "))")
      return nil
    }
    return type.init(section.section(name), facts)
  }

  /// `shuffle` and `shuffle: true` are short for a step with its defaults.
  private static func spelledOut(_ json: JSON) -> JSON {
    guard let members = json.members else { return json }
    return .object(
      members.map { member in
        guard member.key.elementsEqual("steps".utf8), let steps = member.value.elements else { return member }
        return JSON.Member(
          key: member.key,
          value: .array(
            steps.map { step in
              if let name = step.bytes { return .object([JSON.Member(key: name, value: .object([]))]) }
              guard let keys = step.members else { return step }
              return .object(
                keys.map {
                  $0.value == .bool(true) || $0.value.isNull
                    ? JSON.Member(key: $0.key, value: .object([])) : $0
                })
            }))
      })
  }

  /// `train.jsonl` becomes `validation.jsonl`, and `rows.jsonl` becomes `rows.validation.jsonl`.
  private static func name(of split: String, beside output: String) -> String {
    let parent = folder(of: output)
    let last = output.split(separator: "/").last.map(String.init) ?? output
    var parts = last.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    if parts[0] == "train" { parts[0] = split } else { parts.insert(split, at: 1) }
    let name = parts.joined(separator: ".")
    return parent.isEmpty ? name : parent == "/" ? "/" + name : parent + "/" + name
  }
}
