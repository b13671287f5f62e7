// Data out of a cache is the data that is read in memory, whatever the files are cut into.
import Base
import Compression
import Datasets
import Foundation
import Testing

@Suite struct CacheTests {
  @Test(arguments: CacheCase.all) func sameAsInMemory(_ test: CacheCase) throws {
    let folder = try Folder()
    let options = try test.options(in: folder)
    let memory = try Dataset(options, encoder: test.encoder)
    var cut = 0
    for (number, (pieceSize, tokens)) in [(300, 100), (1 << 20, 60), (1 << 20, 1 << 20)].enumerated() {
      var filling = try CacheFilling(
        options, encoder: test.encoder, in: "\(folder.path)/cache\(number)", pieceSize: pieceSize)
      filling.tokensOfPart = tokens
      #expect(try filling.plan.stored(validates: true).data == nil)
      try filling.fill()
      #expect(!filling.hasMistakes && filling.notes == [])
      cut = max(cut, filling.pieces.count)
      let data = try filling.data()
      // A text that is cut would be several documents, so that it is not where documents are told apart.
      let mask: PackingMask = test.name == "a long text" ? .none : .document
      try expectSame(data, memory, mask: mask, "\(test.name), \(number)")
      #expect(data.bytes == 0)
      try data.check()
    }
    let isOnePiece = test.name == "a list" || test.name == "labels of words"
    #expect(cut > test.sources.count || isOnePiece, "\(test.name) was cut into \(cut)")
  }

  @Test(arguments: CompressedForm.allCases) func compressedFilesAndParquet(_ form: CompressedForm) throws {
    let folder = try Folder()
    let plain = try folder.write("a.jsonl", CacheCase.answers(200))
    let packed = try folder.write("a.jsonl.\(form.rawValue)", try compressed(CacheCase.answers(200), form))
    let table = folder.path + "/a.parquet"
    let conversion = try DataConversion([plain], to: table, codec: .zstd)
    var bytes: [UInt8] = []
    _ = try conversion.run {
      bytes += $0
    } progress: { _ in
    }
    _ = try folder.write("a.parquet", bytes)
    for file in [packed, table] {
      let options = DataOptions.of([file], validation: .share(0.1))
      var filling = try CacheFilling(options, encoder: .bytes(), in: folder.path + "/cache")
      try filling.fill()
      try expectSame(try filling.data(), try Dataset(options, encoder: .bytes()), "\(file)")
    }
  }

  /// What one rank or another has prepared is the same; so is what was there after a run was killed.
  @Test func partsThatAreMissingAreMadeAgain() throws {
    let folder = try Folder()
    let options = DataOptions.of(
      [
        try folder.write("a.jsonl", CacheCase.texts(60)),
        try folder.write("b.json", "[{\"text\": \"\(String(repeating: "b", count: 900))\"}]"),
      ],
      packing: true)
    var filling = try CacheFilling(options, encoder: .bytes(), in: folder.path + "/cache")
    try filling.fill()
    let parts = folder.path + "/cache/parts"
    func files() throws -> [String: Data] {
      try FileManager.default.subpathsOfDirectory(atPath: parts).reduce(into: [:]) {
        $0[$1] = FileManager.default.contents(atPath: parts + "/" + $1)
      }
    }
    let whole = try files()
    let names = whole.keys.filter { $0.contains("/") }.sorted()
    #expect(names.count > 10)
    for (number, name) in names.enumerated() where number % 2 == 0 {
      try FileManager.default.removeItem(atPath: parts + "/" + name)
    }
    let kept = parts + "/" + names[1]
    let before = try FileManager.default.attributesOfItem(atPath: kept)[.systemFileNumber] as? Int
    try filling.fill()
    #expect(try files() == whole)
    // A part in the middle of a chain is written again with those before it, others stay.
    let after = try FileManager.default.attributesOfItem(atPath: kept)[.systemFileNumber] as? Int
    #expect(before == after || names[1].hasSuffix("-1"))
    try expectSame(try filling.data(), try Dataset(options, encoder: .bytes()), "made again")
  }

