// data.cache: runs have the bits of those without it, at every number of ranks, and whatever happens to the folder.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct CacheCommandTests {
    private static let settings = [
      "model=llama", "weights=random", "data.sequence_length=32", "training.steps=12",
      "training.batch_size=8",
      "training.micro_batch_size=1", "training.validate_every=4", "optimizer.learning_rate=1.0e-3",
      "parallel.threads=1", "checkpoint.every=6",
    ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let answers = (0..<60).map { "{\"prompt\": \"p\($0)\", \"completion\": \"\($0 * 7) is it\"}\n" }
      try folder.file("answers.jsonl", answers.joined())
      return folder
    }

    /// The files of a cache that hold tokens.
    private func parts(_ cache: String, in folder: Workspace) -> [String] {
      folder.snapshot("\(cache)/parts").keys.filter { !$0.hasSuffix("/") && !$0.hasSuffix(".tmp") }.sorted()
    }

    @Test(arguments: [
      ["data.train=text.txt"],
      ["data.train=answers.jsonl", "data.packing=false", "data.validation=answers.jsonl"],
      ["data.sources=[{files: text.txt, weight: 2}, {files: answers.jsonl}]"],
    ])
    func sameBitsAsInMemory(_ data: [String]) throws {
      let folder = try folder()
      let memory = try train(Self.settings + data, output: "memory", in: folder)
      var first: [String: Data] = [:]
      for ranks in [nil, 2, 3, 4] {
        let cache = "cache\(ranks ?? 1)"
        for start in 1...2 {
          let run = try train(
            Self.settings + data + ["data.cache=\(cache)"], output: "run\(ranks ?? 1)-\(start)", ranks: ranks,
            in: folder)
          try expectSame(run, memory, steps: 12, "\(data), \(ranks ?? 1) ranks, start \(start)")
        }
        let files = folder.snapshot("\(cache)/parts").merging(folder.snapshot("\(cache)/sets")) { $1 }
        if first.isEmpty { first = files }
        #expect(files.count > 2 && files == first, "\(ranks ?? 1) ranks")
      }
      // A checkpoint made without a cache goes on with one.
      try folder.copy("memory", to: "again")
      for name in ["again/checkpoints/step-000012", "again/model"] { try folder.remove(name) }
      let resumed = try Command.swiftdp(
        ["train"] + Self.settings + data + ["data.cache=cache2", "output=again"], ranks: 2, in: folder)
      #expect(resumed.code == 0 && resumed.out.contains("step 6 of 12"), "\(resumed.err)\(resumed.out)")
      #expect(try RunOutput(folder: folder, name: "again").hash() == memory.hash())
    }

    /// 24 MB of text, of which a run that is killed has prepared a part.
    private func bigFolder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 4000)
      let text = try folder.text("text.txt").replacing("\n", with: " ")
      try folder.file(
        "big.jsonl",
        (0..<6000).map { "{\"text\": \"\($0) \(text)\"}\n" }.joined())
      return folder
    }

    private static let cached = [
      "data", "cache", "model=llama", "weights=random", "data.train=big.jsonl", "data.sequence_length=32",
    ]

    @Test func aPreparationThatIsKilledGoesOn() throws {
      let folder = try bigFolder()
      let whole = try Command.swiftdp(Self.cached + ["data.cache=whole"], ranks: 2, in: folder)
      #expect(whole.code == 0 && whole.out.contains("fingerprint "), "\(whole.err)")
      #expect(parts("whole", in: folder).count > 1)
      let run = try Command.start(Self.cached + ["data.cache=killed"], ranks: 2, in: folder)
      try #require(run.until { !parts("killed", in: folder).isEmpty }, "the run ended early")
      for rank in 0..<2 { if let process = run.process(ofRank: rank) { kill(process, SIGKILL) } }
      _ = try? run.wait()
      let first = try #require(parts("killed", in: folder).first)
      let before = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/killed/parts/\(first)")
      let again = try Command.swiftdp(Self.cached + ["data.cache=killed"], in: folder)
      #expect(again.code == 0 && again.out == whole.out, "\(again.err)")
      let after = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/killed/parts/\(first)")
      #expect(before[.systemFileNumber] as? Int == after[.systemFileNumber] as? Int)
      for name in parts("whole", in: folder) {
        let isSame = try folder.data("whole/parts/\(name)") == folder.data("killed/parts/\(name)")
        #expect(isSame, "\(name)")
      }
    }

    @Test func twoAtOnceDisturbNobody() throws {
      let folder = try bigFolder()
      let runs = try (0..<2).map { _ in
        try Command.start(Self.cached + ["data.cache=both"], ranks: 2, in: folder)
      }
      let results = try runs.map { try $0.wait() }
      #expect(results.allSatisfy { $0.code == 0 }, "\(results.map(\.err))")
      #expect(results[0].out == results[1].out && !results[0].out.isEmpty)
      #expect(folder.snapshot("both").keys.allSatisfy { !$0.hasSuffix(".tmp") })
    }

    @Test func damageIsToldAndMended() throws {
      let folder = try folder()
      let settings = Self.settings + ["data.train=answers.jsonl", "data.cache=cache"]
      let memory = try train(Self.settings + ["data.train=answers.jsonl"], output: "memory", in: folder)
      try train(settings, output: "first", in: folder)
      let part = "cache/parts/\(try #require(parts("cache", in: folder).first))"
      let good = try folder.data(part)
      try folder.file(part, good.dropLast(100))
      let cut = try Command.swiftdp(["train"] + settings + ["output=cut"], ranks: 2, in: folder)
      #expect(cut.code == 0, "\(cut.err)")
      #expect(
        cut.out.contains("note: \(folder.path)/\(part): ") || cut.out.contains("note: \(part): "),
        "\(cut.out)")
      #expect(cut.out.contains("it is made anew"))
      #expect(try RunOutput(folder: folder, name: "cut").hash() == memory.hash())
      #expect(try folder.data(part) == good)
      // Other tokens than were written, which no table lacks: only whoever looks at every byte finds them.
      var other = good
      other[(good.count - 1000) / 4 * 4] ^= 1
      try folder.file(part, other)
      let checked = try Command.swiftdp(["data", "cache"] + settings, in: folder)
      #expect(
        checked.code == 0 && checked.err.contains("its column tokens is damaged; it is made anew"),
        "\(checked.err)")
      #expect(try folder.data(part) == good)
      // Tokens that no table has, in the middle of the file.
      other = good
      for place in good.count / 3..<good.count * 2 / 3 { other[place] = 0xFF }
      try folder.file(part, other)
      let late = try Command.swiftdp(["train"] + settings + ["output=late"], ranks: 2, in: folder)
      #expect(late.code == 75, "\(late.out)\(late.err)")
      #expect(
        late.messages.first?.contains("a part of data.cache was damaged, and is removed") == true,
        "\(late.err)")
      let mended = try train(settings, output: "late", in: folder)
      #expect(try mended.hash() == memory.hash())
    }

    @Test(.enabled(if: SmallDisk.mayMount, "file systems cannot be mounted here"))
    func aFullDiskIsToldInOneLine() throws {
      let folder = try folder()
      let memory = try train(Self.settings + ["data.train=text.txt"], output: "memory", in: folder)
      let disk = try SmallDisk("disk", in: folder, bytes: 8 << 10)
      let settings = Self.settings + ["data.train=text.txt", "data.cache=disk/cache"]
      let full = try Command.swiftdp(["train"] + settings + ["output=run"], ranks: 2, in: folder)
      #expect(full.code == 74 && full.messages.count == 1, "\(full.err)")
      #expect(full.messages.first?.contains("No space left on device") == true, "\(full.err)")
      #expect(full.messages.first?.contains("set data.cache to a folder with room") == true, "\(full.err)")
      try disk.grow(to: 8 << 20)
      let run = try train(settings, output: "run", ranks: 2, in: folder)
      #expect(try run.hash() == memory.hash())
      // What is there needs no writing.
      #expect(try disk.remount("ro"))
      let second = try train(settings, output: "second", ranks: 2, in: folder)
      #expect(try second.hash() == memory.hash())
      let other = try Command.swiftdp(
        ["train"] + settings + ["data.sequence_length=16", "data.packing=false", "output=other"], in: folder)
      #expect(other.code == 74 && other.messages.count == 1, "\(other.err)")
      #expect(other.messages.first?.contains("Read-only file system") == true, "\(other.err)")
    }

    @Test func mistakesAreThoseOfARunWithoutIt() throws {
      let folder = try folder()
      let rows = (0..<40).map { "{\"prompt\": \"p\($0)\", \"completion\": \"c\"}\n" }.joined()
      try folder.file("bad.jsonl", rows + "{\"prompt\": 1, \"completion\": \"x\"}\n{\"pr\n" + rows)
      try folder.file("empty.jsonl", "\n")
      let settings = Self.settings + ["data.train=[bad.jsonl, empty.jsonl]"]
      let memory = try Command.swiftdp(["train"] + settings + ["output=a"], in: folder)
      #expect(memory.code == 65 && memory.messages.count == 3, "\(memory.err)")
      for ranks in [nil, 3] {
        let cached = try Command.swiftdp(
          ["train"] + settings + ["output=b", "data.cache=cache"], ranks: ranks, in: folder)
        #expect(cached.code == 65 && cached.messages == memory.messages, "\(cached.err)")
      }
      try folder.file("file", "")
      try expectMistake(
        ["train"] + Self.settings + ["data.train=text.txt", "data.cache=file"], 64,
        ["data.cache: file is a file, where a folder is meant"], in: folder)
      try expectMistake(
        ["train"] + Self.settings + ["data.train=-", "data.cache=cache"], 64,
        ["data.cache: keeps files, and the data is standard input (leave it out, or name a file)"], in: folder
      )
      try expectMistake(
        ["data", "cache"] + Self.settings + ["data.train=text.txt"], 64,
        ["data.cache: is missing (name a folder)"], in: folder)
    }
  }
}
