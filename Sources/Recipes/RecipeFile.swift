// A YAML file and settings of a command line, as one value.
import Base
import Foundation

package struct RecipeFile {
  package let json: JSON
  /// The path of the file; nil without one.
  package let file: String?
  /// The keys that the command line sets.
  package let overrides: [String]

  /// - Parameters:
  ///   - file: a YAML file, or nil for none.
  ///   - assignments: `path=value`, where the value is YAML; they override the file.
  ///   - paths: how the path of the file is read.
  ///   - problems: takes mistakes of assignments.
  /// - Throws: `UserError` where the file cannot be read.
  package init(_ given: String?, assignments: [String], paths: UserPaths, problems: Problems) throws {
    var json = JSON.null
    var file = given
    if let given {
      do { file = try paths.path(given) } catch var error as UserError {
        error.place = given.isEmpty ? "the recipe" : given
        throw error
      }
    }
    if let file {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: file, isDirectory: &isFolder) else {
        throw UserError(
          .usage, "there is no such configuration", at: file,
          hint: file.contains("=") ? "" : "settings are written section.key=value")
      }
      guard !isFolder.boolValue else {
        throw UserError(
          .usage, "is a folder, not a recipe", at: file, hint: "a model is named by model=\(file)")
      }
      guard let text = String(validating: try OpenFile.contents(file), as: UTF8.self) else {
        throw UserError(.usage, "is not UTF-8 text", at: file)
      }
      json = try .yaml(text, file: file)
      guard json.isNull || json.members != nil else {
        throw UserError(.usage, "is \(json.kind), where keys with values are meant", at: file)
      }
    }
    overrides = json.assign(assignments, problems: problems)
    self.json = json
    self.file = file
  }
}
