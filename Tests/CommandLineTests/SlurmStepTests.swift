// Ranks that srun starts without mpirun: one line says what to type, and Open MPI's own page does not appear.
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct SlurmStepTests {
    /// The variables that srun sets for a task of a step of two; Open MPI 4.1.4 reads the node list and the step.
    private func step(task: Int) -> [String] {
      [
        "SLURM_JOB_ID=7", "SLURM_JOBID=7", "SLURM_NODELIST=localhost", "SLURM_JOB_NODELIST=localhost",
        "SLURM_NNODES=1",
        "SLURM_STEP_ID=0", "SLURM_STEPID=0", "SLURM_STEP_NUM_TASKS=2", "SLURM_STEP_NODELIST=localhost",
        "SLURM_NTASKS=2", "SLURM_PROCID=\(task)", "SLURM_LOCALID=\(task)", "SLURM_SRUN_COMM_PORT=40000",
      ]
    }

    @Test func aStepWithoutMPIRunIsOneLine() throws {
      let folder = try Workspace()
      let commands = [
        ["train", "run.yaml", "data.train=[a b.txt,c.txt]"], ["verify", "run.yaml"],
        ["evaluate", "--model", "m", "--data", "d.txt"], ["doctor"], ["plan"],
      ]
      for command in commands {
        for task in [0, 1] {
          let result = try Command.run(["env"] + step(task: task) + [Command.binary] + command, in: folder)
          #expect(result.code == 64, "\(command): \(result.err)")
          let words = command.map { $0.contains("[") ? "'\($0)'" : $0 }.joined(separator: " ")
          let line =
            "Slurm started this as a step, and Open MPI knows no ranks in it "
            + "(in the batch script or under salloc type: mpirun -np 2 swiftdp \(words))"
          #expect(result.errorLines == (task == 0 ? ["swiftdp: " + line] : []), "\(result.err)")
          #expect(result.out.isEmpty)
        }
      }
      #expect(commands.count == 5)
    }

    /// In a batch script there is no step, and under mpirun ranks are known.
    @Test func otherPlacesOfAJobAreLeftAlone() throws {
      let folder = try Workspace()
      let job = step(task: 0).filter { !$0.hasPrefix("SLURM_STEP") }
      let batch = try Command.run(["env"] + job + [Command.binary, "doctor", "--json"], in: folder)
      #expect(batch.code == 0, "\(batch.err)")
      let ranks = try Command.run(
        ["mpirun", "-np", "2", "--bind-to", "none"] + step(task: 0).flatMap { ["-x", $0] }
          + [Command.binary, "doctor", "--json"], in: folder)
      #expect(ranks.code == 0, "\(ranks.err)")
      // Commands that need no ranks run anywhere.
      let alone = try Command.run(
        ["env"] + step(task: 0) + [Command.binary, "make-tasks", "--count", "2", "x.jsonl"], in: folder)
      #expect(alone.code == 0, "\(alone.err)")
    }
  }
}
