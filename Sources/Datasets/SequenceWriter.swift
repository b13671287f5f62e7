// Makes an index of sequences from others: what is packed, taken out or joined keeps its tokens where they are.
import Base

struct SequenceWriter {
  private var starts: ColumnWriter<Int>
  private var places: ColumnWriter<TokenPlace>
  private var sources: ColumnWriter<SampleSource>
  private var zeroTypes: ColumnWriter<Int32>
  private var firstSpans: ColumnWriter<Int>
  private var targetCounts: ColumnWriter<Int32>
  private var numbers: ColumnWriter<Float>
  private var textStarts: ColumnWriter<Int>
  private var textPlaces: ColumnWriter<TokenPlace>
  /// Of the sequence that is not ended yet.
  private var length = 0
  private var (spans, tokens, texts) = (0, 0, 0)
  private var (longest, longestText, units) = (0, 0, 0)
  private let hasTypes: Bool
  private let numbersPerSequence: Int
  private var hasOneSpanEach = true
  var hasScatteredTargets = false

  /// - Parameter sets: what sequences come from.
  init(_ space: ColumnSpace, from sets: [SequenceIndex]) {
    starts = ColumnWriter(space)
    places = ColumnWriter(space)
    sources = ColumnWriter(space)
    zeroTypes = ColumnWriter(space)
    firstSpans = ColumnWriter(space)
    targetCounts = ColumnWriter(space)
    numbers = ColumnWriter(space)
    textStarts = ColumnWriter(space)
    textPlaces = ColumnWriter(space)
    hasTypes = sets.contains { !$0.zeroTypes.isEmpty }
    numbersPerSequence = sets.first { $0.count > 0 }?.numbersPerSequence ?? 0
    starts.append(0)
    textStarts.append(0)
    firstSpans.append(0)
  }

  /// How many sequences there are.
  var count: Int { targetCounts.count }

  mutating func addSpan(_ place: TokenPlace, length added: Int, zeroTypes zeros: Int, _ source: SampleSource)
  {
    places.append(place)
    sources.append(source)
    if hasTypes { zeroTypes.append(Int32(zeros)) }
    tokens += added
    starts.append(tokens)
    spans += 1
    length += added
  }

  mutating func endSequence(units added: Int32) {
    targetCounts.append(added)
    units += Int(added)
    firstSpans.append(spans)
    hasOneSpanEach = hasOneSpanEach && spans == count
    longest = max(longest, length)
    length = 0
  }

  /// Adds the spans of a sequence of another set.
  /// - Parameters:
  ///   - chunks: how many stand before those of that set.
  ///   - placed: gives the source of a span among the files of this set.
  mutating func addSpans(
    of sequence: Int, from other: SequenceIndex, behind chunks: Int = 0,
    _ placed: (SampleSource) -> SampleSource = { $0 }
  ) {
    for span in other.spans(of: sequence) {
      addSpan(
        other.spans.place(of: span).behind(chunks), length: other.spans.length(of: span),
        zeroTypes: other.zeroTypes(ofSpan: span), placed(other.sources[span]))
    }
  }

  /// Adds a sequence of another set; parameters as those of `addSpans`.
  mutating func add(
    _ sequence: Int, from other: SequenceIndex, behind chunks: Int = 0,
    _ placed: (SampleSource) -> SampleSource = { $0 }
  ) {
    hasScatteredTargets = hasScatteredTargets || other.hasScatteredTargets
    addSpans(of: sequence, from: other, behind: chunks, placed)
    precondition(
      other.numbersPerSequence == numbersPerSequence, "sequences with and without numbers are not mixed")
    for number in other.numbers(of: sequence) { numbers.append(other.numbers[number]) }
    if !other.answered.isEmpty {
      textPlaces.append(other.answered.place(of: sequence).behind(chunks))
      let length = other.answered.length(of: sequence)
      texts += length
      textStarts.append(texts)
      longestText = max(longestText, length)
    }
    endSequence(units: other.targetCounts[sequence])
  }

