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
  package static let options = DataSettingNames(
    data: "--data", format: "--format", autoFormat: "--format auto", sequenceLength: "--sequence-length",
    columns: "data.columns", packing: "--packing")
}
