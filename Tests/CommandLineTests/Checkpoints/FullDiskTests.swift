// A disk without room for the next checkpoint: the run goes on, and the last one stays good.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct FullDiskTests {
    /// Whether this user may mount file systems, which only root may, and not in every container.
    private static let mayMount: Bool = {
      guard let folder = try? Workspace(), let disk = try? SmallDisk("disk", in: folder, bytes: 1 << 20)
      else {
        return false
      }
      return disk.isMounted
    }()

    /// A file system in memory, gone with this value.
    private final class SmallDisk {
      let folder: Workspace
      let path: String
      let isMounted: Bool

      init(_ name: String, in folder: Workspace, bytes: Int) throws {
        self.folder = folder
        path = folder.path + "/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        isMounted =
          try Command.run(["mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", path], in: folder).code
          == 0
      }

      func grow(to bytes: Int) throws {
        let result = try Command.run(["mount", "-o", "remount,size=\(bytes)", path], in: folder)
        try #require(result.code == 0, "\(result.err)")
      }

      deinit { if isMounted { _ = try? Command.run(["umount", path], in: folder) } }
    }

    @Test(.enabled(if: mayMount, "file systems cannot be mounted here"), arguments: ["auto", "0"])
    func theRunGoesOnWithoutRoom(_ memory: String) throws {
      let folder = try BackgroundCheckpointTests.folder()
      let settings =
        BackgroundCheckpointTests.settings + ["checkpoint.every=2", "checkpoint.memory=\(memory)"]
      let whole = try train(settings, output: "whole", in: folder)
      let size = folder.snapshot("whole/checkpoints/step-000008").reduce(0) { $0 + $1.value.count }
      // Room for two and a half: that of step 6 fails, and so does that of step 8, which must not.
      let disk = try SmallDisk("disk", in: folder, bytes: size * 5 / 2)
      let result = try Command.swiftdp(["train"] + settings + ["output=disk/run"], ranks: 2, in: folder)
      #expect(result.code == 74, "\(result.out)\(result.err)")
      #expect(result.messages.count == 1)
      #expect(result.messages.first?.contains("No space left on device") == true, "\(result.err)")
      let note = "note: step 6: no checkpoint was written: disk/run/checkpoints/step-000006.incomplete/"
      #expect(result.out.contains(note), "\(result.out)")
      #expect(result.out.contains("step 8/8  "))
      let run = RunOutput(folder: folder, name: "disk/run")
      #expect(run.checkpoints == ["step-000002", "step-000004"])
      for checkpoint in run.checkpoints {
        let verified = try Command.swiftdp(
          ["checkpoint", "verify", "disk/run/checkpoints/\(checkpoint)"], in: folder)
        #expect(verified.code == 0, "\(verified.err)")
      }
      try disk.grow(to: size * 10)
      try train(settings, output: "disk/run", ranks: 2, in: folder)
      #expect(try run.hash() == whole.hash())
      #expect(run.checkpoints == ["step-000002", "step-000004", "step-000006", "step-000008"])
    }
  }
}