  /// - Throws: `UserError(.disk)` where there was no room.
  mutating func finish() throws -> SequenceIndex {
    var index = SequenceIndex()
    index.spans.starts = try starts.finish()
    index.spans.places = try places.finish()
    index.sources = try sources.finish()
    index.zeroTypes = try zeroTypes.finish()
    let first = try firstSpans.finish()
    if !hasOneSpanEach { index.firstSpans = first }
    index.targetCounts = try targetCounts.finish()
    index.numbers = try numbers.finish()
    index.numbersPerSequence = numbersPerSequence
    index.answered.starts = try textStarts.finish()
    index.answered.places = try textPlaces.finish()
    index.answered.longest = longestText
    index.units = units
    index.longest = longest
    index.spans.longest = longest
    index.hasScatteredTargets = hasScatteredTargets
    return index
  }
}

extension TokenSequences {
  /// How many sequences a loop goes through before the pages that it has read are given back.
  static let releasedAtOnce = 1 << 16

  /// The same set with other sequences of its tokens.
  func with(_ index: SequenceIndex) -> TokenSequences {
    var other = self
    other.index = index
    other.knownChecksum = nil
    return other
  }

  /// The first sequences.
  package func prefix(_ most: Int) throws -> TokenSequences {
    var writer = SequenceWriter(.memory, from: [index])
    for sequence in 0..<min(most, count) { writer.add(sequence, from: index) }
    return with(try writer.finish())
  }

  /// Parts the sequences in two; both stay in order.
  /// - Parameter taken: ascending.
  func split(_ taken: [Int], in space: ColumnSpace) throws -> (kept: TokenSequences, taken: TokenSequences) {
    var (kept, other) = (SequenceWriter(space, from: [index]), SequenceWriter(space, from: [index]))
    kept.hasScatteredTargets = index.hasScatteredTargets
    var next = 0
    for sequence in 0..<count {
      if next < taken.count, taken[next] == sequence {
        other.add(sequence, from: index)
        next += 1
      } else {
        kept.add(sequence, from: index)
      }
      if sequence % Self.releasedAtOnce == 0 { index.release() }
    }
    precondition(next == taken.count, "sequences to take out must be ascending and exist")
    var rest = try kept.finish()
    // Shapes of batches stay those of all sequences.
    rest.longest = index.longest
    rest.answered.longest = index.answered.longest
    return (with(rest), with(try other.finish()))
  }

  /// Another set of the same files and kind behind this one.
  func joined(with other: TokenSequences, in space: ColumnSpace) throws -> TokenSequences {
    guard other.count > 0 else { return self }
    precondition(count == 0 || kind == other.kind, "sequences of one set are of one kind")
    var joined = other
    joined.blockLength = blockLength
    joined.store.chunks = store.chunks + other.store.chunks
    var writer = SequenceWriter(space, from: [index, other.index])
    writer.hasScatteredTargets = index.hasScatteredTargets
    for sequence in 0..<count {
      writer.add(sequence, from: index)
      if sequence % Self.releasedAtOnce == 0 { index.release() }
    }
    for sequence in 0..<other.count {
      writer.add(sequence, from: other.index, behind: store.chunks.count)
      if sequence % Self.releasedAtOnce == 0 { other.index.release() }
    }
    joined.index = try writer.finish()
    joined.index.longest = max(index.longest, joined.index.longest)
    joined.index.answered.longest = max(index.answered.longest, joined.index.answered.longest)
    return joined
  }

  /// Several sets of the same files and kind, one behind the other, in memory.
  package static func joined(_ parts: [TokenSequences]) throws -> TokenSequences {
    guard let first = parts.first else { preconditionFailure("there is something to join") }
    return try parts.dropFirst().reduce(first) { try $0.joined(with: $1, in: .memory) }
  }
}
