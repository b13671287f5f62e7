// How the files of a recipe are read: what is read in what way, and which mistakes there are.
import Base

struct DatasetReading: Sendable {
  let options: DataOptions
  let encoder: DocumentEncoder
  /// Of a classification; nil for other data.
  let labels: Labels?

  /// Finds what only the data tells of how it is read.
  /// - Throws: what is wrong with the options, or with the files.
  init(_ options: DataOptions, encoder: DocumentEncoder) throws {
    try Dataset.check(options)
    let options = try options.settled()
    self.options = options
    self.encoder = encoder
    let names = options.hasLabelNames ? try options.labels ?? Labels.found(in: options) : nil
    labels = names.map { Labels($0) }
  }

  /// Each source of training and how it is read, and then the files of validation, if it has files of its own.
  var sources: [(source: DataSource, options: DataOptions)] {
    let train = options.sources.map { (source: $0, options: options) }
    guard let source = options.validationFiles else { return train }
    var whole = options
    whole.readsWhole = true
    return train + [(source, whole)]
  }

  /// What reads them.
  var loaders: [FileLoader] {
    var firstFile = 0
    return sources.enumerated().map { index, part in
      let isTrain = index < options.sources.count
      defer { firstFile += part.source.files.count }
      return FileLoader(
        part.source, among: isTrain ? options.train : part.source.files, firstFile: isTrain ? firstFile : 0,
        options: part.options, labels: labels, encoder: encoder)
    }
  }

  /// Reads all files in memory.
  /// - Returns: as many as there are loaders.
  /// - Throws: `UserErrors` with the mistakes of all files at once.
  func read() throws -> [LoadedSource] {
    var loaders = loaders
    for index in loaders.indices { loaders[index].read() }
    let mistakes = loaders.flatMap(\.mistakes)
    guard mistakes.isEmpty else { throw UserErrors(mistakes) }
    return loaders.indices.map { loaders[$0].finish() }
  }

  /// The mistakes of all files, as `read` throws them. It keeps nothing in memory.
  func mistakes() -> [UserError] {
    // Texts need not be encoded to find most mistakes.
    for encodes in [false, true] {
      var loaders = loaders
      for index in loaders.indices { loaders[index].readMistakes(encodes: encodes) }
      let mistakes = loaders.flatMap(\.mistakes)
      if !mistakes.isEmpty { return mistakes }
    }
    return []
  }
}

extension DataOptions {
  /// What validation reads, if it has files of its own.
  var validationFiles: DataSource? {
    guard case .files(let paths) = validation else { return nil }
    return DataSource(files: paths, format: format, columns: columns)
  }
}
