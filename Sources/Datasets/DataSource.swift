// One of the sources that a run trains on.
import Base

/// What a source is there for.
package enum SourceUse: Sendable {
  /// The run learns it: its end ends an epoch, and a share of it may be held out for validation.
  case learned
  /// It is shown again beside what is learned, so that it is not forgotten.
  case replayed
}

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
  /// Which rows of its files are read.
  package var choice: RowChoice
  /// What it is there for.
  package var use: SourceUse
  /// Its share of all samples, where that moves; its weight then does not count. At most one source has one.
  package var moving: MovingShare?

  package init(
    files: [String], format: DataFormat = .auto, columns: DataColumns = DataColumns(), weight: Double = 1,
    epochs: Double? = nil, name: String? = nil, template: String? = nil, choice: RowChoice = .all,
    use: SourceUse = .learned, moving: MovingShare? = nil
  ) {
    self.moving = moving
    self.use = use
    self.choice = choice
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

/// A share of the samples that moves in proportion to the sample, and stays at its end.
package struct MovingShare: Equatable, Sendable {
  package var from: Double
  package var to: Double
  /// Samples of the run after which it is at its end.
  package var samples: Int

  package init(from: Double, to: Double, samples: Int) {
    (self.from, self.to, self.samples) = (from, to, samples)
  }
}

/// Rows of files in which each row says which adapter it is for.
package enum RowChoice: Equatable, Sendable {
  case all
  /// Those that name this adapter, or with nil those that name none. A text without rows names none.
  case adapter(String?)

  /// The key of a row that names its adapter.
  package static let key = "adapter"

  func takes(_ row: JSON) -> Bool {
    switch self {
    case .all: true
    case .adapter(let name): row[Self.key]?.text == name
    }
  }

  var takesTexts: Bool { self == .all || self == .adapter(nil) }
}
