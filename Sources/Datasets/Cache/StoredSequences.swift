// Sequences as columns of a file, and back.
import Base

extension SequenceIndex {
  /// - Parameter prefix: what names of its columns begin with.
  func columns(_ prefix: String) -> [ColumnBytes] {
    [
      ColumnBytes(prefix + "starts", spans.starts), ColumnBytes(prefix + "places", spans.places),
      ColumnBytes(prefix + "sources", sources), ColumnBytes(prefix + "types", zeroTypes),
      ColumnBytes(prefix + "spans", firstSpans), ColumnBytes(prefix + "targets", targetCounts),
      ColumnBytes(prefix + "numbers", numbers), ColumnBytes(prefix + "text starts", answered.starts),
      ColumnBytes(prefix + "text places", answered.places),
    ]
  }

  /// What the columns do not tell.
  var about: JSON {
    .object([
      "numbers": .integer(numbersPerSequence), "units": .integer(units), "longest": .integer(longest),
      "longest_text": .integer(answered.longest), "scattered": .bool(hasScatteredTargets),
    ])
  }

  /// - Parameter about: what `about` gave.
  /// - Throws: `CacheDamage`.
  init(_ file: ColumnFile, _ prefix: String, about: JSON?) throws {
    guard let numbers = about?["numbers"]?.integer, let units = about?["units"]?.integer,
      let longest = about?["longest"]?.integer, let longestText = about?["longest_text"]?.integer,
      let scattered = about?["scattered"]?.bool
    else { throw CacheDamage(path: file.path, reason: "its head lacks what sequences are") }
    spans.starts = try file.column(prefix + "starts")
    spans.places = try file.column(prefix + "places")
    sources = try file.column(prefix + "sources")
    zeroTypes = try file.column(prefix + "types")
    firstSpans = try file.column(prefix + "spans")
    targetCounts = try file.column(prefix + "targets")
    self.numbers = try file.column(prefix + "numbers")
    answered.starts = try file.column(prefix + "text starts")
    answered.places = try file.column(prefix + "text places")
    answered.longest = longestText
    numbersPerSequence = numbers
    self.units = units
    self.longest = longest
    hasScatteredTargets = scattered
    guard hasRightCounts else {
      throw CacheDamage(path: file.path, reason: "its columns do not fit together")
    }
  }

  /// Whether columns have as many elements as their use asks for.
  private var hasRightCounts: Bool {
    guard spans.starts.count > 0, answered.starts.count > 0, numbersPerSequence >= 0, longest >= 0,
      answered.longest >= 0
    else { return false }
    let (spanCount, texts) = (spans.count, answered.count)
    return sources.count == spanCount && [0, spanCount].contains(spans.places.count)
      && [0, spanCount].contains(zeroTypes.count) && [0, texts].contains(answered.places.count)
      && (firstSpans.isEmpty ? targetCounts.count == spanCount : firstSpans.count == targetCounts.count + 1)
      && [0, targetCounts.count].contains(texts)
      && numbers.count.isMultiple(of: max(1, numbersPerSequence))
      && numbers.count / max(1, numbersPerSequence) == (numbersPerSequence == 0 ? 0 : targetCounts.count)
  }

  /// Whether every place lies in its chunk, and every list goes up: hostile numbers would lead anywhere.
  /// - Parameters:
  ///   - chunks: that its tokens lie in.
  ///   - files: how many files sources count.
  ///   - room: the tokens that a batch has room for in each sequence.
  func isSound(in chunks: [TokenChunk], files: Int, room: Int) -> Bool {
    guard isSound(spans, in: chunks.map(\.tokens.count), room: room),
      isSound(answered, in: chunks.map(\.texts.count), room: answered.longest)
    else { return false }
    for span in 0..<spans.count {
      guard (0..<files).contains(Int(sources[span].file)), sources[span].line >= 0 else { return false }
      let zeros = zeroTypes.isEmpty ? 0 : Int(zeroTypes[span])
      guard (0...spans.length(of: span)).contains(zeros) else { return false }
      if span % TokenSequences.releasedAtOnce == 0 { release() }
    }
    var before = 0
    for sequence in 0..<count {
      let units = targetCounts[sequence]
      guard units >= 0 else { return false }
      if !firstSpans.isEmpty {
        guard firstSpans[sequence] == before, firstSpans[sequence + 1] > before,
          firstSpans[sequence + 1] <= spans.count
        else { return false }
        before = firstSpans[sequence + 1]
      }
      guard tokenRange(of: sequence).count <= room else { return false }
      if sequence % TokenSequences.releasedAtOnce == 0 { release() }
    }
    release()
    return firstSpans.isEmpty || before == spans.count
  }

