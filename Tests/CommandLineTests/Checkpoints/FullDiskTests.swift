// A disk without room for the next checkpoint: the run goes on, and the last one stays good.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct FullDiskTests {
    @Test(.enabled(if: SmallDisk.mayMount, "file systems cannot be mounted here"), arguments: ["auto", "0"])
    func theRunGoesOnWithoutRoom(_ memory: String) throws {
      let folder = try BackgroundCheckpointTests.folder()
      let settings =
        BackgroundCheckpointTests.settings + ["checkpoint.every=2", "checkpoint.memory=\(memory)"]
      let whole = try train(settings, output: "whole", in: folder)
      let size = folder.snapshot("whole/checkpoints/step-000008").reduce(0) { $0 + $1.value.count }
      // Room for two and a half checkpoints: that of step 6 fails, and so does that of step 8, which must not.
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
