// The names by which a user knows the settings of data: the keys of a recipe, or the options of a command.

package struct DataSettingNames: Equatable, Sendable {
  package let data: String
  package let format: String
  /// How to write that each file's format is to be detected.
  package let autoFormat: String
  package let sequenceLength: String
  package let columns: String
  package let packing: String

  package static let recipe = DataSettingNames(
    data: "data.train", format: "data.format", autoFormat: "data.format: auto",
    sequenceLength: "data.sequence_length", columns: "data.columns", packing: "data.packing")
  /// Files of a recipe that are named elsewhere, and read as `data.train` is.
  package static func recipe(files: String) -> DataSettingNames {
    DataSettingNames(
      data: files, format: recipe.format, autoFormat: recipe.autoFormat,
      sequenceLength: recipe.sequenceLength, columns: recipe.columns, packing: recipe.packing)
  }
  package static let options = DataSettingNames(
    data: "--data", format: "--format", autoFormat: "--format auto", sequenceLength: "--sequence-length",
    columns: "data.columns", packing: "--packing")
}
