// States on disk: the same bits as in memory, and nothing left behind.
import Testing

extension CommandLineTests {
  @Suite struct OffloadTests {
    private static let settings =
      RankCountTests.text + ["training.steps=6", "checkpoint.every=3", "model_dtype=bfloat16"]

    @Test(arguments: ["adamw", "adamw8bit", "adafactor"]) func theSameBitsFromDisk(_ name: String) throws {
      let folder = try Workspace()
      try folder.makeLlama(width: 96)
      try folder.makeText(characters: 2150)
      let settings = Self.settings + ["optimizer.name=\(name)"]
      let memory = try train(settings, output: "memory", in: folder)
      let disk = try train(settings + ["optimizer.offload=disk"], output: "disk-run", ranks: 2, in: folder)
      #expect(try disk.hash() == memory.hash())
      #expect(try disk.results() == memory.results())
      // Resumes from the disk in memory, and the other way round, with replicas.
      for (source, more) in [
        ("disk-run", ["parallel.zero=3"]), ("memory", ["optimizer.offload=disk", "parallel.zero=0"]),
      ] {
        let rest = try train(
          settings + more + ["checkpoint.resume=\(source)/checkpoints/step-000003"],
          output: "rest-\(source)", ranks: 3, in: folder)
        #expect(try rest.hash() == memory.hash(), "\(more)")
      }
      #expect(folder.names(in: "disk") == [])
    }

    @Test func aFolderThatCannotHoldThemIsOneLine() throws {
      let folder = try Workspace()
      try folder.makeLlama(width: 96)
      try folder.makeText(characters: 2150)
      let hint = "(set optimizer.offload to a folder on a local disk with room for every rank's states)"
      try expectMistake(
        ["train"] + Self.settings + ["optimizer.offload=text.txt"], 74,
        ["text.txt: is a file, where a folder is meant \(hint)"], in: folder)
      try expectMistake(
        ["train"] + Self.settings + ["optimizer.offload=''"], 64,
        ["optimizer.offload: is empty (was it an unset variable?)"], in: folder)
    }
  }
}
