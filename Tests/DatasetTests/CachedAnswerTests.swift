// Answers that are compared are out of a cache what they are in memory.
import Base
import Datasets
import Testing

@Suite struct CachedAnswerTests {
  private static func pairs(_ count: Int) -> String {
    (0..<count).map {
      "{\"prompt\": \"p\($0) \", \"chosen\": \"\(String(repeating: "good", count: 1 + $0 * 5 % 13))\", "
        + "\"rejected\": \"bad\($0)\"}\n"
    }.joined()
  }

  private static let chats = (0..<20).map {
    "{\"prompt\": [{\"role\": \"user\", \"content\": \"q\($0)\"}], "
      + "\"chosen\": [{\"role\": \"assistant\", \"content\": \"yes\"}], "
      + "\"rejected\": [{\"role\": \"assistant\", \"content\": \"no\($0)\"}]}\n"
  }.joined()

  private static let labelled = (0..<40).map {
    "{\"prompt\": \"p\($0)\", \"completion\": \"answer \($0 * $0)\", \"label\": \($0 % 3 == 0)}\n"
  }.joined()

  private static let ranked = (0..<30).map {
    "{\"prompt\": \"p\($0)\", \"completions\": [\"a\", \"b\($0)\", \"c\"], \"scores\": [\($0), 2.5, 1]}\n"
  }.joined()

  private static let cases = [
    CacheCase(name: "pairs", sources: [["a.jsonl": pairs(40)], ["b.jsonl": pairs(30)]], format: .preference),
    CacheCase(
      name: "pairs behind virtual tokens", sources: [["a.jsonl": pairs(40)]], format: .preference
    ) { $0.virtual = VirtualPositions(rows: 3, keys: 2) },
    CacheCase(
      name: "pairs of texts, with a template", sources: [["a.jsonl": pairs(40)]],
      validation: ["v.jsonl": pairs(9)], format: .preference, encoder: .bytes(merge: " g")
    ) { $0.chats.template = "chatml" },
    CacheCase(name: "pairs of chats", sources: [["a.jsonl": chats]], format: .preference) {
      $0.chats.template = "chatml"
      $0.sequenceLength = 200
    },
    CacheCase(name: "learned prompts", sources: [["a.jsonl": pairs(40)]], format: .preference) {
      $0.wishes.learnsPrompts = true
    },
    CacheCase(name: "labelled answers", sources: [["a.jsonl": labelled]], format: .preference) {
      $0.wishes.answers = .labelled
    },
    CacheCase(name: "wholes", sources: [["a.jsonl": ranked]], format: .preference) {
      $0.wishes.answers = .wholes
    },
    CacheCase(name: "answers to judge", sources: [["a.jsonl": ranked]], format: .preference) {
      $0.wishes.answers = .wholes
      $0.wishes.needsLabels = false
      $0.validation = .none
    },
  ]

  /// The data in memory, and out of a cache of many parts.
  private func both(_ test: CacheCase, in folder: Folder) throws -> (memory: Dataset, cached: Dataset) {
    let options = try test.options(in: folder)
    var filling = try CacheFilling(options, encoder: test.encoder, in: folder.path + "/cache")
    filling.tokensOfPart = 60
    try filling.fill()
    #expect(!filling.hasMistakes && filling.pieces.count > test.sources.count)
    return (try Dataset(options, encoder: test.encoder), try filling.data())
  }

  @Test(arguments: cases) func sameAsInMemory(_ test: CacheCase) throws {
    let (memory, cached) = try both(test, in: try Folder())
    try expectSame(cached, memory, "\(test.name)")
    #expect(cached.bytes == 0 && memory.summary.trainFiles.rows >= 20)
    #expect((cached.namedTemplate != nil) == (test.name == "pairs of chats"))
    if test.name == "pairs" { #expect(cached.summary.trainFiles.files[0].cutTargets > 0) }
    if test.encoder.encoding.encode(Array(" g".utf8), addSpecialTokens: false).count == 1 {
      #expect(cached.summary.trainFiles.files[0].mergedBoundaries > 0)
    }
  }

  /// What one template wrote is not taken for what another one writes.
  @Test func templatesAreToldApart() throws {
    let folder = try Folder()
    let test = try #require(Self.cases.first { $0.name == "pairs of chats" })
    var options = try test.options(in: folder)
    var tokens: [Int] = []
    for template in ["chatml", "zephyr"] {
      options.chats.template = template
      var filling = try CacheFilling(options, encoder: test.encoder, in: folder.path + "/cache")
      try filling.fill()
      try expectSame(try filling.data(), try Dataset(options, encoder: test.encoder), "\(template)")
      tokens.append(try filling.data().train.tokenCount)
    }
    #expect(tokens[0] != tokens[1])
  }

  @Test func referencesAndMismatchedPairs() throws {
    let test = try #require(Self.cases.first { $0.name == "labelled answers" })
    var (memory, cached) = try both(test, in: try Folder())
    let rows = Array(0..<memory.train.count)
    #expect(rows.map { cached.train.targets(of: $0) } == rows.map { memory.train.targets(of: $0) })
    #expect(rows.allSatisfy { memory.train.targets(of: $0) > 0 })
    let one = memory.train.mismatched(rows.reversed(), longest: 30)
    let other = cached.train.mismatched(rows.reversed(), longest: 30)
    #expect(one.count == rows.count && one.checksum.value == other.checksum.value)
    #expect(one.longestRow == 30 && other.longestRow == 30)
    for row in rows { #expect(one.batch(of: [row]) == other.batch(of: [row])) }
    let before = (memory.train.batch(of: rows), memory.train.checksum.value)
    memory.setReference(ofTrain: rows.map { Float($0) / 3 })
    cached.setReference(ofTrain: rows.map { Float($0) / 3 })
    #expect(memory.train.batch(of: rows) == cached.train.batch(of: rows))
    #expect(memory.train.batch(of: rows) != before.0)
    // A cache remembers what its data was before.
    #expect(cached.train.checksum.value == before.1)
  }

  /// Runs that were begun before resume: the checksum of answers counts the places of targets too.
  @Test func theChecksumMixesTargetPlaces() throws {
    let folder = try Folder()
    for test in Self.cases {
      let train = try Dataset(try test.options(in: folder), encoder: test.encoder).train
      var hash = FNV1a()
      hash.mix(UInt64(train.count))
      for token in train.tokens { hash.mix(UInt64(UInt32(bitPattern: token))) }
      for count in train.targetCounts { hash.mix(UInt64(UInt32(bitPattern: count))) }
      let places = train.tokens.indices.filter { train.lossMask[$0] }
      #expect(places.isEmpty == (train.kind == .wholes))
      for token in places { hash.mix(UInt64(token)) }
      if train.rowsPerSample > 1 { hash.mix(UInt64(train.rowsPerSample)) }
      for number in train.numbers { hash.mix(UInt64(number.bitPattern)) }
      #expect(train.checksum.value == hash.value, "\(test.name)")
    }
  }
}
