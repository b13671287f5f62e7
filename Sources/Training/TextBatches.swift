// Texts that a model reads in batches of about one length, each with the bits that it has alone.
//
// Padding is seen by nothing, and products are summed row by row (`Engine.byRow`), so that neither the neighbours of a text nor
// the length of its row reach its numbers.
import Base
import Datasets
import Tokenizers

struct TextBatches {
  private let sequences: TokenSequences
  /// The texts of each batch, by their place among all.
  private let batches: [[Int]]
  /// How many texts lost their ends.
  let cutTexts: Int
  /// The most tokens of a batch, padding included: its activations stay near the processor.
  private static let most = 4096
  /// So many tokens are worth a batch of their own, where the texts that follow are much shorter.
  private static let worthwhile = 1024

  /// - Parameters:
  ///   - texts: with the second one of each, where the model reads two at once.
  ///   - longest: tokens of a text with its special tokens.
  ///   - numbers: of each text, for heads that expect some.
  /// - Throws: if the model does not know a token.
  init(
    _ texts: [(text: [UInt8], pair: [UInt8]?)], of model: TrainedModel, longest: Int, numbers: [Float] = []
  ) throws {
    var sequences = TokenSequences(files: ["texts"], longest: longest)
    var cut = 0
    for (place, (text, pair)) in texts.enumerated() {
      let encoded = try model.tokenizer.encode(text, pair: pair, longest: longest)
      try model.replica.description.check(encoded.tokens)
      cut += encoded.cutTokens > 0 ? 1 : 0
      sequences.append(
        encoded.tokens[...], zeroTypes: encoded.zeroTypes, numbers: numbers,
        source: SampleSource(file: 0, line: 0, row: place))
    }
    self.sequences = sequences
    cutTexts = cut
    batches = Self.batches((0..<texts.count).map { sequences.length(of: $0) }) {
      sequences.shape(of: MicroBatch(sequences: [$0], firstSample: 0)).length
    }
  }

  /// Texts of about one length together, the longest first.
  /// - Parameter rowLength: tokens of a row whose longest text is the given one.
  static func batches(_ lengths: [Int], rowLength: (Int) -> Int) -> [[Int]] {
    let order = lengths.indices.sorted { (lengths[$1], $0) < (lengths[$0], $1) }
    var batches: [[Int]] = []
    var (row, tokens) = (0, 0)
    for text in order {
      let isFull = tokens + row > most
      let isShorter = tokens >= worthwhile && 4 * lengths[text] < 3 * row
      if batches.isEmpty || isFull || isShorter {
        batches.append([])
        (row, tokens) = (rowLength(text), 0)
      }
      batches[batches.count - 1].append(text)
      tokens += row
    }
    return batches
  }

  /// Runs all batches.
  /// - Parameters:
  ///   - run: gives the numbers of a batch, as many for each of its rows.
  ///   - take: gets the numbers of a text, by its place.
  func run<Number>(
    on replica: Replica, _ run: (Batch) -> [Number], _ take: (_ text: Int, ArraySlice<Number>) throws -> Void
  ) rethrows {
    var batch = Batch()
    for texts in batches {
      replica.objective.fill(
        &batch, with: MicroBatch(sequences: texts, firstSample: 0), of: sequences, mask: .none)
      let numbers = run(batch)
      let width = numbers.count / texts.count
      for (row, text) in texts.enumerated() { try take(text, numbers[row * width..<(row + 1) * width]) }
    }
  }
}
