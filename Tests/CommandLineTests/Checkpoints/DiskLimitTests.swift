// A user's limits: the size of a file (`ulimit -f`), which raises a deadly signal by default, and a quota.
import Base
import Testing

extension CommandLineTests {
  @Suite struct DiskLimitTests {
    /// In KiB, too small for the weights, and for the metrics of all steps.
    @Test(arguments: [nil, 2]) func filesThatMayNotGrow(_ ranks: Int?) throws {
      let folder = try BackgroundCheckpointTests.folder()
      let launcher = ranks.map { ["mpirun", "-np", "\($0)", "--bind-to", "none"] } ?? []
      let settings = BackgroundCheckpointTests.settings + ["checkpoint.every=20", "training.steps=50"]
      let result = try Command.run(
        launcher + ["bash", "-c", "ulimit -f 8; exec \"$0\" \"$@\"", Command.binary, "train"] + settings
          + ["output=run"], in: folder)
      #expect(result.code == 74, "\(result.out)\(result.err)")
      #expect(result.messages.count == 1)
      #expect(result.messages.first?.hasSuffix(" bytes long: File too large") == true, "\(result.err)")
      let notes = result.out.split(separator: "\n").filter { $0.hasPrefix("note: ") }
      #expect(notes.count == 3)
      #expect(notes.count { $0.contains(": no checkpoint was written: ") } == 2)
      #expect(notes.count { $0.hasPrefix("note: run/metrics.jsonl: cannot be written: File too large") } == 1)
      #expect(result.out.contains("step 50/50  "))
    }

    @Test func aQuota() throws {
      let folder = try BackgroundCheckpointTests.folder()
      let settings = BackgroundCheckpointTests.settings + ["checkpoint.every=4"]
      let file = "step-000004.incomplete/second_moment.safetensors"
      let result = try Command.swiftdp(
        ["train"] + settings + ["output=run"], ranks: 3, fault: RankFault(rank: 2, what: "quota:\(file)"),
        in: folder)
      try #require(result.code == 0, "\(result.err)")
      let note =
        "note: step 4: no checkpoint was written: run/checkpoints/\(file): cannot be written: "
        + "Disk quota exceeded; the run goes on\n"
      #expect(result.out.contains(note), "\(result.out)")
      #expect(RunOutput(folder: folder, name: "run").checkpoints == ["step-000008"])
    }
  }
}
