// Files that become shorter, or are gone, while a run reads them or needs them later.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct CutFileTests {
    private static let settings = RankCountTests.text + ["training.steps=4", "training.validate_every=0"]

    /// What the runs that go to their end must leave, and the hash of the last checkpoint.
    private static let manifests = ["checkpoints/step-001000/manifest.json", "model/manifest.json"]
    private static let whole = Result {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let run = try train(RunningDiskTests.settings, output: "whole", in: folder)
      return (manifests: try manifests.map { try run.text($0) }, hash: try run.hash())
    }

    /// Each file that is read at the start loses its second half once the first rank has mapped it.
    @Test(arguments: [
      ("text.txt", ["data.train=text.txt", "weights=random", "model=llama"]),
      ("rows.jsonl", ["data.train=rows.jsonl", "weights=random", "model=llama"]),
      ("model/model.safetensors", ["model=run/model", "weights=pretrained"]),
      ("step-000004/second_moment.safetensors", ["weights=random", "training.steps=8", "output=run"]),
    ])
    func cutWhileItIsRead(_ file: String, _ more: [String]) throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 40_000)
      try folder.makeRows(count: 600)
      try train(Self.settings, output: "run", in: folder)
      let before = folder.names(in: "run/checkpoints")
      let output = more.contains("output=run") ? [] : ["output=new"]
      let named = output.isEmpty ? ["checkpoint.resume=run/checkpoints/step-000004"] : []
      let result = try Command.swiftdp(
        ["train"] + Self.settings + output + more + named, ranks: 3,
        fault: RankFault(rank: 0, what: "cut:\(file)"), in: folder)
      #expect(result.code == 65, "\(result.out)\(result.err)")
      #expect(result.messages.count == 1)
      let message = try #require(result.messages.first)
      #expect(message.contains("\(file): was ") && message.hasSuffix(" while it was read"), "\(message)")
      #expect(!folder.exists("new"))
      #expect(folder.names(in: "run/checkpoints") == before)
    }

    /// A run reads everything that it needs from its model's folder and its data at the start.
    @Test func modelAndDataThatAreGone() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let run = try Command.start(
        ["train"] + RunningDiskTests.settings + ["output=run"], ranks: 2, in: folder)
      try #require(run.until { folder.exists("run/checkpoints/step-000100") })
      try folder.remove("llama")
      try folder.remove("text.txt")
      let result = try run.wait()
      #expect(result.code == 0, "\(result.err)")
      #expect(!result.out.contains("note: "))
      let output = RunOutput(folder: folder, name: "run")
      #expect(try Self.manifests.map { try output.text($0) } == Self.whole.get().manifests)
    }

    /// Descriptors of the files without names that a process has open in a folder.
    private func files(in folder: String, of process: Int32) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")
        .map { "/proc/\(process)/fd/\($0)" }.filter {
          let target = try? FileManager.default.destinationOfSymbolicLink(atPath: $0)
          return target?.contains("/\(folder)/swiftdp-") == true
        }
    }

    @Test func activationsOnADiskThatLosesThem() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let run = try Command.start(
        ["train"] + RunningDiskTests.settings + ["output=run", "training.activation_offload=waiting"],
        ranks: 3, in: folder)
      try #require(run.until { folder.exists("run/checkpoints/step-000100") })
      let process = try #require(run.process(ofRank: 1))
      let files = try files(in: "waiting", of: process)
      #expect(files.count == 1)
      // Cut again and again, since what is cut before it is written is not lost.
      try #require(
        run.until {
          truncate(files[0], 0)
          return access(files[0], F_OK) != 0
        })
      let result = try run.wait()
      #expect(result.code == 74, "\(result.out)\(result.err)")
      #expect(
        result.messages == [
          "waiting: the disk lost activations of this run (start again to go on from the last checkpoint)"
        ])
    }

    @Test func statesOnADiskThatLosesThem() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = RunningDiskTests.settings + ["output=run", "optimizer.offload=states"]
      let run = try Command.start(["train"] + settings, ranks: 3, in: folder)
      try #require(run.until { folder.exists("run/checkpoints/step-000100") })
      let states = try files(in: "states", of: try #require(run.process(ofRank: 1)))
      #expect(states.count == 2)
      truncate(try #require(states.last), 0)
      let result = try run.wait()
      #expect(result.code == 74, "\(result.out)\(result.err)")
      let message =
        "states: the disk lost optimizer states of this run (start again to go on from the last checkpoint)"
      #expect(result.messages == [message])
      let output = RunOutput(folder: folder, name: "run")
      for checkpoint in output.checkpoints {
        let verified = try Command.swiftdp(
          ["checkpoint", "verify", "run/checkpoints/\(checkpoint)"], in: folder)
        #expect(verified.code == 0, "\(verified.err)")
      }
      try train(RunningDiskTests.settings, output: "run", ranks: 2, in: folder)
      #expect(try output.hash() == Self.whole.get().hash)
    }
  }
}
