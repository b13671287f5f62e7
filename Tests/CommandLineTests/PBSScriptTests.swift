// launch/pbs.sh with scripts in the place of PBS: what it asks for, and what it does when its job is over.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct PBSScriptTests {
    /// qsub runs a copy of the script at once, as a job whose number counts up. The first job has 20 s left, of which
    /// 30 are kept for the end, so that it stops after its first step; later ones have an hour.
    private static let tools = [
      "qsub": #"""
      for word; do script=$word; done
      count=$(($(cat count 2>/dev/null || echo 0) + 1))
      echo $count > count
      printf '%s\n' "$@" | sed '$d' | xargs echo qsub >> asked
      grep '^#PBS' "$script" > directives
      cp "$script" "spool-$count"
      printf 'localhost\nlocalhost\n' > nodes
      index=; case " $* " in *' -J '*) index='[1]'; export PBS_ARRAY_INDEX=1;; *) unset PBS_ARRAY_INDEX;; esac
      PBS_JOBID="$count$index.server" PBS_O_WORKDIR=$PWD PBS_NODEFILE=$PWD/nodes OMP_NUM_THREADS=1 \
        bash "spool-$count" < /dev/null
      echo "job $count ends with $?" >> asked
      """#,
      "qstat": #"""
      case $2 in 1.*|1\[*) left=00:00:20;; *) left=01:00:00;; esac
      printf 'Job Id: %s\n    job_state = R\n    Resource_List.walltime = %s\n' "$2" $left
      """#,
      "qrerun": #"""
      echo "qrerun $*" >> asked
      exit 1
      """#,
    ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText("a text.txt", characters: 2150)
      for (name, script) in Self.tools {
        try folder.file("bin/" + name, "#!/bin/bash\n" + script)
        chmod(folder.path + "/bin/" + name, 0o755)
      }
      return folder
    }

    private func submit(_ words: [String], in folder: Workspace) throws -> CommandResult {
      let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
      return try Command.run(
        [
          "env", "PATH=\(folder.path)/bin:\(path)", "SWIFTDP=\(Command.binary)",
          "OMPI_MCA_hwloc_base_binding_policy=none",
        ]
          + [Project.root + "/launch/pbs.sh"] + words, in: folder, timeLimit: 60)
    }

    private static let settings =
      RankCountTests.text.filter { !$0.hasPrefix("data.train") } + ["data.train=[a text.txt]"]

    @Test func aJobOutOfTimeIsSubmittedAgain() throws {
      let folder = try folder()
      let whole = try train(Self.settings, output: "whole", in: folder)
      let result = try submit(
        ["-l", "walltime=01:00:00", "--"] + Self.settings.recipe(in: folder) + ["output=run"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(
        try folder.text("asked") == """
          qsub -V -l walltime=01:00:00
          qrerun 1.server
          qsub -V -l walltime=01:00:00
          job 2 ends with 0
          job 1 ends with 75

          """)
      #expect(
        try folder.text("directives") == """
          #PBS -N swiftdp
          #PBS -j oe
          #PBS -r y
          #PBS -l select=1:ncpus=16:mpiprocs=2:ompthreads=8
          #PBS -l walltime=04:00:00

          """)
      let first = try folder.text("swiftdp-1.log")
      #expect(first.contains("stopped as its time is nearly over after step 1 of 20"), "\(first)")
      let second = try folder.text("swiftdp-2.log")
      #expect(second.contains("2 ranks × 1 thread"), "\(second)")
      #expect(second.contains("\nresume  step 1 of 20"), "\(second)")
      #expect(try RunOutput(folder: folder, name: "run").hash() == whole.hash())
    }

    /// The task goes on as a job of its own.
    @Test func aTaskOfAnArrayTakesItsLine() throws {
      let folder = try folder()
      try folder.file(
        "rates.txt", "output=zero\n# the next is task 1\noptimizer.learning_rate=3.0e-3 output=one\n")
      let whole = try train(Self.settings + ["optimizer.learning_rate=3.0e-3"], output: "whole", in: folder)
      let result = try submit(
        ["-J", "0-1", "-q", "long", "--", "--each", "rates.txt"] + Self.settings.recipe(in: folder),
        in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(
        try folder.text("asked") == """
          qsub -V -J 0-1 -q long
          qrerun 1[1].server
          qsub -V -q long
          job 2 ends with 0
          job 1 ends with 75

          """)
      #expect(try folder.text("swiftdp-1-1.log").contains("stopped as its time is nearly over"))
      #expect(try RunOutput(folder: folder, name: "one").hash() == whole.hash())
      #expect(!folder.exists("zero"))
    }

    @Test func mistakesAreNotSubmittedAgain() throws {
      let folder = try folder()
      let none = try submit(["-q", "long", "--"], in: folder)
      #expect(none.code == 64)
      #expect(none.errorLines == ["pbs.sh: which recipe? launch/pbs.sh run.yaml"])
      #expect(!folder.exists("asked"))
      _ = try submit(Self.settings.recipe(in: folder) + ["training.stepps=3"], in: folder)
      #expect(try folder.text("asked") == "qsub -V\njob 1 ends with 64\n")
      let log = try folder.text("swiftdp-1.log")
      #expect(log.contains("swiftdp: training.stepps: is not a key of swiftdp"), "\(log)")
    }
  }
}
