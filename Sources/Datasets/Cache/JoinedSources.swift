// The parts of a cache as what was read of each source.
import Base
import Templates

extension CachePlan {
  /// Where a part begins in its source.
  private struct PlacedPart {
    var part: TokenPart
    var file: Int32
    /// How many lines and rows of its file stand before its piece.
    var lines: Int
    var rows: Int
  }

  /// What was read of each source, in the order of `reading.sources`.
  /// - Parameter pieces: of all files, in order.
  /// - Returns: nil if there are mistakes that only show when all pieces are seen.
  /// - Throws: `UserError` if a part is missing or damaged.
  func loaded(_ pieces: [CachePiece]) throws -> [LoadedSource]? {
    var loaded: [LoadedSource] = []
    var firstFile = 0
    for (loader, part) in reading.sources.enumerated() {
      let isTrain = loader < reading.options.sources.count
      let own = pieces.filter { $0.loader == loader }
      guard
        let source = try source(
          own, part.source, part.options, among: isTrain ? reading.options.train : part.source.files,
          firstFile: isTrain ? firstFile : 0)
      else { return nil }
      loaded.append(source)
      firstFile += part.source.files.count
    }
    return loaded
  }

  private func source(
    _ pieces: [CachePiece], _ source: DataSource, _ options: DataOptions, among files: [String],
    firstFile: Int
  ) throws -> LoadedSource? {
    let piecesOfFile = Dictionary(grouping: pieces, by: \.file)
    var parts: [PlacedPart] = []
    var summaries: [FileSummary] = []
    for (file, path) in source.files.enumerated() {
      var (lines, rows) = (0, 0)
      var summary: FileSummary?
      for piece in piecesOfFile[file] ?? [] {
        let own = try complete(piece)
        for part in own {
          var all = summary ?? FileSummary(path: path, format: part.facts.summary.format)
          // What a piece without rows is does not matter.
          if all.rows + all.emptyRows == 0 { all.format = part.facts.summary.format }
          all.add(part.facts.summary, behind: lines)
          summary = all
          parts.append(
            PlacedPart(part: part, file: Int32(clamping: firstFile + file), lines: lines, rows: rows))
        }
        lines += own.last?.facts.lines ?? 0
        rows += own.last?.facts.rows ?? 0
      }
      guard let summary, summary.rows > 0 else { return nil }
      summaries.append(summary)
    }
    let filled = parts.filter { $0.part.sequences.count > 0 }
    guard
      Set(filled.compactMap { $0.part.facts.shape.map { [$0.rowsPerSample, $0.numbersPerSequence] } })
        .count < 2
    else { return nil }
    var rows = try joined(filled.filter { !$0.part.facts.areDocuments }, files)
    rows.virtual = options.virtual
    return LoadedSource(
      documents: try joined(filled.filter(\.part.facts.areDocuments), files), rows: rows, files: summaries,
      namedTemplate: parts.contains(where: \.part.facts.hasChats)
        ? try namedTemplate(source, options) : nil)
  }

  /// The parts of a piece.
  /// - Throws: `UserError(.tryAgain)` if one is missing or damaged, which then is gone.
  private func complete(_ piece: CachePiece) throws -> [TokenPart] {
    let (parts, damage) = try piece.parts()
    guard parts.last?.facts.isLast == true, damage == nil else {
      throw UserError(
        .tryAgain, damage?.reason ?? "is gone", at: damage?.path ?? piece.path(ofPart: parts.count),
        hint: "start again: it is made anew")
    }
    for part in parts {
      do { try part.verifyIndex() } catch is CacheDamage {
        part.sequences.store.chunks.first?.file?.reportDamage()
        try part.sequences.check()
      }
    }
    return parts
  }

  private func joined(_ parts: [PlacedPart], _ files: [String]) throws -> TokenSequences {
    var all = TokenSequences(files: files)
    guard let first = parts.first?.part.sequences else { return all }
    all.kind = first.kind
    all.rowsPerSample = first.rowsPerSample
    var writer = SequenceWriter(reading.options.space, from: parts.map(\.part.sequences.index))
    for placed in parts {
      let sequences = placed.part.sequences
      for sequence in 0..<sequences.count {
        writer.add(sequence, from: sequences.index, behind: all.store.chunks.count) { source in
          SampleSource(
            file: Int(placed.file), line: source.line == 0 ? 0 : Int(source.line) + placed.lines,
            row: Int(source.row) + placed.rows)
        }
      }
      sequences.index.release()
      all.store.chunks += sequences.store.chunks
    }
    all.index = try writer.finish()
    return all
  }

  /// The template of the source's chats where the settings name one.
  private func namedTemplate(_ source: DataSource, _ options: DataOptions) throws -> [UInt8]? {
    guard let template = source.template ?? options.chats.template else { return nil }
    return try ChatTemplate(template, folder: options.chats.folder).source
  }
}
