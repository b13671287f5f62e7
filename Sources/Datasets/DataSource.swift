// One of the sources that a run trains on.

package struct DataSource: Equatable, Sendable {
  package var files: [String]
  package var format: DataFormat
  /// Where the columns of the format are in all its files.
  package var columns: DataColumns
  /// Its share of the samples, relative to those of the other sources.
  package var weight: Double
  /// How often it may be seen; nil for any number of times.
  package var epochs: Double?
  /// What numbers of it are called; nil for the name of its first file.
  package var name: String?
  /// The template of its chats, as `ChatTemplate` takes it; nil for the one of the data, or of the model.
  package var template: String?

  package init(
    files: [String], format: DataFormat = .auto, columns: DataColumns = DataColumns(), weight: Double = 1,
    epochs: Double? = nil, name: String? = nil, template: String? = nil
  ) {
    self.files = files
    self.format = format
    self.columns = columns
    self.weight = weight
    self.epochs = epochs
    self.name = name
    self.template = template
  }

  /// The format, where the settings decide it for all files; else `auto`.
  var decidedFormat: DataFormat { format.decided(by: columns) }
}
