// Checkpoints that differ from what was written: every changed bit is noticed, and a resume passes over them.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct DamageTests {
    private static let settings = ResumeTests.settings

    private func trained() throws -> (Workspace, RunOutput) {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return (folder, try train(Self.settings, output: "run", ranks: 2, in: folder))
    }

    private static let last = "run/checkpoints/step-000020"

    private static let files = [
      "config.json", "first_moment.safetensors", "first_moment.safetensors.index.json", "manifest.json",
      "model.safetensors", "model.safetensors.index.json", "second_moment.safetensors",
      "second_moment.safetensors.index.json", "tokenizer.json", "training_state.json",
    ]

    private func flip(_ bit: Int, of file: String, in folder: Workspace) throws {
      let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder.path + "/" + file))
      try handle.seek(toOffset: UInt64(bit / 8))
      let byte = try #require(try handle.read(upToCount: 1)?.first)
      try handle.seek(toOffset: UInt64(bit / 8))
      try handle.write(contentsOf: Data([byte ^ 1 << (bit % 8)]))
      try handle.close()
    }

    @Test func everyChangedBitIsNoticed() throws {
      let (folder, _) = try trained()
      #expect(folder.names(in: Self.last) == Self.files)
      var random = PhiloxStream(seed: 20, stream: 0)
      let inEach = FaultCount.count
      var found = 0
      for file in Self.files {
        let path = "\(Self.last)/\(file)"
        let bits = 8 * (try folder.data(path).count)
        // The first and the last bit, and some between.
        for bit in [0, bits - 1] + (2..<inEach).map({ _ in Int(random.next() % UInt64(bits)) }) {
          try flip(bit, of: path, in: folder)
          let result = try Command.swiftdp(["checkpoint", "verify", Self.last], in: folder)
          #expect(result.code == 65, "bit \(bit) of \(file): \(result.out)\(result.err)")
          // A changed manifest may say wrong things about another file.
          let told = file == "manifest.json" ? Self.last : file
          #expect(result.err.contains(told), "bit \(bit) of \(file): \(result.err)")
          try flip(bit, of: path, in: folder)
          found += 1
        }
      }
      #expect(found == inEach * Self.files.count)
      let whole = try Command.swiftdp(["checkpoint", "verify", Self.last], in: folder)
      #expect(whole.code == 0, "\(whole.err)")
    }

    /// What may be wrong with the newest checkpoint, and the message about it.
    private static let damages: [(name: String, said: String, do: @Sendable (Workspace) throws -> Void)] = [
      (
        "a truncated file", "second_moment.safetensors: is 1000 bytes long, and was ",
        { truncate($0.path + "/\(last)/second_moment.safetensors", 1000) }
      ),
      (
        "a missing file", "model.safetensors: is missing",
        { try $0.remove("\(last)/model.safetensors") }
      ),
      (
        "a missing manifest", "manifest.json: is missing",
        { try $0.remove("\(last)/manifest.json") }
      ),
      (
        "a truncated manifest", "manifest.json: is not JSON",
        { truncate($0.path + "/\(last)/manifest.json", 100) }
      ),
      (
        "a missing state", "training_state.json: is missing",
        { try $0.remove("\(last)/training_state.json") }
      ),
      (
        "an empty folder", ": is no checkpoint: it has no training_state.json",
        { workspace in for file in files { try workspace.remove("\(last)/\(file)") } }
      ),
    ]

    @Test(arguments: damages.indices) func theNewestWholeOneIsGoneOnFrom(_ number: Int) throws {
      let (folder, run) = try trained()
      let hash = try run.hash()
      let damage = Self.damages[number]
      try damage.do(folder)
      // The same when it is asked for by name, which is a mistake.
      let named = try Command.swiftdp(
        ["train"] + Self.settings + ["output=new", "checkpoint.resume=\(Self.last)"], ranks: 2, in: folder)
      #expect(named.code == 65)
      #expect(named.messages.count == 1)
      #expect(named.messages.first?.contains(damage.said) == true, "\(damage.name): \(named.err)")
      let verified = try Command.swiftdp(["checkpoint", "verify", Self.last], in: folder)
      #expect(verified.code == 65, "\(damage.name)")

      let again = try Command.swiftdp(["train"] + Self.settings + ["output=run"], ranks: 3, in: folder)
      try #require(again.code == 0, "\(again.err)")
      let notes = again.out.split(separator: "\n").filter { $0.hasPrefix("note: ") }
      #expect(notes.count == 1)
      #expect(notes.first?.hasPrefix("note: \(Self.last) is passed over: \(Self.last)") == true)
      #expect(notes.first?.contains(damage.said) == true, "\(damage.name): \(again.out)")
      #expect(again.out.contains("resume  step 10 of 20, from run/checkpoints/step-000010\n"))
      #expect(try run.hash() == hash)
    }

    /// One bit in each kind of file; all ranks read, and come to the same result.
    @Test func aChangedBitIsPassedOver() throws {
      let (folder, run) = try trained()
      let hash = try run.hash()
      for (number, file) in ["first_moment.safetensors", "tokenizer.json", "manifest.json"].enumerated() {
        let bits = 8 * (try folder.data("\(Self.last)/\(file)").count)
        try flip(bits / 3, of: "\(Self.last)/\(file)", in: folder)
        let again = try Command.swiftdp(
          ["train"] + Self.settings + ["output=run"], ranks: number + 1, in: folder)
        try #require(again.code == 0, "\(again.err)")
        #expect(
          again.out.contains("note: \(Self.last) is passed over: \(Self.last)/\(file): "), "\(again.out)")
        #expect(again.out.contains("resume  step 10 of 20"))
        #expect(try run.hash() == hash)
      }
    }

    @Test func withoutAWholeOneTheRunBeginsAnew() throws {
      let (folder, run) = try trained()
      let hash = try run.hash()
      for checkpoint in run.checkpoints {
        try flip(99, of: "run/checkpoints/\(checkpoint)/config.json", in: folder)
      }
      let again = try Command.swiftdp(["train"] + Self.settings + ["output=run"], ranks: 2, in: folder)
      try #require(again.code == 0, "\(again.err)")
      #expect(again.out.contains("note: no checkpoint is whole: the run begins anew\n"))
      #expect(!again.out.contains("resume  "))
      #expect(try run.hash() == hash)
    }

    /// A damaged newest checkpoint does not count among those that are kept, and is not removed.
    @Test func theLastGoodOneIsKept() throws {
      let (folder, run) = try trained()
      try flip(4000, of: "\(Self.last)/model.safetensors", in: folder)
      let damaged = folder.snapshot(Self.last)
      let settings = Self.settings + ["checkpoint.keep=1", "checkpoint.every=0", "training.steps=15"]
      let again = try Command.swiftdp(["train"] + settings + ["output=run"], ranks: 2, in: folder)
      try #require(again.code == 0, "\(again.err)")
      #expect(run.checkpoints == ["step-000015", "step-000020"])
      let isLeft = folder.snapshot(Self.last) == damaged
      #expect(isLeft)
    }

    /// Format 1 had no manifest, and is read as before.
    @Test func checkpointsFromBeforeAreGoneOnFrom() throws {
      let (folder, run) = try trained()
      let hash = try run.hash()
      try folder.remove(Self.last)
      let old = "run/checkpoints/step-000010"
      try folder.removeManifest(of: old)
      let verified = try Command.swiftdp(["checkpoint", "verify", old], in: folder)
      #expect(verified.code == 0, "\(verified.err)")
      let again = try Command.swiftdp(["train"] + Self.settings + ["output=run"], ranks: 2, in: folder)
      try #require(again.code == 0, "\(again.err)")
      #expect(again.out.contains("note: \(old) is from before there were checksums: not checked\n"))
      #expect(again.out.contains("resume  step 10 of 20"))
      #expect(try run.hash() == hash)
    }
  }
}
