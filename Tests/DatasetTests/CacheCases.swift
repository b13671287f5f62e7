// Ways to make a data set in memory and out of a cache, and what it means that two data sets are the same.
import Base
import Compression
import Datasets
import Foundation
import Testing

/// One way to make a data set, in memory and out of a cache.
struct CacheCase: CustomTestStringConvertible, Sendable {
  let name: String
  /// The files of a source, or of several.
  var sources: [[String: String]]
  var validation: [String: String] = [:]
  var format = DataFormat.auto
  var encoder = DocumentEncoder.bytes()
  var change: @Sendable (inout DataOptions) -> Void = { _ in }

  var testDescription: String { name }

  func options(in folder: Folder) throws -> DataOptions {
    let sources = try sources.enumerated().map { number, files in
      DataSource(
        files: try files.sorted { $0.key < $1.key }.map { try folder.write("\(number)-\($0.key)", $0.value) },
        format: format)
    }
    var options = DataOptions(
      sources: sources, validation: .share(0.2), format: format, packing: false, sequenceLength: 40, seed: 3)
    if !validation.isEmpty {
      options.validation = .files(try validation.map { try folder.write("v-\($0.key)", $0.value) })
    }
    change(&options)
    return options
  }

  static func texts(_ count: Int, from first: Int = 0) -> String {
    (first..<first + count).map {
      "{\"text\": \"\(String(repeating: "word\($0) ", count: 1 + $0 * 7 % 11))\"}\n"
    }.joined()
  }

  static func answers(_ count: Int) -> String {
    (0..<count).map {
      "{\"prompt\": \"p\($0)\", \"completion\": \"\(String(repeating: "a\($0) ", count: 1 + $0 * 5 % 17))\"}\n"
    }.joined()
  }

  private static let labelled = (0..<40).map {
    "\"t \"\"\($0)\"\"\n\(String(repeating: "x,", count: $0 % 9))\",\($0 % 3 == 0 ? "yes" : "no")\r\n"
  }.joined()

  static let all: [CacheCase] = [
    CacheCase(name: "joined text", sources: [["a.jsonl": texts(40), "b.txt": "plain text\n\nof a file"]]) {
      $0.packing = true
    },
    CacheCase(name: "joined text, documents apart", sources: [["a.jsonl": texts(40)]]) {
      ($0.packing, $0.packingMask) = (true, .document)
    },
    CacheCase(
      name: "joined text with validation files", sources: [["a.jsonl": texts(40)], ["b.jsonl": texts(30)]],
      validation: ["v.jsonl": texts(9, from: 50)]
    ) { $0.packing = true },
    CacheCase(
      name: "a long text",
      sources: [
        ["a.txt": (0..<90).map { "Line \($0).\n\($0 % 4 == 0 ? "\n" : "")" }.joined(), "b.txt": "short"]
      ],
      encoder: DocumentEncoder(
        encoding: ByteEncoding(addsBegin: true, cuts: true), endOfText: ByteEncoding.end)
    ) { $0.packing = true },
    CacheCase(name: "a file twice", sources: [["a.jsonl": texts(30)], ["a.jsonl": texts(30)]]) {
      $0.packing = true
    },
    CacheCase(name: "rows of text", sources: [["a.jsonl": "\n\n" + texts(40) + "\n"]]),
    CacheCase(name: "text that fits", sources: [["a.jsonl": texts(40)]]) {
      ($0.packing, $0.packingFits) = (true, true)
    },
    CacheCase(name: "text behind virtual tokens", sources: [["a.jsonl": texts(40)]]) {
      $0.virtual = VirtualPositions(rows: 3, keys: 2)
    },
    CacheCase(name: "answers", sources: [["a.jsonl": answers(40)]]),
    CacheCase(name: "packed answers", sources: [["a.jsonl": answers(40)], ["b.jsonl": answers(25)]]) {
      $0.packing = true
      $0.sources[1].weight = 3
    },
    CacheCase(
      name: "texts and answers", sources: [["a.jsonl": texts(30), "b.jsonl": answers(30), "c.txt": "x y z"]]
    ) { $0.packing = true },
    CacheCase(name: "answers that are read whole", sources: [["a.jsonl": answers(40)]]) {
      $0.readsWhole = true
    },
    CacheCase(
      name: "answers with merged boundaries", sources: [["a.jsonl": answers(40)]],
      encoder: .bytes(merge: "3a")),
    CacheCase(
      name: "a list",
      sources: [["a.json": "[" + (0..<30).map { "{\"text\": \"t\($0)\"}" }.joined(separator: ",\n") + "]"]]),
    CacheCase(
      name: "chats",
      sources: [
        [
          "a.jsonl": (0..<20).map {
            "{\"messages\": [{\"role\": \"user\", \"content\": \"q\($0)\"}, {\"role\": \"assistant\", \"content\": \"a\($0)\"}, "
              + "{\"role\": \"user\", \"content\": \"r\"}, {\"role\": \"assistant\", \"content\": \"b\($0)\"}]}\n"
          }.joined()
        ]
      ]
    ) {
      $0.chats.template = "chatml"
      $0.sequenceLength = 200
    },
    CacheCase(
      name: "labels in a table", sources: [["a.csv": "text,label\r\n" + labelled]], format: .classification),
    CacheCase(
      name: "numbered columns", sources: [["a.tsv": (0..<80).map { "no\tt\($0) \"\n" }.joined()]],
      format: .classification
    ) {
      $0.columns = DataColumns(["text": .number(1), "label": .number(0)])
      $0.sources[0].columns = $0.columns
      $0.labels = ["no", "yes"]
    },
    CacheCase(
      name: "pairs with labels",
      sources: [
        [
          "a.jsonl": (0..<40).map {
            "{\"text\": \"t\($0)\", \"text_pair\": \"u\($0 * 3)\", \"label\": \($0 % 2)}\n"
          }.joined()
        ]
      ], format: .classification),
    CacheCase(
      name: "numbers",
      sources: [["a.jsonl": (0..<40).map { "{\"text\": \"t\($0)\", \"label\": [\($0), 0.5]}\n" }.joined()]],
      format: .regression),
    CacheCase(
      name: "choices",
      sources: [
        [
          "a.jsonl": (0..<40).map {
            "{\"context\": \"c\($0)\", \"choices\": [\"x\", \"y\"\($0 == 37 ? ", \"z\"" : "")], \"label\": \($0 % 2)}\n"
          }.joined()
        ]
      ], format: .multipleChoice),
    CacheCase(
      name: "pairs that belong together",
      sources: [
        ["a.jsonl": (0..<40).map { "{\"anchor\": \"a\($0)\", \"positive\": \"p\($0)\"}\n" }.joined()]
      ],
      format: .embedding),
    CacheCase(
      name: "labels of words",
      sources: [["a.conll": (0..<30).map { "word\($0) B-X\nnext O\n\n" }.joined()]],
      format: .tokenClassification),
    CacheCase(
      name: "texts to answer to",
      sources: [
        ["a.jsonl": (0..<40).map { "{\"source\": \"s\($0)\", \"target\": \"t\($0 * $0)\"}\n" }.joined()]
      ],
      format: .textToText,
      encoder: DocumentEncoder(
        encoding: ByteEncoding(), endOfText: ByteEncoding.end, answerStart: ByteEncoding.begin)),
  ]
}