  /// Whatever is changed in a file of the cache, data is the same or made anew.
  @Test func damageIsFoundOrHarmless() throws {
    let folder = try Folder()
    let options = DataOptions.of(
      [try folder.write("a.jsonl", CacheCase.answers(12))], validation: .share(0.2))
    let memory = try Dataset(options, encoder: .bytes())
    var filling = try CacheFilling(options, encoder: .bytes(), in: folder.path + "/cache", pieceSize: 300)
    try filling.fill()
    let root = folder.path + "/cache"
    let names = try FileManager.default.subpathsOfDirectory(atPath: root).filter {
      $0.hasPrefix("parts/") && $0.filter { $0 == "/" }.count == 2 || $0.hasPrefix("sets/")
    }.sorted()
    #expect(names.count > 3)
    var (found, mended, tried) = (0, 0, 0)
    for (number, name) in names.enumerated() where number % 2 == 0 {
      let good = try #require(FileManager.default.contents(atPath: root + "/" + name))
      var damaged: [Data] = [Data(), good.prefix(10), good.prefix(40), good.dropLast(1), good + [0]]
      for place in stride(from: 0, to: good.count, by: 167) {
        var other = good
        other[place] ^= 0x41
        damaged.append(other)
      }
      for bytes in damaged {
        try bytes.write(to: URL(fileURLWithPath: root + "/" + name))
        tried += 1
        var again = try CacheFilling(options, encoder: .bytes(), in: root, pieceSize: 300)
        let (data, damage) = try again.plan.stored(validates: true)
        // What is read of it is right, or is told at the latest when it is read.
        if let data {
          for sequence in 0..<data.train.count { _ = data.train.batch(of: [sequence]) }
          if (try? data.check()) == nil { found += 1 }
        } else {
          found += damage == nil ? 0 : 1
        }
        try again.fill(verifies: true)
        try expectSame(try again.data(), memory, "\(name)")
        let after = FileManager.default.contents(atPath: root + "/" + name)
        // Between columns lie bytes that nobody reads.
        if after == good { mended += 1 } else { #expect(after == bytes && again.notes == [], "\(name)") }
      }
      try good.write(to: URL(fileURLWithPath: root + "/" + name))
    }
    #expect(mended > tried / 2, "\(mended) of \(tried)")
    #expect(tried > 40 && found > tried / 4, "\(found) of \(tried)")
  }

  /// Names do not count, and everything else does.
  @Test func whatEntriesAreKnownBy() throws {
    let folder = try Folder()
    func parts(_ options: DataOptions, _ encoder: DocumentEncoder = .bytes()) throws -> Set<String> {
      let filling = try CacheFilling(options, encoder: encoder, in: folder.path + "/cache")
      return Set(filling.pieces.map(\.folder))
    }
    let a = try folder.write("a.jsonl", CacheCase.answers(3))
    let options = DataOptions.of([a], packing: true)
    let one = try parts(options)
    #expect(try one.count == 1 && parts(options) == one)
    #expect(try parts(.of([try folder.write("b.jsonl", CacheCase.answers(3))], packing: true)) == one)
    // Which sequences are taken is not a matter of tokens.
    #expect(try parts(.of([a], validation: .share(0.5), packing: true, seed: 9)) == one)
    var seen: Set<Set<String>> = [one]
    var others: [DataOptions] = [
      .of([try folder.write("c.jsonl", CacheCase.answers(4))], packing: true),
      .of([try folder.write("a.jsonl.gz", try compressed(CacheCase.answers(3), .gzip))], packing: true),
      .of([a]), .of([a], packing: true, length: 63), .of([a], format: .completion, packing: true),
      .of([a], packing: true, readsWhole: true),
    ]
    others.append(options)
    others[6].chats.loss = .all
    others.append(options)
    others[7].sources[0].columns = DataColumns(["prompt": .name("completion")])
    for other in others {
      let parts = try parts(other)
      #expect(!seen.contains(parts))
      seen.insert(parts)
    }
    #expect(try !seen.contains(parts(options, .bytes(end: false))))
    #expect(seen.count == 9)
  }

  @Test func filesAreHashedOnce() throws {
    let folder = try Folder()
    let file = try folder.write("a.jsonl", CacheCase.answers(3))
    // Within a tick of the clock, a file could change without a trace.
    usleep(200_000)
    func unknown() throws -> Int {
      var cache = DataCache(folder: folder.path + "/cache")
      let chunks = try cache.unknown(of: [file])
      let hashes = try chunks.map { try $0.hash() }
      try cache.remember(hashes, of: chunks, since: Date())
      return chunks.count
    }
    #expect(try [unknown(), unknown()] == [1, 0])
    let text = CacheCase.answers(3).replacing("p1", with: "q1")
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    usleep(200_000)
    #expect(try [unknown(), unknown()] == [1, 0])
    // A record that cannot be read knows nothing.
    _ = try folder.write("cache/files.json", "{\"files\": [{\"path\"")
    #expect(try [unknown(), unknown()] == [1, 0])
  }

  /// The mistakes of data are those that are told without a cache.
  @Test func sameMistakesAsInMemory() throws {
    let rows = CacheCase.answers(30)
    let cases: [(name: String, text: String, format: DataFormat)] = [
      ("a.jsonl", rows + "{\"prompt\": 1, \"completion\": \"x\"}\n{\"prompt\"\n" + rows, .auto),
      ("a.jsonl", rows + String(repeating: "{\"prompt\": \"x\"}\n", count: 9), .auto),
      ("a.jsonl", "{\"what\": 1}\n" + rows, .auto), ("a.jsonl", "\n\n", .auto), ("a.jsonl", "", .auto),
      ("a.jsonl", "{\"text\": \"\"}\n{\"text\": \"\"}\n", .auto),
      ("a.csv", "text,label\na,b\n\"c,d\n" + String(repeating: "e,f\n", count: 200), .classification),
      ("a.csv", "text,label\n" + String(repeating: "e,f\n", count: 200) + "a \"b\",c\n", .classification),
      (
        "a.jsonl",
        (0..<40).map { "{\"text\": \"t\", \"label\": [1\($0 == 30 ? ", 2" : "")]}\n" }.joined(), .regression
      ),
      (
        "a.jsonl",
        (0..<40).map { "{\"anchor\": \"t\", \"positive\": \"p\"\($0 > 29 ? ", \"negative\": \"n\"" : "")}\n" }
          .joined(), .embedding
      ),
      ("a.json", "[{\"text\": \"a\"}, {\"text\": 3}", .auto), ("a.txt", "", .auto),
    ]
    for test in cases {
      let folder = try Folder()
      let file = try folder.write(test.name, test.text)
      let options = DataOptions.of([file, try folder.write("b.jsonl", rows + "x\n")], format: test.format)
      let told = folder.errors(options)
      #expect(told.contains(": ") && told != "no error", "\(told)")
      var says: String?
      do {
        var filling = try CacheFilling(options, encoder: .bytes(), in: folder.path + "/cache", pieceSize: 200)
        try filling.fill()
        #expect(filling.hasMistakes)
        says = filling.plan.mistakes().map(\.description).joined(separator: "\n")
      } catch { says = "\(error)" }
      #expect(says?.replacing(folder.path + "/", with: "") == told)
    }
    #expect(cases.count == 12)
  }

