// Part of the sequences of a file in a cache: neighbouring rows, before they are packed.
import Base

/// What a part tells beside its sequences.
struct PartFacts: Equatable, Sendable {
  /// What was found in its rows, without the name of the file. Lines count from the beginning of the piece.
  var summary: FileSummary
  /// The rows of the piece up to its end.
  var rows: Int
  /// Whether it is the last one of its piece.
  var isLast = false
  /// The lines of the whole piece, if lines and rows of the file count on behind it.
  var lines = 0
  /// What its rows have in common; nil if there are none, or if they are documents.
  var shape: RowShape?
  /// Whether it holds whole documents that will be joined.
  var areDocuments = false
  /// Whether some row up to its end is a chat, or has one.
  var hasChats = false
}

struct TokenPart {
  var facts: PartFacts
  var sequences: TokenSequences

  /// The name of a part of a piece, from 0, in the folder of its file.
  static func name(_ piece: FilePiece, _ number: Int) -> String { "\(piece.name)-\(number)" }

  /// - Returns: nil if there is no such part.
  /// - Throws: `CacheDamage`, or `UserError` if it cannot be read.
  static func open(_ path: String, key: CacheKey) throws -> TokenPart? {
    guard let file = try ColumnFile.open(path, key: key) else { return nil }
    guard let facts = PartFacts(file.about) else {
      throw CacheDamage(path: path, reason: "its head lacks what it holds")
    }
    let chunk = try TokenChunk(file, about: file.about["tokens"])
    var sequences = try TokenSequences(file, "", about: file.about["sequences"], files: [""])
    sequences.store.chunks = [chunk]
    return TokenPart(facts: facts, sequences: sequences)
  }

  /// Returns when the disk holds it.
  func write(to path: String, key: CacheKey) throws {
    let chunk = sequences.store.chunks.first ?? TokenChunk()
    var about = facts.json
    about += [("sequences", sequences.about), ("tokens", chunk.about)]
    try ColumnFile.write(
      to: path, key: key, about: .object(members: about), sequences.index.columns("") + chunk.columns)
  }

  /// Compares every byte of the index with what was written, and every place with where it may lie.
  /// - Throws: `CacheDamage`.
  func verifyIndex() throws {
    guard let chunk = sequences.store.chunks.first, let file = chunk.file else { return }
    try file.verify(but: Set(chunk.columns.map(\.name)))
    guard sequences.index.isSound(in: [chunk], files: .max, room: sequences.index.longest) else {
      throw CacheDamage(path: file.path, reason: "its columns do not fit together")
    }
  }

  /// The same for all that it holds.
  /// - Throws: `CacheDamage`.
  func verify() throws {
    try verifyIndex()
    guard let chunk = sequences.store.chunks.first, let file = chunk.file else { return }
    try file.verify()
    var largest = TokenChunk.Largest()
    for token in chunk.tokens { largest.token = max(largest.token, UInt32(bitPattern: token)) }
    for token in chunk.texts { largest.text = max(largest.text, UInt32(bitPattern: token)) }
    for label in chunk.labels { largest.label = max(largest.label, label) }
    file.release()
    guard largest == chunk.largest else {
      throw CacheDamage(path: file.path, reason: "its tokens are not those that its head tells of")
    }
  }
}

extension PartFacts {
  var json: [(String, JSON)] {
    [
      ("summary", summary.json), ("rows", .integer(rows)), ("last", .bool(isLast)),
      ("lines", .integer(lines)), ("documents", .bool(areDocuments)),
      ("chats", .bool(hasChats)),
      (
        "shape",
        shape.map { .array([.integer($0.rowsPerSample), .integer($0.numbersPerSequence)]) } ?? .null
      ),
    ]
  }

  init?(_ json: JSON) {
    guard let summary = json["summary"].flatMap({ FileSummary($0) }), let rows = json["rows"]?.integer,
      let isLast = json["last"]?.bool, let lines = json["lines"]?.integer,
      let areDocuments = json["documents"]?.bool, let hasChats = json["chats"]?.bool, rows >= 0, lines >= 0
    else { return nil }
    self.init(
      summary: summary, rows: rows, isLast: isLast, lines: lines, areDocuments: areDocuments,
      hasChats: hasChats)
    let shape = json["shape"]?.elements?.compactMap(\.integer) ?? []
    if shape.count == 2 { self.shape = RowShape(rowsPerSample: shape[0], numbersPerSequence: shape[1]) }
  }
}

extension FileSummary {
  /// All but the name of the file.
  var json: JSON {
    .object(
      members: [("format", .string(format.rawValue))]
        + Self.counts.map { ($0.0, .integer(self[keyPath: $0.1])) } + [
          ("merged", mergedExample?.json ?? .null)
        ])
  }

  init?(_ json: JSON) {
    guard let format = json["format"]?.text.flatMap(DataFormat.init(rawValue:)) else { return nil }
    self.init(path: "", format: format)
    for (key, count) in Self.counts {
      guard let value = json[key]?.integer, (0..<1 << 50).contains(value) else { return nil }
      self[keyPath: count] = value
    }
    mergedExample = json["merged"].flatMap { MergedBoundary($0) }
  }

  private static var counts: [(String, WritableKeyPath<FileSummary, Int>)] {
    [
      ("rows", \.rows), ("empty_rows", \.emptyRows), ("tokens", \.tokens), ("long_rows", \.longRows),
      ("cut_tokens", \.cutTokens), ("cut_answers", \.cutAnswers), ("cut_targets", \.cutTargets),
      ("rows_without_targets", \.rowsWithoutTargets), ("merged_boundaries", \.mergedBoundaries),
    ]
  }

  /// Adds what was found further behind in the same file.
  /// - Parameter lines: how many lines of the file stand before it.
  mutating func add(_ other: FileSummary, behind lines: Int) {
    for (_, count) in Self.counts { self[keyPath: count] += other[keyPath: count] }
    if mergedExample == nil, var example = other.mergedExample {
      example.line += lines
      mergedExample = example
    }
  }
}

extension MergedBoundary {
  fileprivate var json: JSON {
    .object([
      "line": .integer(line), "prompt_end": .string(promptEnd), "answer_start": .string(answerStart),
    ])
  }

  fileprivate init?(_ json: JSON) {
    guard let line = json["line"]?.integer, let end = json["prompt_end"]?.text,
      let start = json["answer_start"]?.text
    else { return nil }
    (self.line, promptEnd, answerStart) = (line, end, start)
  }
}
