// What `swiftdp doctor` says about this machine, about its ranks, and about what is missing.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct DoctorTests {
    private func json(_ arguments: [String] = [], ranks: Int? = nil) throws -> JSON {
      let result = try Command.swiftdp(["doctor", "--json"] + arguments, ranks: ranks, in: try Workspace())
      try #require(result.code == 0, "\(result.err)")
      return try JSON.parse(result.out)
    }

    @Test func thisMachine() throws {
      let json = try json()
      let hosts = try #require(json["hosts"]?.elements)
      #expect(hosts.count == 1)
      let host = try #require(hosts.first)
      #expect(host["cores"]?.integer == ProcessInfo.processInfo.processorCount)
      #expect(try #require(host["memory_bytes"]?.integer) == Int(ProcessInfo.processInfo.physicalMemory))
      let available = try #require(host["memory_available_bytes"]?.integer)
      #expect(available > 0 && available <= Int(ProcessInfo.processInfo.physicalMemory))
      #expect(try #require(host["mpi"]?.text).hasPrefix("Open MPI v"))
      #expect(try #require(host["open_files"]?.integer) > 0)
      let libraries = try #require(host["libraries"]?.elements)
      #expect(libraries.first?["name"]?.text?.hasPrefix("OpenBLAS ") == true)
      #expect(libraries.first?["type"]?.text == "float32")
      #expect(libraries.first?["kernel"]?.text?.isEmpty == false)
      let ranks = try #require(json["ranks"]?.elements)
      #expect(ranks.count == 1)
      // Alone, a rank takes all cores that it may run on.
      #expect(try #require(ranks[0]["threads"]?.integer) == ranks[0]["allowed_cores"]?.integer)
    }

    @Test func ranksShareTheCores() throws {
      let alone = try #require(try json()["ranks"]?.elements?[0]["allowed_cores"]?.integer)
      for count in [2, 4 * alone] {
        let json = try json(ranks: count)
        let ranks = try #require(json["ranks"]?.elements)
        #expect(ranks.count == count)
        #expect(ranks.compactMap { $0["rank"]?.integer } == Array(0..<count))
        for rank in ranks { #expect(rank["threads"]?.integer == max(alone / count, 1)) }
        let advice = try #require(json["better"]?.elements).compactMap(\.text)
        let isCrowded = advice.contains { $0.contains(" threads of \(count) ranks share ") }
        #expect(isCrowded == (count > alone))
      }
    }

    /// One rank speaks, and a rank on one core is reported.
    @Test func fewerCoresThanThreads() throws {
      let folder = try Workspace()
      let bound = try Command.run(
        ["taskset", "-c", "0", Command.binary, "doctor", "--threads", "2"], in: folder)
      #expect(bound.code == 0, "\(bound.err)")
      let lines = bound.out.split(separator: "\n")
      #expect(lines.contains { $0.hasSuffix("rank 0: 2 threads, may run on 1 core (0)") })
      let advice = lines.filter { $0.hasPrefix("better ") }
      #expect(advice.contains { $0.hasSuffix("2 threads a rank, but rank 0 may run on 1 core only") })

      let three = try Command.swiftdp(["doctor", "--threads", "1024"], ranks: 3, in: folder)
      #expect(three.out.split(separator: "\n").filter { $0.hasPrefix("swiftdp ") }.count == 1)
      #expect(three.out.split(separator: "\n").filter { $0.contains("1,024 threads a rank, but") }.count == 1)
    }

    /// By default, threads stay within the cores; if the recipe asks for more, a line says so.
    @Test func trainingTellsOfTooManyThreads() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = [
        "train", "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
        "training.steps=1", "training.batch_size=4", "schedule.warmup_steps=0",
      ]
      let bound = ["taskset", "-c", "0", Command.binary]
      let quiet = try Command.run(bound + settings + ["output=quiet"], in: folder)
      #expect(quiet.code == 0, "\(quiet.err)")
      #expect(quiet.out.contains(" · 1 rank × 1 thread · "))
      #expect(!quiet.out.contains("note:"))
      let told = try Command.run(bound + settings + ["output=told", "parallel.threads=2"], in: folder)
      #expect(told.code == 0, "\(told.err)")
      #expect(told.out.contains(" · 1 rank × 2 threads · "))
      let notes = told.out.split(separator: "\n").filter { $0.hasPrefix("note:") }
      #expect(notes == ["note: parallel.threads: 2 threads a rank, but rank 0 may run on 1 core only"])
      let evaluated = try Command.run(
        bound + ["evaluate", "--model", "told/model", "--data", "text.txt", "--threads", "3"], in: folder)
      #expect(evaluated.code == 0)
      #expect(evaluated.messages == ["note: 3 threads a rank, but rank 0 may run on 1 core only"])
    }

    #if arch(x86_64)
      @Test func slowKernels() throws {
        // Chooses kernels for SSE, on a processor with AVX2 or more.
        let json = try json(["--blas-kernel", "Nehalem"])
        let advice = try #require(json["better"]?.elements).compactMap(\.text)
        #expect(advice.filter { $0.contains("kernel Nehalem leaves AVX") }.count == 1)
        let best = try #require(try self.json()["better"]?.elements).compactMap(\.text)
        #expect(!best.contains { $0.contains(" leaves AVX") })
      }
    #endif

    @Test func whatIsMissing() throws {
      let folder = try Workspace()
      // The loader stops at the first file of that name.
      try folder.file("broken/libopenblas.so.0", "")
      let without = try Command.run(
        ["env", "LD_LIBRARY_PATH=\(folder.path)/broken", Command.binary, "doctor"], in: folder)
      #expect(without.code == 64)
      #expect(without.out.contains("float32: OpenBLAS cannot be used\n"))
      #expect(without.messages.count == 1)
      #expect(without.messages.first?.hasPrefix("OpenBLAS is missing: ") == true)

      let kernel = try Command.swiftdp(["doctor", "--blas-kernel", "Abacus"], ranks: 2, in: folder)
      #expect(kernel.code == 64)
      #expect(kernel.messages.count == 1)
      #expect(
        kernel.messages.first?.hasPrefix("parallel.blas_kernel: OpenBLAS has no kernel Abacus") == true)

      // The mpirun of another MPI starts ranks that know nothing of each other.
      let strangers = try Command.run(
        ["env", "OMPI_COMM_WORLD_SIZE=3", Command.binary, "doctor"], in: folder)
      #expect(strangers.code == 64)
      #expect(strangers.messages.first?.hasPrefix("mpi: 3 ranks were started, but MPI sees one ") == true)

      try expectMistake(
        ["doctor", "--threads", "0"], 64,
        ["--threads is 0, but must be from 1 to 1024 (see swiftdp doctor --help)"], in: folder)
    }

    @Test(.enabled(if: Hosts.missing == nil, "this machine cannot have two host names"))
    func differencesOfHosts() throws {
      let result = try Command.run(
        [
          "mpirun", "--bind-to", "none", "-np", "2", Command.binary, "doctor", ":", "-np", "1", "unshare",
          "--uts", "sh", "-c", "hostname swiftdp-other; ulimit -n 900; exec \"$0\" doctor", Command.binary,
        ], in: try Workspace())
      #expect(result.code == 0, "\(result.err)")
      let lines = result.out.split(separator: "\n")
      #expect(lines.contains { $0.contains("3 ranks on 2 hosts: ") && $0.hasSuffix(", swiftdp-other") })
      let advice = lines.filter { $0.hasPrefix("better ") && $0.contains("swiftdp-other: ") }
      #expect(advice.contains { $0.contains("swiftdp-other: only 900 files may be open at once") })
      #expect(
        advice.contains {
          $0.contains("swiftdp-other: limits is not that of ") && $0.contains(": 900 open files")
        }
      )
    }
  }
}
