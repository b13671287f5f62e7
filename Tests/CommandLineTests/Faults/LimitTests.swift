// Failures from outside the program are reported in one line, in builds without checks too: memory and threads that
// the system refuses, and libraries that fail.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct LimitTests {
    private static let settings =
      RankCountTests.text + ["training.steps=2", "training.validate_every=0", "checkpoint.every=0"]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    @Test func aCallOfMPIThatFails() throws {
      let folder = try folder()
      let result = try Command.swiftdp(
        ["train"] + Self.settings + ["output=run"], ranks: 3, fault: RankFault(rank: 1, what: "refuse:40"),
        in: folder)
      #expect(result.code == 75, "\(result.err)")
      #expect(result.messages.count == 1, "\(result.messages)")
      let line =
        /rank 1 on \S+: MPI_Allgather failed: MPI_ERR_OTHER: .*start again to go on from the last checkpoint\)/
      #expect(try line.wholeMatch(in: #require(result.messages.first)) != nil, "\(result.messages)")
    }

    /// It multiplies fp32 where a recipe asks for it, and bfloat16 on processors with AMX.
    @Test func aProductOfOneDNNThatFails() throws {
      let folder = try folder()
      let doctor = try Command.swiftdp(["doctor", "--json"], in: folder)
      let libraries = try #require(JSON.parse(doctor.out)["hosts"]?.elements?[0]["libraries"]?.elements)
      let hasAMX = libraries.contains { $0["kernel"]?.text == "AMX" }
      let cases = [
        (
          "parallel.blas_kernel=oneDNN",
          /rank 1 on \S+: dnnl_sgemm failed with error 5 \(set parallel\.blas_kernel to auto\)/
        ),
        (
          "model_dtype=bfloat16",
          /rank 1 on \S+: oneDNN \S+: dnnl_primitive_execute failed: runtime error \(model_dtype float32 .*\)/
        ),
      ]
      for (setting, line) in cases.prefix(hasAMX ? 2 : 1) {
        let result = try Command.swiftdp(
          ["train"] + Self.settings + ["output=run", setting], ranks: 2,
          fault: RankFault(rank: 1, what: "onednn:50"), in: folder)
        #expect(result.code == 70, "\(result.err)")
        #expect(result.messages.count == 1, "\(result.messages)")
        #expect(try line.wholeMatch(in: #require(result.messages.first)) != nil, "\(result.messages)")
        try folder.remove("run")
      }
    }

    /// Split communicators, including those of each host, are freed.
    @Test func communicatorsAreFreed() throws {
      let folder = try folder()
      let result = try Command.swiftdp(
        ["verify", "--steps", "2"] + Self.settings + ["output=run"], ranks: 2,
        fault: RankFault(rank: 1, what: "groups"), in: folder)
      #expect(result.code == 0, "\(result.err)")
      let line = try #require(result.messages.first)
      let numbers = line.split(separator: " ").compactMap { Int($0) }
      #expect(numbers.count == 2 && numbers[0] > 2 && numbers[0] == numbers[1], "\(line)")
    }

    /// The bytes of address space that a run takes before its real work.
    private func limited(_ megabytes: Int, _ settings: [String], ranks: Int? = nil, in folder: Workspace)
      throws
      -> CommandResult
    {
      let launcher = ranks.map { ["mpirun", "-np", "\($0)", "--bind-to", "none"] } ?? []
      let limit = ["sh", "-c", "ulimit -v \(megabytes * 1024); exec \"$0\" \"$@\"", Command.binary]
      return try Command.run(
        launcher + limit + ["train"] + settings + ["output=run"], in: folder, timeLimit: 60)
    }

    /// Runs with limits on the megabytes of address space, from too few for the first library to enough for all:
    /// every run succeeds, or ends in one line that tells the user how to fix it.
    @Test(arguments: [nil, 2]) func memoryThatTheSystemDoesNotGive(_ ranks: Int?) throws {
      let folder = try Workspace()
      try folder.makeLlama("llama", longest: 1024)
      try folder.makeText(characters: 40_000)
      // A larger model and more data, so that each of activations, weights and tokens fails in some run.
      let settings =
        RankCountTests.text + [
          "training.steps=1", "training.validate_every=0", "checkpoint.every=0", "data.sequence_length=128",
          "training.batch_size=64", "training.micro_batch_size=64",
        ]
      var codes: [Int32: Int] = [:]
      var reasons: Set<String> = []
      // MPI itself does not start with less.
      for megabytes in stride(from: ranks == nil ? 140 : 400, through: 700, by: 20) {
        let result = try limited(megabytes, settings, ranks: ranks, in: folder)
        codes[result.code, default: 0] += 1
        if result.code != 0 {
          #expect([64, 65].contains(result.code), "\(megabytes) MB: \(result.err.prefix(800))")
          #expect(result.messages.count == 1, "\(megabytes) MB: \(result.err.prefix(800))")
          let message = result.messages.first ?? ""
          #expect(
            message.contains("the system gives no ") || message.contains("OpenBLAS is missing: "),
            "\(message)")
          #expect(ranks == nil || message.hasPrefix("rank ") || !message.contains("arena"), "\(message)")
          let words = message.split(separator: " for ", maxSplits: 1).last?.split(separator: ":").first
          reasons.insert(words.map(String.init) ?? "")
        }
      }
      #expect(codes[0] ?? 0 > 0 && codes[65] ?? 0 > 1, "\(codes)")
      #expect(
        reasons.contains("matrix products") && (ranks != nil || reasons.contains("arena")), "\(reasons)")
    }

    /// A thread needs room for its stack.
    @Test func threadsThatTheSystemDoesNotStart() throws {
      let folder = try folder()
      let result = try limited(1500, Self.settings + ["parallel.threads=900"], in: folder)
      #expect(result.code == 65, "\(result.err.prefix(800))")
      let line =
        /no thread can be started for swiftdp \d+: Resource temporarily unavailable \(raise the limit .*\)/
      #expect(result.messages.count == 1, "\(result.messages)")
      #expect(try line.wholeMatch(in: #require(result.messages.first)) != nil, "\(result.messages)")
    }

    /// If Swift's own arrays get no memory, Swift's runtime says so and aborts.
    @Test func anArrayThatGetsNoMemory() throws {
      let folder = try folder()
      try folder.makeText(characters: 40_000_000)
      let result = try limited(420, Self.settings, in: folder)
      #expect(result.code == 70, "\(result.err.prefix(800))")
      #expect(
        result.messages.count == 1 && result.messages[0].hasPrefix("ended by a library, in the words above "))
      #expect(result.errorLines.first?.contains("failed to allocate ") == true, "\(result.err.prefix(800))")
    }
  }
}
