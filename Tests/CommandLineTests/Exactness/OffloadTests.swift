// States on disk: the same bits as in memory, and nothing left behind.
import Foundation
import Testing

extension ResultTests {
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

    /// The folder that a scheduler gives a job on each host, from the variable that names it there.
    @Test func aFolderOfTheJobOnEachHost() throws {
      let folder = try Workspace()
      try folder.makeLlama(width: 96)
      try folder.makeText(characters: 2150)
      func run(_ environment: [String], _ offload: String, output: String) throws -> CommandResult {
        try Command.run(
          ["env"] + environment + ["mpirun", "-np", "2", Command.binary, "train"] + Self.settings + [
            "optimizer.offload=\(offload)", "output=\(output)",
          ], in: folder)
      }
      try FileManager.default.createDirectory(atPath: "\(folder.path)/job", withIntermediateDirectories: true)
      let result = try run(["SCRATCH=\(folder.path)/job"], "${SCRATCH}/states", output: "run")
      #expect(result.code == 0, "\(result.err)")
      #expect(folder.names(in: "job") == ["states"] && folder.names(in: "job/states") == [])
      let recipe = try folder.text("run/config.yaml")
      #expect(recipe.contains("offload: \"${SCRATCH}/states\""), "\(recipe)")
      let without = try run(["-u", "SCRATCH"], "$SCRATCH", output: "without")
      #expect(without.code == 64)
      #expect(
        without.messages == [
          "optimizer.offload: is $SCRATCH, and SCRATCH is not set here "
            + "(mpirun -x SCRATCH passes it on to all hosts; schedulers set it on each)"
        ], "\(without.err)")
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
      try expectMistake(
        ["train"] + Self.settings + ["optimizer.offload='${SCRATCH/states'"], 64,
        [
          "optimizer.offload: is ${SCRATCH/states, which names no variable "
            + "(such as $TMPDIR, or ${SCRATCH}/states)"
        ], in: folder)
    }
  }
}
