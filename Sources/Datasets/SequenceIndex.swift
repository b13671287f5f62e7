// Which tokens each sequence has, where they come from, and what is learned of them.
//
//   store         | t t t t t | t t t | t t t t t t | …      chunks of tokens, nothing stored twice
//   spans         one document, or the part of it that lies within one block
//   sequences     one row, or the spans of one packed block
import Base

struct SequenceIndex: Sendable {
  var spans = RaggedTokens()
  /// One source for each span.
  var sources = Column<SampleSource>()
  /// How many tokens at the start of each span have type 0; the others have type 1. Empty while all have type 0.
  var zeroTypes = Column<Int32>()
  /// Ascending, and ends with the number of spans: sequence `s` is `firstSpans[s]..<firstSpans[s + 1]`. Empty while each
  /// sequence is one span.
  var firstSpans = Column<Int>()
  /// How many units of the loss each sequence has: positions with a target, or 1 for its label.
  var targetCounts = Column<Int32>()
  /// Numbers that belong to sequences and not to tokens, as many for each: the index of its label.
  var numbers = Column<Float>()
  var numbersPerSequence = 0
  /// The text that each sequence answers to, for models that read two; empty where sequences have none.
  var answered = RaggedTokens()
  /// Units of the loss of all sequences.
  var units = 0
  /// The number of tokens of the longest sequence that was ever added.
  var longest = 0
  /// Whether some sequence has tokens behind a target that are none, so that counts alone do not tell what is learned.
  var hasScatteredTargets = false

  /// How many sequences there are.
  var count: Int { targetCounts.count }

  func spans(of sequence: Int) -> Range<Int> {
    firstSpans.isEmpty ? sequence..<sequence + 1 : firstSpans[sequence]..<firstSpans[sequence + 1]
  }

  /// A sequence's tokens among those of all.
  func tokenRange(of sequence: Int) -> Range<Int> {
    let spans = spans(of: sequence)
    return self.spans.starts[spans.lowerBound]..<self.spans.starts[spans.upperBound]
  }

  func zeroTypes(ofSpan span: Int) -> Int {
    zeroTypes.isEmpty ? spans.length(of: span) : Int(zeroTypes[span])
  }

  func numbers(of sequence: Int) -> Range<Int> {
    sequence * numbersPerSequence..<(sequence + 1) * numbersPerSequence
  }

  var bytesInMemory: Int {
    spans.bytesInMemory + sources.bytesInMemory + zeroTypes.bytesInMemory + firstSpans.bytesInMemory
      + targetCounts.bytesInMemory + numbers.bytesInMemory + answered.bytesInMemory
  }

  /// Takes the pages of files out of this process's memory.
  func release() {
    spans.release()
    sources.release()
    zeroTypes.release()
    firstSpans.release()
    targetCounts.release()
    numbers.release()
    answered.release()
  }

  // MARK: growing in memory

  /// Ends a span behind the tokens that the first chunk has got.
  mutating func endSpan(length: Int, zeroTypes zeros: Int, _ source: SampleSource) {
    if zeroTypes.isEmpty, zeros < length {
      zeroTypes = Column((0..<spans.count).map { Int32(spans.length(of: $0)) })
    }
    if !zeroTypes.isEmpty || zeros < length { zeroTypes.append(Int32(zeros)) }
    spans.append(length: length)
    sources.append(source)
  }

  /// Ends a sequence of one span.
  mutating func endSequence(length: Int, units added: Int32, numbers own: [Float]) {
    precondition(firstSpans.isEmpty, "sequences of one span are not mixed with others while they are read")
    if count == 0 { numbersPerSequence = own.count }
    precondition(own.count == numbersPerSequence, "sequences with and without numbers are not mixed")
    numbers.append(contentsOf: own)
    targetCounts.append(added)
    units += Int(added)
    longest = max(longest, length)
  }
}
