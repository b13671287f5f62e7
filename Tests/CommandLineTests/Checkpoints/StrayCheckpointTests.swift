// Foreign files in a run's folder of checkpoints.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct StrayCheckpointTests {
    @Test(arguments: [1, 3]) func strangersArePassedOver(_ ranks: Int) throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = ResumeTests.settings + ["checkpoint.keep=2"]
      let whole = try train(
        settings + ["training.steps=60", "checkpoint.keep=9"], output: "whole", in: folder)
      let run = RunOutput(folder: folder, name: "run")
      try folder.copy("whole/checkpoints/step-000020", to: "elsewhere")
      try FileManager.default.createDirectory(
        atPath: folder.path + "/run/checkpoints", withIntermediateDirectories: true)
      let files = FileManager.default
      let path = folder.path + "/run/checkpoints/"
      try files.createSymbolicLink(atPath: path + "step-000020", withDestinationPath: "../../elsewhere")
      try folder.file("run/checkpoints/step-000030", "a note of mine")
      try files.createSymbolicLink(atPath: path + "step-000040", withDestinationPath: "nowhere")
      try files.createDirectory(atPath: path + "step-000050", withIntermediateDirectories: false)
      // None of these is a name that a run gives.
      let others = [
        "step-+00060", "step--00060", "step-60", "step-000060 ", "step-0000060", "step-00006O",
        "step-99999999999999999999", "notes",
      ]
      for name in others { try folder.copy("elsewhere", to: "run/checkpoints/\(name)") }
      let result = try Command.swiftdp(
        ["train"] + settings + ["training.steps=60", "output=run"], ranks: ranks, in: folder)
      try #require(result.code == 0, "\(result.err)")
      let notes = result.out.split(separator: "\n").filter { $0.hasPrefix("note: ") }
      #expect(notes.count == 3, "\(notes)")
      for (note, step) in zip(notes, ["50", "40", "30"]) {
        let name = "run/checkpoints/step-0000\(step)"
        #expect(note.hasPrefix("note: \(name) is passed over: \(name): is no checkpoint: "), "\(note)")
      }
      #expect(result.out.contains("resume  step 20 of 60, from run/checkpoints/step-000020\n"))
      #expect(try run.hash("step-000060") == whole.hash("step-000060"))
      #expect(run.checkpoints == (["step-000050", "step-000060"] + others).sorted())
      // A link is removed, not its target.
      let kept = folder.snapshot("elsewhere") == folder.snapshot("whole/checkpoints/step-000020")
      #expect(kept)
    }

    /// A folder that the user may not read. Root may read all, unless it has given up that right.
    @Test(arguments: [nil, 3]) func aCheckpointThatMayNotBeRead(ranks: Int?) throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let rights = "-dac_override,-dac_read_search"
      let launcher =
        (getuid() == 0 ? ["setpriv", "--bounding-set=\(rights)", "--inh-caps=\(rights)"] : [])
        + (ranks.map { ["mpirun", "-np", "\($0)", "--bind-to", "none"] } ?? [])
      func trained(_ steps: Int) throws -> CommandResult {
        try Command.run(
          launcher + [Command.binary, "train"] + ResumeTests.settings
            + ["output=run", "training.steps=\(steps)"], in: folder)
      }
      try #require(trained(20).code == 0)
      let path = "run/checkpoints/step-000020"
      chmod(folder.path + "/" + path, 0)
      let result = try trained(30)
      #expect(result.code == 0, "\(result.err)")
      let notes = result.out.split(separator: "\n").filter { $0.hasPrefix("note: ") }
      #expect(
        notes.first
          == "note: \(path) is passed over: \(path)/training_state.json: cannot be read: Permission denied")
      // The new one takes its place all the same; a folder that cannot be removed is reported.
      #expect(
        notes.dropFirst().allSatisfy { $0 == "note: \(path).replaced: cannot be listed: Permission denied" })
      #expect(notes.count > 1)
      let verified = try Command.swiftdp(["checkpoint", "verify", path], in: folder)
      #expect(verified.code == 0, "\(verified.err)")
      chmod(folder.path + "/\(path).replaced", 0o700)
    }

    @Test func aFolderOfCheckpointsThatIsNone() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try folder.file("run/checkpoints", "")
      try expectMistake(
        ["train"] + ResumeTests.settings + ["output=run"], 74,
        ["run/checkpoints: cannot be listed: Not a directory"], in: folder)
    }
  }
}
