// A run in a job of a scheduler, whose tools are scripts here, ends in order before the job does.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct JobTimeTests {
    private static let endless =
      RankCountTests.text + ["training.steps=1000000", "training.validate_every=0", "checkpoint.every=0"]

    private func folder(tool: String, _ script: String) throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try folder.file("bin/" + tool, "#!/bin/sh\necho \"$@\" >> asked\n" + script)
      chmod(folder.path + "/bin/" + tool, 0o755)
      return folder
    }

    private func run(_ job: [String], _ settings: [String], in folder: Workspace) throws -> CommandResult {
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      return try Command.run(
        ["env", "PATH=\(folder.path)/bin:\(path)"] + job + [
          Command.binary, "supervise", "--pause", "0", "--",
        ]
          + ["mpirun", "-np", "2", "--bind-to", "none", Command.binary, "train"] + settings + ["output=run"],
        in: folder, timeLimit: 60)
    }

    /// 30 s are kept for the end of the run and of what started it, so that it has one.
    @Test(arguments: [
      ("squeue", "echo 0:31\n", ["SLURM_JOB_ID=5"], "-h -j 5 -o %L\n"),
      (
        "squeue", "echo 0:31\n", ["SLURM_JOB_ID=9", "SLURM_ARRAY_JOB_ID=9", "SLURM_ARRAY_TASK_ID=2"],
        "-h -j 9_2 -o %L\n"
      ),
      (
        "qstat", "printf 'Job Id: 5.here\\n    job_state = R\\n    Resource_List.walltime = 00:00:31\\n'\n",
        ["PBS_JOBID=5.here"], "-f 5.here\n"
      ),
      (
        "qstat",
        "printf 'job_number: 5\\nhard resource_list: h_rt=86400\\n'; printf '\\tqf:h_rt=24:00:00\\n'\n",
        ["JOB_ID=5", "SGE_TASK_ID=undefined", "QUEUE=all.q", "SGE_JOB_SPOOL_DIR=spool"],
        "-j 5\n-F h_rt,s_rt -q all.q\n"
      ),
    ])
    func itEndsBeforeTheJob(_ tool: String, _ script: String, _ job: [String], asked: String) throws {
      let folder = try folder(tool: tool, script)
      // Of Grid Engine: the job began a day less 31 seconds ago.
      try folder.file("spool/config", "")
      let begun = Date(timeIntervalSinceNow: 31 - 86_400)
      try FileManager.default.setAttributes(
        [.modificationDate: begun], ofItemAtPath: folder.path + "/spool/config")
      let result = try run(job, Self.endless, in: folder)
      #expect(result.code == 75, "\(result.err)")
      #expect(result.messages.count == 2, "\(result.messages)")
      #expect(result.messages[0].contains("stopped as its time is nearly over after step "))
      #expect(result.messages.last == "supervise: exit code 75: its time is over, not started again")
      // One rank asks, once.
      #expect(try folder.text("asked") == asked)
      let stop = try JSON.parse(folder.text("run/stop.json"))
      let step = try #require(stop["step"]?.integer)
      #expect(stop["reason"]?.text == "time" && stop["steps"]?.integer == 1_000_000)
      #expect(RunOutput(folder: folder, name: "run").checkpoints == [String(format: "step-%06d", step)])
    }

    @Test func aLimitThatIsNotKnownIsSaid() throws {
      let folder = try folder(tool: "squeue", "echo slurm_load_jobs error: Socket timed out >&2; exit 1\n")
      let settings = RankCountTests.text + ["training.steps=2", "schedule.warmup_steps=1"]
      let result = try run(["SLURM_JOB_ID=5"], settings, in: folder)
      #expect(result.code == 0, "\(result.err)")
      let notes = result.out.split(separator: "\n").filter { $0.hasPrefix("note: ") }
      #expect(
        notes == [
          "note: Slurm does not say when it ends this job, squeue: slurm_load_jobs error: Socket timed out "
            + "(set training.time_limit, so that the run ends with a checkpoint before that)"
        ], "\(result.out)")
      // Who has set a limit need not be told.
      try folder.remove("run")
      let limited = try run(["SLURM_JOB_ID=5"], settings + ["training.time_limit=1h"], in: folder)
      #expect(limited.code == 0 && !limited.out.contains("note: "), "\(limited.out)\(limited.err)")
    }

    /// The earlier of both counts.
    @Test func theUsersLimitCountsIfItIsEarlier() throws {
      let folder = try folder(tool: "squeue", "echo 1-00:00:00\n")
      let result = try run(
        ["SLURM_JOB_ID=5"], Self.endless + ["training.time_limit=20.5s"], in: folder)
      #expect(result.code == 75)
      #expect(result.messages.last == "supervise: exit code 75: its time is over, not started again")
    }
  }
}
