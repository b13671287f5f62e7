// Settings `section.key=value` of commands that read a model and make no run: keys of a recipe, read as a recipe is.
import Base
import Kernels
import Tensors

/// The settings of one command. The command reads its keys from `top`, and then calls `finish`.
package struct CommandSettings {
  package let top: Section
  private let command: String
  private let problems = Problems()

  /// - Parameters:
  ///   - assignments: `path=value`, where the value is YAML.
  ///   - command: its name, for messages.
  package init(_ assignments: [String], of command: String, paths: UserPaths) {
    self.command = command
    var json = JSON.null
    let overrides = json.assign(assignments, problems: problems)
    top = Section(json, file: nil, overrides: overrides, code: .usage, paths: paths, problems: problems)
  }

  /// - Throws: every mistake at once, among them keys that the command has not read.
  package func finish() throws {
    top.refuseUnknownKeys(of: "swiftdp \(command)")
    try problems.throwIfAny()
  }

  /// Whether a word of a command line is a setting and not a file.
  package static func isSetting(_ word: String) -> Bool {
    let key = word.prefix { $0 != "=" }
    return key.count < word.count && key.first?.isLetter == true
      && key.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || $0 == ".") }
  }
}

/// How a model lies in memory and is computed where nothing is trained.
package struct ModelSettings: Sendable {
  package var elementType: ElementType
  package var frozen: FrozenForm
  package var parallel: ParallelRecipe

  package init(_ top: Section) {
    elementType = top.choice("model_dtype", default: .float32)
    frozen = Recipe.frozenForm(top, type: elementType)
    parallel = ParallelRecipe(top.section("parallel"))
  }

  /// Every key at its default.
  package init() {
    self.init(Section(.null, file: nil, code: .usage, problems: Problems()))
  }
}

extension JSON {
  /// Sets `path=value` settings, with YAML values.
  /// - Returns: the paths that were set.
  mutating func assign(_ assignments: [String], problems: Problems) -> [String] {
    var paths: [String] = []
    for assignment in assignments {
      guard let equals = assignment.firstIndex(of: "="), equals != assignment.startIndex else {
        problems.add(
          .usage, "is not a setting", at: assignment,
          hint: "write section.key=value, such as training.steps=100")
        continue
      }
      let path = String(assignment[..<equals])
      let text = String(assignment[assignment.index(after: equals)...])
      // Standard input and a pattern are names, where YAML has a list of nothing and an alias to nothing.
      let isName = text == "-" || text.hasPrefix("*")
      guard let value = isName ? .string(text) : problems.collect({ try JSON.yaml(text, file: path) }) else {
        continue
      }
      // In YAML an empty value and ~ are null, so the default would be taken silently.
      let isWritten = !value.isNull || text.lowercased() == "null"
      set(
        path.split(separator: ".", omittingEmptySubsequences: false)[...],
        to: isWritten ? value : .string(text == "~" ? text : ""))
      paths.append(path)
    }
    return paths
  }
}
