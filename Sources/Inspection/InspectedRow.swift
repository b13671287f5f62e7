// A row as checks see it, with what several of them look for, found once.
import Base
import Datasets
import Metrics

package final class InspectedRow {
  let part: DataPart
  /// `file:line`
  let place: String
  /// What it says; nil at the start of a run, where rows are known by their tokens.
  let example: Example?
  /// What it is trained as; nil where rows of a whole file were counted.
  let tokens: RowTokens?
  /// What was counted of it, or of its file; nil where only its tokens are known.
  let counts: FileSummary?
  let refusal: RowMistake?
  /// Of a chat, the first answer that its template writes in another way once messages stand behind it.
  let changedTurn: Int?

  init(_ row: EncodedExample, in part: DataPart, after beginnings: inout SharedBeginnings) {
    self.part = part
    place = row.place
    example = row.example
    tokens = row.refusal == nil ? RowTokens(row) : nil
    counts = row.counts
    refusal = row.refusal
    changedTurn = row.changedTurn
    texts = row.example.parts
    sharedBytes = beginnings.count(texts.first?.bytes ?? [])
  }

  /// The rows of a file, as they were counted.
  init(_ file: FileSummary, in part: DataPart) {
    self.part = part
    place = file.path
    counts = file
    (tokens, example, refusal, changedTurn) = (nil, nil, nil, nil)
    (texts, sharedBytes) = ([], 0)
  }

  /// The tokens of a row.
  init(_ tokens: RowTokens, at place: String, in part: DataPart) {
    self.part = part
    self.place = place
    self.tokens = tokens
    (example, counts, refusal, changedTurn) = (nil, nil, nil, nil)
    (texts, sharedBytes) = ([], 0)
  }

  /// All its texts.
  let texts: [TextPart]
  /// How many bytes the first of them begins with as rows before do.
  private let sharedBytes: Int
  /// The hashes of their words.
  lazy var words: [[UInt64]] = texts.map { MinHash.words($0.bytes) }
  /// What their characters are.
  lazy var profile = TextProfile(texts)
  /// A hash of its texts, and one of these with what it has beside them.
  lazy var textHash: RowHash = RowHash(texts)
  lazy var wholeHash: RowHash = RowHash(texts, example?.others ?? [])

  /// The beginning of its texts, without what rows before begin with.
  var beginning: String {
    guard let first = texts.firstIndex(where: { !$0.bytes.isEmpty }) else { return "" }
    return Excerpt.text(texts[first].bytes, from: first == 0 ? sharedBytes : 0)
  }
  /// The beginning of what it answers; of its texts where it answers nothing.
  var answerBeginning: String { texts.last(where: \.isAnswer).map { Excerpt.text($0.bytes) } ?? beginning }
}

/// 128 bits that stand for what a row says.
struct RowHash: Hashable {
  private var a = FNV1a().value
  private var b: UInt64 = 0

  /// - Parameter others: what the row has beside them.
  init(_ texts: [TextPart], _ others: [String] = []) {
    var (first, second) = (FNV1a(), FNV1a())
    second.mix(0x9E37_79B9_7F4A_7C15)
    func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes {
        first.mix(UInt64(byte))
        second.mix(UInt64(byte) &* 0x9E37_79B9 &+ 1)
      }
      first.mix(256)
      second.mix(256)
    }
    for text in texts {
      add(text.role.utf8)
      add(text.bytes)
    }
    for text in others { add(text.utf8) }
    (a, b) = (MinHash.mixed(first.value), MinHash.mixed(second.value))
  }
}