/// A cache that one process fills, in small pieces.
struct CacheFilling {
  let plan: CachePlan
  let pieces: [CachePiece]
  var tokensOfPart = 100
  /// What was said of damaged parts.
  private(set) var notes: [String] = []
  private(set) var hasMistakes = false

  init(
    _ options: DataOptions, encoder: DocumentEncoder, in folder: String, pieceSize: Int = 300
  ) throws {
    var cache = DataCache(folder: folder)
    let start = Date()
    let chunks = try cache.unknown(of: options.files)
    try cache.remember(try chunks.map { try $0.hash() }, of: chunks, since: start)
    var options = options
    options.cache = cache
    plan = try CachePlan(options, encoder: encoder, tokenizer: [])
    pieces = try plan.pieces(try plan.cuts(pieceSize: pieceSize))
  }

  /// Makes what is missing.
  mutating func fill(verifies: Bool = false) throws {
    var preparation = plan.preparation
    preparation.tokensOfPart = tokensOfPart
    for piece in pieces {
      if case .hasMistakes = try preparation.run(piece, verifies: verifies, noted: { notes.append($0) }) {
        hasMistakes = true
      }
    }
    if !hasMistakes, try !plan.arrange(pieces) { hasMistakes = true }
  }

  func data() throws -> Dataset { try #require(try plan.stored(validates: true).data) }
}

/// Where the spans of a sequence come from, each once.
private func places(_ sequences: TokenSequences, _ sequence: Int) -> [SampleSource] {
  sequences.spans(of: sequence).map { sequences.spanSources[$0] }.reduce(into: []) { places, place in
    if place.line > 0 || places.last != place { places.append(place) }
  }
}

/// Expects two data sets to hold the same, from tokens to names of lines.
/// - Parameter mask: what documents of a block see of each other.
func expectSame(
  _ one: Dataset, _ other: Dataset, mask: PackingMask = .document, _ comment: Comment
) throws {
  #expect(one.summary == other.summary, comment)
  #expect(one.trainSources == other.trainSources && one.weights == other.weights, comment)
  #expect(one.namedTemplate == other.namedTemplate && one.labels == other.labels, comment)
  #expect((one.validation == nil) == (other.validation == nil), comment)
  let parts = [(one.train, other.train), (one.validation, other.validation)].compactMap { one, other in
    one.flatMap { one in other.map { (one, $0) } }
  }
  for (one, other) in parts {
    #expect(one.checksum.value == other.checksum.value, comment)
    #expect(one.count == other.count && one.count > 0 && one.tokenCount == other.tokenCount, comment)
    #expect(one.longestRow == other.longestRow && one.longestAnswered == other.longestAnswered, comment)
    #expect(one.largestTokens == other.largestTokens, comment)
    #expect(one.targetCount == other.targetCount && one.kind == other.kind, comment)
    #expect(one.files == other.files && one.rowsPerSample == other.rowsPerSample, comment)
    for sequence in 0..<one.count {
      #expect(one.batch(of: [sequence]) == other.batch(of: [sequence]), comment)
      #expect(one.batch(of: [sequence], mask: mask) == other.batch(of: [sequence], mask: mask), comment)
      // A long text may lie in several parts.
      #expect(places(one, sequence) == places(other, sequence), comment)
    }
  }
}
