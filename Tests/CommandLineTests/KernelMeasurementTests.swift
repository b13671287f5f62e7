// Runs whose recipes name no kernels: they measure once, remember it, and go on with what they began with.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct KernelMeasurementTests {
    /// A model whose layers are large enough to be measured.
    private static let settings = [
      "train", "model=gpt2", "weights=random", "data.train=text.txt", "data.sequence_length=64",
      "training.steps=2", "training.batch_size=4", "schedule.warmup_steps=0",
    ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeGPT2(inner: 1024, layers: 1, dropout: 0, width: 256)
      try folder.makeText(characters: 2150)
      return folder
    }

    /// - Parameter cache: the user's cache folder.
    /// - Returns: the notes, and the kernels in the fingerprint of the last checkpoint.
    private func run(
      ranks: Int? = 2, cache: String, output: String, in folder: Workspace, _ more: [String] = []
    ) throws -> (notes: [String], kernels: String) {
      let launcher = ranks.map { ["mpirun", "-np", "\($0)", "--bind-to", "none"] } ?? []
      let result = try Command.run(
        ["env", "XDG_CACHE_HOME=\(cache)"] + launcher + [Command.binary] + Self.settings + more
          + ["output=\(output)"], in: folder)
      try #require(result.code == 0, "\(result.err)")
      let state = try JSON.parse(folder.text("\(output)/checkpoints/step-000002/training_state.json"))
      let blas = try #require(state["fingerprint"]?["blas"]?.text)
      return (
        result.out.split(separator: "\n").map(String.init).filter { $0.hasPrefix("note: ") },
        blas.components(separatedBy: ", kernels ").last ?? ""
      )
    }

    /// The same on a machine that may be busy: a run remembers nothing where there was no time for all candidates.
    private func measuring(
      ranks: Int? = 2, cache: String, output: String, in folder: Workspace
    ) throws -> (notes: [String], kernels: String) {
      for attempt in 1...12 {
        let result = try run(ranks: ranks, cache: cache, output: output, in: folder)
        if KernelMemory.isWhole(cache) { return result }
        try #require(attempt < 12, "\(result.notes)")
        try folder.remove(output)
      }
      throw CancellationError()
    }

    private enum KernelMemory {
      static func content(_ cache: String) throws -> JSON {
        try JSON.parse(String(contentsOfFile: cache + "/swiftdp/kernels.json", encoding: .utf8))
      }
      static func isWhole(_ cache: String) -> Bool { (try? content(cache)["entries"]?.elements?.count) == 1 }
    }

    @Test func theSecondRunRemembersWhatTheFirstMeasured() throws {
      let folder = try folder()
      let cache = folder.path + "/cache"
      let first = try measuring(cache: cache, output: "first", in: folder)
      #expect(first.notes.count == 1)
      #expect(first.notes.first?.hasPrefix("note: matrix kernels, measured in ") == true, "\(first.notes)")
      let choice = try #require(try KernelMemory.content(cache)["entries"]?.elements?.first?["choice"])
      let name = try #require(choice["name"]?.text)
      #expect(name == first.kernels || name == "auto")
      #expect(try #require(choice["times"]?.elements).count >= 2, "\(choice.encoded())")
      let second = try run(cache: cache, output: "second", in: folder)
      let alone = try run(ranks: nil, cache: cache, output: "alone", in: folder)
      #expect(second.notes == [] && alone.notes == [])
      #expect(second.kernels == first.kernels && alone.kernels == first.kernels)
      let hashes = try ["first", "second", "alone"].map { try RunOutput(folder: folder, name: $0).hash() }
      #expect(Set(hashes).count == 1)
    }

    /// What was remembered decides, not what is fastest now.
    @Test func theChoiceInTheFileIsTaken() throws {
      let folder = try folder()
      let cache = folder.path + "/cache"
      let first = try measuring(ranks: nil, cache: cache, output: "first", in: folder)
      let other = first.kernels == "Haswell" ? "Zen" : "Haswell"
      let file = "cache/swiftdp/kernels.json"
      var content = try #require(try JSONSerialization.jsonObject(with: folder.data(file)) as? [String: Any])
      var entries = try #require(content["entries"] as? [[String: Any]])
      var choice = try #require(entries.first?["choice"] as? [String: Any])
      choice["name"] = other
      entries[0]["choice"] = choice
      content["entries"] = entries
      try folder.file(file, try JSONSerialization.data(withJSONObject: content))
      let second = try run(ranks: nil, cache: cache, output: "second", in: folder)
      #expect(second.notes == [] && second.kernels == other)
    }

    @Test func aFileThatIsBrokenOrCannotBeWrittenIsSaid() throws {
      let folder = try folder()
      let cache = folder.path + "/cache"
      try folder.file("cache/swiftdp/kernels.json", "{\"format\": 1, \"entr")
      let broken = try measuring(ranks: nil, cache: cache, output: "broken", in: folder)
      #expect(broken.notes.count == 2)
      #expect(
        broken.notes.last == "note: \(cache)/swiftdp/kernels.json was no list of kernels and is replaced")
      #expect(try run(ranks: nil, cache: cache, output: "whole", in: folder).notes == [])

      // Nor is there anything to write where there was no time for all candidates: beside other tests, thirteen times in
      // a row were too few.
      var unwritable = try run(ranks: nil, cache: "/dev/null/cache", output: "unwritable", in: folder)
      for _ in 1...40 where unwritable.notes.first?.hasSuffix("too busy to tell") == true {
        try folder.remove("unwritable")
        unwritable = try run(ranks: nil, cache: "/dev/null/cache", output: "unwritable", in: folder)
      }
      #expect(unwritable.notes.count == 2)
      #expect(
        unwritable.notes.last
          == "note: /dev/null/cache/swiftdp/kernels.json: cannot be written: kernels are measured at each start"
      )
    }

    /// A model of few weights and a recipe that names kernels have nothing to measure.
    @Test func nothingIsMeasuredWithoutNeed() throws {
      let folder = try folder()
      let named = try run(
        ranks: nil, cache: folder.path + "/cache", output: "named", in: folder, ["parallel.blas_kernel=auto"])
      #expect(named.notes == [])
      try folder.makeGPT2(dropout: 0)
      let small = try run(ranks: nil, cache: folder.path + "/cache", output: "small", in: folder)
      #expect(small.notes == [])
      #expect(!folder.exists("cache"))
    }

    /// Odd shapes in every transposition, against fp64; two threads against one.
    @Test(arguments: ["auto", "oneDNN", "BLIS"])
    func everyLibraryThatIsInstalledIsRight(_ name: String) throws {
      let shapes = [("second", 37, 200, 96), ("none", 37, 96, 200), ("first", 200, 96, 37)].map {
        #"{"transposition": "\#($0)", "m": \#($1), "n": \#($2), "k": \#($3)}"#
      }
      let request = #"{"name": "\#(name)", "shapes": [\#(shapes.joined(separator: ", "))]}"#
      let result = try Command.run(
        [Command.binary, "doctor", "--kernel-times", request], in: try Workspace())
      try #require(result.code == 0, "\(result.err)")
      let seconds = try JSON.parse(result.out)["seconds"]?.double
      // BLIS may be missing; all that the README installs is there.
      #expect(seconds.map { $0 > 0 } ?? (name == "BLIS"), "\(result.out)")
    }

    /// A library that fails does so in a process of its own.
    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/cc"), "there is no C compiler"))
    func aLibraryThatCrashesHangsOrLiesIsLeftOutAndNamed() throws {
      let folder = try Workspace()
      var checked = 0
      for (name, body, reason) in [
        ("crash", "__builtin_trap();", "it crashed"), ("hang", "for (;;) pause();", "no answer within 0."),
        ("lie", "", "wrong numbers"), ("exit", "_exit(0);", "no times"),
      ] {
        try folder.file(
          "\(name)/blis.c",
          """
          #include <unistd.h>
          const char *bli_info_get_version_str(void) { return "1"; }
          void cblas_sgemm(void) { \(body) }
          """)
        let built = try Command.run(
          ["cc", "-shared", "-fPIC", "-o", "\(name)/libblis.so.5", "\(name)/blis.c"], in: folder)
        try #require(built.code == 0, "\(built.err)")
        // A busy machine may have no time for it.
        var choice = JSON.null
        for _ in 1...4 where choice["left_out"]?.elements?.count != 1 || !choice.encoded().contains(reason) {
          let result = try Command.run(
            [
              "env", "XDG_CACHE_HOME=\(folder.path)/\(name)", "LD_LIBRARY_PATH=\(folder.path)/\(name)",
              Command.binary, "doctor", "--json",
            ], in: folder)
          try #require(result.code == 0, "\(result.err)")
          choice = try JSON.parse(result.out)["kernels"]?["choice"] ?? .null
        }
        let leftOut = choice["left_out"]?.elements?.compactMap(\.text) ?? []
        #expect(leftOut.count == 1 && leftOut[0].hasPrefix("BLIS (\(reason)"), "\(name): \(leftOut)")
        let timed = try #require(choice["times"]?.elements).compactMap { $0["name"]?.text }
        #expect(timed.count >= 2 && !timed.contains("BLIS"))
        #expect(try #require(choice["name"]?.text) != "BLIS")
        checked += 1
      }
      #expect(checked == 4)
    }
  }
}