  @Test func aFileThatChangesIsNotMixedWithItself() throws {
    let folder = try Folder()
    let file = try folder.write("a.jsonl", CacheCase.answers(30))
    var filling = try CacheFilling(.of([file]), encoder: .bytes(), in: folder.path + "/cache")
    try Data(CacheCase.answers(31).utf8).write(to: URL(fileURLWithPath: file))
    #expect(throws: UserError(.tryAgain, "was changed while it was read", at: file, hint: "start again")) {
      try filling.fill()
    }
  }

  @Test func piecesAreSharedOutEvenly() throws {
    let folder = try Folder()
    let files = try (0..<9).map { try folder.write("\($0).jsonl", CacheCase.texts(20 + $0 * 10)) }
    let filling = try CacheFilling(.of(files), encoder: .bytes(), in: folder.path + "/cache")
    for members in 1...4 {
      let shares = CachePlan.shares(filling.pieces, among: members)
      #expect(shares.count == members)
      #expect(Set(shares.flatMap { $0.map { $0.path(ofPart: 0) } }).count == filling.pieces.count)
      let loads = shares.map { $0.reduce(0) { $0 + $1.work + 1 << 14 } }
      #expect(loads.max()! - loads.min()! < 1 << 15)
    }
  }

  /// The same draw as from a list of all numbers.
  @Test func sharesAreThoseOfAWholeShuffle() throws {
    let folder = try Folder()
    let file = try folder.write("a.jsonl", CacheCase.texts(200))
    for share in [0.01, 0.3, 0.9] {
      let data = try Dataset(.of([file], validation: .share(share), length: 500, seed: 5), encoder: .bytes())
      var order = Array(0..<200)
      var random = PhiloxStream(seed: 5, stream: 0x5641_4C49 << 32)
      let size = Int((share * 200).rounded())
      for place in 0..<size { order.swapAt(place, place + random.below(200 - place)) }
      let lines = try #require(data.validation).spanSources.map { Int($0.row) }
      #expect(lines == order[..<size].sorted())
    }
  }
}
