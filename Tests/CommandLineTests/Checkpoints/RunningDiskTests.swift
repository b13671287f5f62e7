// The output folder of a running run: full for a while, moved, gone, or read-only.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct RunningDiskTests {
    static let steps = 1000
    static let settings =
      RankCountTests.text + ["training.steps=\(steps)", "checkpoint.every=100", "training.validate_every=0"]

    private func workspace() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    /// A run that has written a checkpoint.
    private func started(output: String, ranks: Int, in folder: Workspace) throws -> RunningCommand {
      let run = try Command.start(["train"] + Self.settings + ["output=\(output)"], ranks: ranks, in: folder)
      try #require(
        run.until { folder.exists("\(output)/checkpoints/step-000100") }, "\(run.output)\(run.errors)")
      return run
    }

    private func expectWhole(_ run: RunOutput) throws {
      for checkpoint in run.checkpoints {
        let verified = try Command.swiftdp(
          ["checkpoint", "verify", "\(run.name)/checkpoints/\(checkpoint)"], in: run.folder)
        #expect(verified.code == 0, "\(verified.err)")
      }
    }

    private func notes(_ result: CommandResult) -> [String] {
      result.out.split(separator: "\n").filter { $0.hasPrefix("note: ") }.map(String.init)
    }

    @Test(.enabled(if: SmallDisk.mayMount, "file systems cannot be mounted here"))
    func metricsWaitForRoom() throws {
      let folder = try workspace()
      let disk = try SmallDisk("disk", in: folder, bytes: 64 << 20)
      let run = try started(output: "disk/run", ranks: 2, in: folder)
      let path = try folder.file("disk/filler", "")
      let filler = try #require(FileHandle(forWritingAtPath: path))
      let piece = Data(repeating: 7, count: 4096)
      while (try? filler.write(contentsOf: piece)) != nil {}
      try filler.close()
      let told = "note: disk/run/metrics.jsonl: cannot be written: No space left on device; the run goes on"
      #expect(run.until { run.output.contains(told) }, "\(run.output)")
      try folder.remove("disk/filler")
      let result = try run.wait()
      #expect(result.code == 0, "\(result.err)")
      let about = notes(result).filter { $0.hasPrefix("note: disk/run/metrics.jsonl: ") }
      #expect(about.count == 2, "\(about)")
      #expect(
        about.last == "note: disk/run/metrics.jsonl: is written again, with all lines that had to wait")
      let output = RunOutput(folder: folder, name: "disk/run")
      #expect(try output.metrics().map { $0["step"]?.integer } == Array(1...Self.steps))
      try expectWhole(output)
      _ = disk
    }

    /// The run goes on in a new folder of the old name, and neither folder loses anything.
    @Test func aFolderThatIsMoved() throws {
      let folder = try workspace()
      let run = try started(output: "run", ranks: 3, in: folder)
      try FileManager.default.moveItem(atPath: folder.path + "/run", toPath: folder.path + "/moved")
      let result = try run.wait()
      #expect(result.code == 0, "\(result.err)")
      let (old, new) = (
        RunOutput(folder: folder, name: "moved"), RunOutput(folder: folder, name: "run")
      )
      let steps = try (old.metrics() + new.metrics()).map { $0["step"]?.integer }
      #expect(steps == Array(1...Self.steps))
      #expect(try !new.metrics().isEmpty)
      #expect(new.checkpoints.last == "step-001000" && folder.exists("run/model/model.safetensors"))
      for name in folder.names(in: "moved/checkpoints") where name.hasSuffix(".incomplete") {
        try folder.remove("moved/checkpoints/\(name)")
      }
      try expectWhole(old)
      try expectWhole(new)
    }

    @Test func aFolderThatIsRemoved() throws {
      let folder = try workspace()
      let run = try started(output: "run", ranks: 2, in: folder)
      // The run may write while the folder is removed.
      try #require(run.until { rename(folder.path + "/run", folder.path + "/gone") == 0 })
      try folder.remove("gone")
      let result = try run.wait()
      #expect(result.code == 0, "\(result.err)")
      let output = RunOutput(folder: folder, name: "run")
      #expect(output.checkpoints.last == "step-001000")
      try expectWhole(output)
    }

    @Test(.enabled(if: SmallDisk.mayMount, "file systems cannot be mounted here"), arguments: [true, false])
    func readOnly(_ forAWhile: Bool) throws {
      let folder = try workspace()
      let disk = try SmallDisk("run/checkpoints", in: folder, bytes: 64 << 20)
      let run = try started(output: "run", ranks: 3, in: folder)
      // Not while a checkpoint is being written.
      #expect(run.until { (try? disk.remount("ro")) == true })
      let note = ": no checkpoint was written: run/checkpoints/step-"
      #expect(run.until { run.output.contains(note) }, "\(run.output)")
      let last = try #require(RunOutput(folder: folder, name: "run").checkpoints.last)
      if forAWhile { #expect(try disk.remount("rw")) }
      let result = try run.wait()
      let output = RunOutput(folder: folder, name: "run")
      #expect(!notes(result).isEmpty)
      for line in notes(result) {
        #expect(line.contains(note) && line.contains("Read-only file system"), "\(line)")
      }
      #expect(try output.metrics().count == Self.steps)
      try expectWhole(output)
      guard !forAWhile else {
        #expect(result.code == 0, "\(result.err)")
        #expect(output.checkpoints.last == "step-001000")
        return
      }
      #expect(result.code == 74)
      #expect(result.messages.count == 1)
      #expect(result.messages.first?.contains("Read-only file system") == true, "\(result.err)")
      #expect(output.checkpoints.last == last)
    }
  }
}
