// The sequences of all files, packed or cut, and divided into training and validation.

struct ArrangedData {
  var train: TokenSequences
  /// Which sequences of `train` each source has; none is empty.
  var trainSources: [Range<Int>]
  var validation: TokenSequences?
  var trainFiles: FilesSummary
  /// Nil if validation has no files of its own.
  var validationFiles: FilesSummary?
  /// The template of chats where the settings name one.
  var namedTemplate: [UInt8]?

  /// A validation share takes indivisible units: blocks of joined text, or rows before they are packed. So the rows
  /// held out do not depend on how rows are packed.
  /// - Parameter loaded: each source of training, and then the files of validation, if it has files of its own.
  init(_ loaded: [LoadedSource], _ options: DataOptions) throws {
    let sources = options.sources.count
    let parts = try JoinedParts(Array(loaded[..<sources]), share: options.validation.share, options)
    train = parts.sequences
    trainSources = parts.sources
    trainFiles = parts.files
    validation = parts.share
    namedTemplate = loaded[..<sources].lazy.compactMap(\.namedTemplate).first
    guard sources < loaded.count else { return }
    var whole = options
    whole.readsWhole = true
    let own = try JoinedParts(Array(loaded[sources...]), share: 0, whole)
    validation = own.sequences
    validationFiles = own.files
  }

  /// What a cache holds.
  init(
    train: TokenSequences, trainSources: [Range<Int>], validation: TokenSequences?, trainFiles: FilesSummary,
    validationFiles: FilesSummary?, namedTemplate: [UInt8]?
  ) {
    self.train = train
    self.trainSources = trainSources
    self.validation = validation
    self.trainFiles = trainFiles
    self.validationFiles = validationFiles
    self.namedTemplate = namedTemplate
  }
}