  private func isSound(_ lists: RaggedTokens, in sizes: [Int], room: Int) -> Bool {
    guard lists.starts[0] == 0 else { return false }
    var before = 0
    for list in 0..<lists.count {
      let (end, place) = (lists.starts[list + 1], lists.place(of: list))
      guard end >= before, end - before <= room, sizes.indices.contains(place.chunk),
        place.offset <= sizes[place.chunk],
        end - before <= sizes[place.chunk] - place.offset
      else { return false }
      before = end
      if list % TokenSequences.releasedAtOnce == 0 { lists.release() }
    }
    return true
  }
}

extension TokenChunk {
  var columns: [ColumnBytes] {
    [
      ColumnBytes("tokens", tokens), ColumnBytes("mask", lossMask.words), ColumnBytes("labels", labels),
      ColumnBytes("texts", texts),
    ]
  }

  var about: JSON {
    .object([
      "largest_token": .integer(Int(largest.token)), "largest_text": .integer(Int(largest.text)),
      "largest_label": .integer(Int(largest.label)),
    ])
  }

  /// - Parameter about: what `about` gave.
  /// - Throws: `CacheDamage`.
  init(_ file: ColumnFile, about: JSON?) throws {
    guard let token = about?["largest_token"]?.integer.flatMap(UInt32.init(exactly:)),
      let text = about?["largest_text"]?.integer.flatMap(UInt32.init(exactly:)),
      let label = about?["largest_label"]?.integer.flatMap(Int32.init(exactly:))
    else { throw CacheDamage(path: file.path, reason: "its head lacks what tokens are") }
    self.file = file
    largest = Largest(token: token, text: text, label: label)
    tokens = try file.column("tokens")
    labels = try file.column("labels")
    texts = try file.column("texts")
    let words: Column<UInt64> = try file.column("mask")
    guard words.count == (tokens.count + 63) / 64, [0, tokens.count].contains(labels.count) else {
      throw CacheDamage(path: file.path, reason: "its columns do not fit together")
    }
    lossMask = LossMask(words, count: tokens.count)
  }
}

extension TokenSequences {
  /// What neither the index nor the tokens tell.
  var about: JSON {
    .object([
      "index": index.about, "kind": .string(kind.rawValue), "rows_per_sample": .integer(rowsPerSample),
      "block_length": blockLength.map { .integer($0) } ?? .null,
    ])
  }

  /// Sequences of a file, without their tokens.
  /// - Parameters:
  ///   - prefix: of the columns of their index.
  ///   - about: what `about` gave.
  /// - Throws: `CacheDamage`.
  init(_ file: ColumnFile, _ prefix: String, about: JSON?, files: [String]) throws {
    self.init(files: files)
    guard let kind = about?["kind"]?.text.flatMap(SequenceKind.init(rawValue:)),
      let rowsPerSample = about?["rows_per_sample"]?.integer, rowsPerSample > 0
    else { throw CacheDamage(path: file.path, reason: "its head lacks what sequences are") }
    self.kind = kind
    self.rowsPerSample = rowsPerSample
    blockLength = about?["block_length"]?.integer
    index = try SequenceIndex(file, prefix, about: about?["index"])
    guard count.isMultiple(of: rowsPerSample), blockLength ?? 1 > 0,
      kind != .answers || count == 0 || index.numbersPerSequence == AnswerNumbers.count
    else {
      throw CacheDamage(path: file.path, reason: "its columns do not fit together")
    }
  }
}
