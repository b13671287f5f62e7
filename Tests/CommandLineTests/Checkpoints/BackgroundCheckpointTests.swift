// Checkpoints that are written while training goes on hold the bits of their step, however they are written.
import Base
import Testing

extension CommandLineTests {
  @Suite struct BackgroundCheckpointTests {
    static let settings =
      RankCountTests.text + ["training.steps=8", "checkpoint.every=1", "checkpoint.keep=20"]

    static func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama(width: 64)
      try folder.makeText(characters: 2150)
      return folder
    }

    /// Manifests hold the checksums of all files: equal ones are equal checkpoints, byte for byte.
    @Test(arguments: [["model_dtype=float32"], ["model_dtype=bfloat16", "optimizer.name=adamw8bit"]])
    func theSameBytesHoweverWritten(_ more: [String]) throws {
      let folder = try Self.folder()
      let settings = Self.settings + more
      let one = try train(settings + ["checkpoint.memory=0"], output: "waits", in: folder)
      #expect(one.checkpoints.count == 8)
      var compared = 0
      for (ranks, memory) in [(1, "auto"), (2, "auto"), (2, "100K"), (3, "1G"), (2, "0")] {
        let run = try train(
          settings + ["checkpoint.memory=\(memory)"], output: "run\(compared)", ranks: ranks, in: folder)
        #expect(run.checkpoints == one.checkpoints)
        for checkpoint in one.checkpoints {
          let path = "checkpoints/\(checkpoint)/manifest.json"
          #expect(try run.text(path) == one.text(path), "\(checkpoint), \(ranks) ranks, \(memory)")
        }
        #expect(try run.text("model/manifest.json") == one.text("model/manifest.json"))
        #expect(try run.hash("step-000005") == one.hash("step-000005"))
        compared += 1
      }
      #expect(compared == 5)
      let verified = try Command.swiftdp(
        ["checkpoint", "verify", "run1/checkpoints/step-000003"], in: folder)
      #expect(verified.code == 0, "\(verified.err)")
    }

    @Test(arguments: ["4X", "-1", "[1]"]) func whatIsNoSizeIsRefused(_ text: String) throws {
      let folder = try Self.folder()
      let shown = text == "4X" ? "\"4X\"" : text
      try expectMistake(
        ["train"] + Self.settings + ["checkpoint.memory=\(text)"], 64,
        ["checkpoint.memory: is \(shown), which is no size (auto, 0, or such as 512M or 4G)"], in: folder)
    }

    /// A disk that fails once is no reason for the run to end, nor for the next checkpoint to fail.
    @Test(arguments: ["auto", "0"]) func aFailureIsSurvived(_ memory: String) throws {
      let folder = try Self.folder()
      let settings = Self.settings + ["checkpoint.every=2", "checkpoint.memory=\(memory)"]
      let whole = try train(settings, output: "whole", in: folder)
      let file = "step-000004.incomplete/first_moment.safetensors"
      let result = try Command.swiftdp(
        ["train"] + settings + ["output=run"], ranks: 3, fault: RankFault(rank: 1, what: "fail:\(file)"),
        in: folder)
      try #require(result.code == 0, "\(result.err)")
      let note =
        "note: step 4: no checkpoint was written: run/checkpoints/\(file): cannot be written: "
        + "Input/output error; the run goes on\n"
      #expect(result.out.contains(note), "\(result.out)")
      let run = RunOutput(folder: folder, name: "run")
      #expect(run.checkpoints == ["step-000002", "step-000006", "step-000008"])
      #expect(try run.hash() == whole.hash())
    }

    /// The last checkpoint and the model are the purpose of the run.
    @Test(arguments: ["step-000008.incomplete/manifest.json", "model.incomplete/model.safetensors"])
    func theLastOnesMustSucceed(_ file: String) throws {
      let folder = try Self.folder()
      let settings = Self.settings + ["checkpoint.every=2"]
      let result = try Command.swiftdp(
        ["train"] + settings + ["output=run"], ranks: 2, fault: RankFault(rank: 0, what: "fail:\(file)"),
        in: folder)
      #expect(result.code == 74)
      #expect(result.messages.count == 1)
      #expect(result.messages.first?.contains("\(file): cannot be written: Input/output error") == true)
      let run = RunOutput(folder: folder, name: "run")
      let last = file.hasPrefix("model") ? ["step-000008"] : []
      #expect(run.checkpoints == ["step-000002", "step-000004", "step-000006"] + last)
      #expect(!folder.exists("run/model") && !folder.exists("run/model.incomplete"))
      let again = try train(settings, output: "run", in: folder)
      #expect(again.checkpoints.last == "step-000008")
    }

    /// A rank is killed while it writes: once for each kind of file, and once for the manifest, which comes last.
    @Test(arguments: [
      (0, "step-000006.incomplete/model.safetensors"),
      (1, "step-000006.incomplete/second_moment.safetensors"),
      (0, "step-000006.incomplete/manifest.json"), (0, "model.incomplete/model.safetensors"),
    ])
    func killedWhileWriting(_ rank: Int, _ file: String) throws {
      let folder = try Self.folder()
      let settings = Self.settings + ["checkpoint.every=2", "checkpoint.memory=auto"]
      let whole = try train(settings, output: "whole", in: folder)
      let killed = try Command.swiftdp(
        ["train"] + settings + ["output=killed"], ranks: 2,
        fault: RankFault(rank: rank, what: "kill:\(file)"), in: folder)
      #expect(killed.code != 0)
      let run = RunOutput(folder: folder, name: "killed")
      #expect(!folder.exists("killed/model"))
      #expect(run.checkpoints.contains("step-000004"))
      #expect(run.checkpoints.contains("step-000006") == file.hasPrefix("model"))
      try train(settings, output: "killed", ranks: 3, in: folder)
      #expect(try run.hash() == whole.hash())
      #expect(try run.text("model/manifest.json") == whole.text("model/manifest.json"))
      #expect(run.checkpoints == whole.checkpoints)
    }
  }
}
