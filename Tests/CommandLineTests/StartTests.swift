// What ranks find out before they begin: which cores they have, what their processors can do, and which build they
// run.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct StartTests {
    private static let coreCount = ProcessInfo.processInfo.activeProcessorCount

    /// The cores of each rank, as the doctor sees them, if mpirun gets these options.
    private func cores(
      _ options: [String], environment: [String] = [], in folder: Workspace
    ) throws -> [String] {
      let result = try Command.run(
        ["env"] + environment + ["mpirun"] + options + [Command.binary, "doctor", "--json"], in: folder)
      try #require(result.code == 0, "\(options): \(result.err)")
      return try #require(JSON.parse(result.out)["ranks"]?.elements).compactMap { $0["cores"]?.text }
    }

    /// Open MPI binds one or two ranks to a core each, unless it is told how to bind.
    @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1, "one core is all there is"))
    func onlyTheUsersBindingIsKept() throws {
      let folder = try Workspace()
      let all = CoreSet.allowed().list
      let user = try folder.file(
        "home/.openmpi/mca-params.conf", "# mine\nhwloc_base_binding_policy = core\n")
      let home = "HOME=" + user.replacingOccurrences(of: "/.openmpi/mca-params.conf", with: "")
      try folder.file(
        "other/.openmpi/mca-params.conf", "#hwloc_base_binding_policy = core\nbtl_base_verbose = 0\n")
      let ranks = try folder.file("ranks", "rank 0=localhost slot=1\n")
      let tune = try folder.file("tune", "-mca hwloc_base_binding_policy core\n")
      var compared = 0
      for (options, environment) in [
        (["-np", "1"], []), (["-np", "1", "--map-by", "node"], []),
        (["-np", "1"], ["HOME=\(folder.path)/other"]), (["-np", "1", "--bind-to", "none"], []),
      ] {
        #expect(try cores(options, environment: environment, in: folder) == [all], "\(options)")
        compared += 1
      }
      #expect(try cores(["-np", "2"], in: folder) == [all, all])
      for (options, environment) in [
        (["--bind-to", "core"], []), (["--map-by", "slot:PE=1"], []), (["--map-by", "core"], []),
        (["--cpu-set", "1"], []), (["--rankfile", ranks], []), (["--tune", tune], []),
        (["--mca", "hwloc_base_binding_policy", "core"], []), ([], [home]),
        ([], ["OMPI_MCA_hwloc_base_binding_policy=core"]),
      ] {
        let kept = try cores(["-np", "1"] + options, environment: environment, in: folder)
        #expect(kept == ["0"] || kept == ["1"], "\(options) \(environment)")
        compared += 1
      }
      #expect(compared == 4 + 9)
      // The ranks share all of mpirun's own cores, also if a script is in between.
      let script = ["sh", "-c", "\"$0\" doctor --json; true", Command.binary]
      let confined = try Command.run(["taskset", "-c", "1", "mpirun", "-np", "1"] + script, in: folder)
      let rank = try #require(JSON.parse(confined.out)["ranks"]?.elements?.first)
      #expect(rank["cores"]?.text == "1" && rank["threads"]?.integer == 1)
    }

    /// The line of a run says what happened to the binding.
    @Test(.enabled(if: ProcessInfo.processInfo.activeProcessorCount > 1, "one core is all there is"))
    func theRunSaysHowItIsBound() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings =
        [Command.binary, "train"] + RankCountTests.text + ["training.steps=1", "checkpoint.every=0"]
      var compared = 0
      for (options, words) in [
        ([], ", sharing \(Self.coreCount) cores"), (["--bind-to", "core"], ", bound as asked"),
        (["--bind-to", "none"], ""),
      ] {
        let result = try Command.run(
          ["mpirun", "-np", "1"] + options + settings + ["output=run\(compared)"], in: folder)
        #expect(result.code == 0, "\(result.err)")
        #expect(result.out.contains(" · 1 rank × 1 thread\(words) · ZeRO "), "\(result.out)")
        compared += 1
      }
      #expect(compared == 3)
    }

    /// Single processes that start and end at the same time made and removed the same folders below $TMPDIR, and one of
    /// some hundreds failed. They make none: a file in the place of $TMPDIR disturbs nobody.
    @Test func aSingleProcessLeavesNoFoldersForMPI() throws {
      let folder = try Workspace()
      let file = try folder.file("no-folder", Data())
      for setting in [[], ["OMPI_MCA_orte_create_session_dirs=1"]] {
        let result = try Command.run(
          ["env", "-u", "OMPI_MCA_orte_tmpdir_base", "TMPDIR=\(file)"] + setting
            + [Command.binary, "train", "model=m", "data.train=t.txt", "training.steps=0"], in: folder)
        #expect(result.code == (setting.isEmpty ? 64 : 1), "\(result.err)")
        #expect(result.err.contains("mkdir") == !setting.isEmpty)
      }
    }

    /// Open MPI's drivers of Omni-Path and InfiniPath wait a tenth of a second each for a device. They are not even
    /// loaded where there is none, unless they are asked for.
    @Test func noTimeIsLostOnNetworksThatAreNotThere() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      var loads: [Bool] = []
      for (number, options) in [[], ["--mca", "mtl", "psm,psm2"]].enumerated() {
        let trace = folder.path + "/loaded\(number)"
        let result = try Command.run(
          ["mpirun", "-np", "2", "-x", "LD_DEBUG=files", "-x", "LD_DEBUG_OUTPUT=\(trace)"] + options
            + [Command.binary, "train"] + RankCountTests.text
            + ["training.steps=1", "checkpoint.every=0", "output=run\(number)"], in: folder)
        #expect(result.code == 0, "\(result.err)")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let traces = try files.filter { $0.hasPrefix("loaded\(number).") }.map {
          try String(contentsOfFile: folder.path + "/" + $0, encoding: .utf8)
        }
        // What the ranks have opened, beside what mpirun's own processes have.
        let ofRanks = traces.filter { $0.contains("libmpi.so") && $0.contains("libswiftCore.so") }
        #expect(ofRanks.count == 2)
        loads.append(ofRanks.contains { $0.contains("mca_mtl_psm2.so") || $0.contains("mca_mtl_psm.so") })
      }
      #expect(loads == [false, true])
    }

    /// The same program with another build ID, as another link would have it.
    @Test func ranksOfAnotherBuildAreRefused() throws {
      let folder = try Workspace()
      var program = try Data(contentsOf: URL(fileURLWithPath: Command.binary))
      // A note has the sizes of its name and content, its kind, and its name (elf(5)).
      let head = Data([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4E, 0x55, 0])
      let note = try #require(program.range(of: head))
      program[note.upperBound] ^= 1
      let other = try folder.file("swiftdp-other", program)
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: other)
      for words in [["doctor"], ["train"]] {
        let result = try Command.run(
          ["mpirun", "--bind-to", "none", "-np", "2", Command.binary] + words + [":", "-np", "2", other]
            + words,
          in: folder)
        #expect(result.code == 64)
        #expect(result.messages.count == 1, "\(result.messages)")
        let line =
          /rank 2 on \S+: runs another build of swiftdp than rank 0 \(start the same file on all hosts\)/
        #expect(try line.wholeMatch(in: #require(result.messages.first)) != nil, "\(result.messages)")
      }
      let same = try Command.run(["mpirun", "--bind-to", "none", "-np", "2", other, "doctor"], in: folder)
      #expect(same.code == 0, "\(same.err)")
    }

    #if arch(x86_64)
      /// If the program was built for this processor, the processor has everything that the compiler was allowed to
      /// use.
      @Test func instructionSetsOfTheBuild() throws {
        let result = try Command.swiftdp(["doctor", "--json"], in: try Workspace())
        let host = try #require(JSON.parse(result.out)["hosts"]?.elements?.first)
        let built = try #require(host["built_for_sets"]?.elements).compactMap(\.text)
        #expect(InstructionSets.offered.names.filter(built.contains) == built)
        let word = try #require(host["built_for"]?.text)
        #expect((word == "avx512") == built.contains("AVX-512 F"))
        #expect(word == "baseline" || built.contains("AVX2") && built.contains("FMA"))
      }

      /// An emulated processor of 2013, alone and as one of two ranks.
      @Test(.enabled(if: emulator != nil, "qemu-x86_64 is not installed, or this binary needs no AVX-512"))
      func aLesserProcessorIsNamed() throws {
        let folder = try Workspace()
        let old = [try #require(Self.emulator), "-cpu", "Haswell", Command.binary]
        let alone = try Command.run(old + ["tokenize", "--model", "none", "none"], in: folder)
        #expect(alone.code == 64, "\(alone.err)")
        let words =
          /this processor lacks AVX-512 F, .*AVX-512 VL.*, which this swiftdp was built for \(build it .*\)/
        #expect(alone.messages.count == 1)
        #expect(try words.wholeMatch(in: #require(alone.messages.first)) != nil, "\(alone.err)")
        let both = try Command.run(
          ["mpirun", "--bind-to", "none", "-np", "1", Command.binary, "doctor", ":", "-np", "1"] + old + [
            "doctor"
          ],
          in: folder)
        #expect(both.code == 64)
        #expect(both.messages.count == 1)
        #expect(both.messages.first?.hasPrefix("rank 1 on ") == true, "\(both.err)")
        #expect(both.messages.first?.contains(" lacks AVX-512 F, ") == true)
      }

      private static let emulator: String? = {
        let found = ["/usr/bin/qemu-x86_64", "/usr/bin/qemu-x86_64-static"].first(
          where: FileManager.default.isExecutableFile)
        let doctor = try? Command.swiftdp(["doctor", "--json"], in: Workspace())
        return doctor?.out.contains("\"AVX-512 F\"") == true ? found : nil
      }()
    #endif
  }
}
