// The sequences that a recipe makes of its files, as an entry of a cache.
import Base

extension CachePlan {
  /// Arranges what was prepared, and keeps that.
  /// - Parameter pieces: of all files, in order.
  /// - Returns: whether it is there; not if there are mistakes that only show when all pieces are seen.
  /// - Throws: `UserErrors` if the data is too little for the recipe, and `UserError` if a part is missing or damaged, or
  ///   if there is no room.
  package func arrange(_ pieces: [CachePiece]) throws -> Bool {
    guard let loaded = try loaded(pieces) else { return false }
    let arranged = try ArrangedData(loaded, reading.options)
    var numbers: [String: Int] = [:]
    let train = facts(of: arranged.train, &numbers)
    let validation = arranged.validation.map { facts(of: $0, &numbers) }
    let names = numbers.sorted { $0.value < $1.value }.map(\.key)
    let about = JSON.object([
      "chunks": .array(names.map { .string($0) }), "train": train, "validation": validation ?? .null,
      "checksum": .string(arranged.train.checksum.digits),
      "sources": .array(arranged.trainSources.map { .integer($0.count) }),
      "train_files": arranged.trainFiles.json,
      "validation_files": arranged.validationFiles?.json ?? .null,
      "template": arranged.namedTemplate.map { .string($0) } ?? .null,
    ])
    try ColumnFile.write(
      to: cache.path(ofSet: setKey), key: setKey, about: about,
      arranged.train.index.columns("train ") + (arranged.validation?.index.columns("validation ") ?? []))
    return true
  }

  /// - Parameter numbers: of all chunks, by their names without the folder of parts; new ones are added.
  private func facts(of sequences: TokenSequences, _ numbers: inout [String: Int]) -> JSON {
    let start = "\(cache.folder)/parts/".count
    let chunks = sequences.store.chunks.map { chunk in
      let name = String((chunk.file?.path ?? "").dropFirst(start))
      let number = numbers[name] ?? numbers.count
      numbers[name] = number
      return JSON.integer(number)
    }
    return .object(["sequences": sequences.about, "chunks": .array(chunks)])
  }

  /// The data of the recipe, if the cache has it.
  /// - Parameter validates: whether to look at every byte of the index: once for each host is enough.
  /// - Returns: nil if it is missing or damaged; then also what is damaged.
  /// - Throws: `UserError` if an entry cannot be read, and `UserErrors` if there is nothing to learn.
  package func stored(validates: Bool) throws -> (data: Dataset?, damage: String?) {
    do {
      let path = cache.path(ofSet: setKey)
      guard let file = try ColumnFile.open(path, key: setKey) else { return (nil, nil) }
      let arranged = try read(file, validates: validates)
      return (arranged == nil ? nil : try Dataset(arranged!, of: reading), nil)
    } catch let damage as CacheDamage { return (nil, damage.words) }
  }

  /// - Returns: nil if parts are gone.
  private func read(_ file: ColumnFile, validates: Bool) throws -> ArrangedData? {
    func damage(_ reason: String) -> CacheDamage { CacheDamage(path: file.path, reason: reason) }
    let about = file.about
    var chunks: [TokenChunk] = []
    for name in (about["chunks"]?.elements ?? []).compactMap(\.text) {
      let digits = String(name.prefix { $0 != "/" })
      guard let part = try TokenPart.open("\(cache.folder)/parts/\(name)", key: CacheKey(digits: digits)),
        let chunk = part.sequences.store.chunks.first
      else { return nil }
      chunks.append(chunk)
    }
    if validates { try file.verify() }
    func sequences(_ key: String, files: [String]) throws -> TokenSequences? {
      guard let part = about[key], !part.isNull else { return nil }
      var sequences = try TokenSequences(file, key + " ", about: part["sequences"], files: files)
      for number in (part["chunks"]?.elements ?? []).map({ $0.integer ?? -1 }) {
        guard chunks.indices.contains(number) else { throw damage("names no part") }
        sequences.store.chunks.append(chunks[number])
      }
      sequences.virtual = reading.options.virtual
      sequences.pages = TouchedPages()
      let room = sequences.blockLength ?? sequences.index.longest
      guard
        !validates
          || sequences.index.isSound(in: sequences.store.chunks, files: files.count, room: room)
      else { throw damage("its columns do not fit together") }
      return sequences
    }
    let trainFiles = reading.options.train
    let validationFiles = reading.options.validationFiles?.files
    guard var train = try sequences("train", files: trainFiles),
      let checksum = about["checksum"]?.text.flatMap({ UInt64($0, radix: 16) }),
      let counts = about["sources"]?.elements?.map({ $0.integer ?? -1 }),
      counts.allSatisfy({ $0 >= 0 }), counts.count == reading.options.sources.count,
      counts.reduce(0, { $0 &+ $1 }) == train.count,
      let summary = FilesSummary(about["train_files"], paths: trainFiles)
    else { throw damage("its head lacks what it holds") }
    train.knownChecksum = checksum
    var start = 0
    let sources = counts.map { count in
      defer { start += count }
      return start..<start + count
    }
    return ArrangedData(
      train: train, trainSources: sources,
      validation: try sequences("validation", files: validationFiles ?? trainFiles), trainFiles: summary,
      validationFiles: validationFiles.flatMap { FilesSummary(about["validation_files"], paths: $0) },
      namedTemplate: about["template"]?.bytes)
  }

  /// The bytes of the entries that the recipe uses, on the disk.
  package func bytesStored() throws -> Int {
    guard let file = try ColumnFile.open(cache.path(ofSet: setKey), key: setKey) else { return 0 }
    let parts = (file.about["chunks"]?.elements ?? []).compactMap(\.text).map {
      "\(cache.folder)/parts/\($0)"
    }
    return try ([file.path] + parts).reduce(0) { $0 + (try FileStamp($1).bytes) }
  }
}

extension FilesSummary {
  fileprivate var json: JSON {
    .object([
      "files": .array(files.map(\.json)), "dropped": .integer(droppedTokens),
    ])
  }

  /// - Parameter paths: of all files.
  fileprivate init?(_ json: JSON?, paths: [String]) {
    guard let list = json?["files"]?.elements, list.count == paths.count,
      let dropped = json?["dropped"]?.integer
    else { return nil }
    self.init(files: [], droppedTokens: dropped)
    for (path, element) in zip(paths, list) {
      guard var file = FileSummary(element) else { return nil }
      file.path = path
      files.append(file)
    }
  }
}
