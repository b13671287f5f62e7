// The sum of gradients, losses, norms and clipping as real ranks compute them. Tests/Parallel/Ranks says what is
// compared, and which wrong version each check would catch.
import Testing

extension CommandLineTests {
  @Suite struct RankCheckTests {
    /// Runs a check at some rank counts and expects this many cases to have agreed on every rank.
    private func expectAgreement(
      _ check: String, ranks counts: [Int], cases: Int, options: [String] = [], models: String = "llama"
    ) throws {
      let folder = try Workspace()
      try folder.makeLlama("llama", longest: 1024)
      var ran = 0
      for ranks in counts {
        let result = try Command.run(
          ["mpirun", "-np", "\(ranks)", "--bind-to", "none"] + options + [
            Command.built("RankChecks"), check, models,
          ], in: folder)
        #expect(result.code == 0, "\(check) at \(ranks) ranks: \(result.err.prefix(2000))")
        #expect(
          result.out == "\(check): \(ranks) ranks, \(cases) cases, 0 faults\n", "\(result.err.prefix(2000))")
        ran += 1
      }
      #expect(ran == counts.count && ran > 0)
    }

    /// 24 random steps of 1 to 17 micro-batches; sum, norm and the inexact sum, each twice.
    @Test func sumsAreThoseOfOneRank() throws {
      try expectAgreement("sums", ranks: Array(1...8), cases: 24 * 8 + 1)
    }

    /// Six steps of three kinds at both ZeRO stages, of which the first two may allocate.
    @Test func stepsAllocateNothing() throws {
      try expectAgreement(
        "allocations", ranks: [1, 2, 3], cases: 3 * 4 * (6 + 4) + 1,
        options: ["-x", "LD_PRELOAD=" + Command.built("libRankAllocations.so")])
    }

    /// Two kinds of additions on six kinds of frozen storage and activations, and four prompts, three runs of each.
    @Test func stepsOnFrozenWeightsAllocateNothing() throws {
      try expectAgreement(
        "frozen-allocations", ranks: [1], cases: (2 * 6 + 4) * 3 + 1,
        options: ["-x", "LD_PRELOAD=" + Command.built("libRankAllocations.so")])
    }

    /// Five storages, shared and not: two facts and 20 parameters each.
    @Test func modelsThatAreOnlyReadLieOnceOnAHost() throws {
      try expectAgreement("shared-weights", ranks: [1, 2, 3], cases: 5 * 2 * (2 + 20))
    }

    /// Five families in two and four chunks, three micro-batch sizes: loss and gradient.
    @Test func chunksOfSequencesAreThoseOfWholeOnes() throws {
      try expectAgreement(
        "context", ranks: [1, 2, 4], cases: 5 * 2 * 3 * 2, models: Project.root + "/Tests/Fixtures/parity")
    }

    /// What one rank alone stops with ends all of them, though the others wait for that rank.
    @Test func aRankThatStopsAloneEndsAll() throws {
      let began = ContinuousClock.now
      let result = try Command.run(
        ["mpirun", "-np", "3", "--bind-to", "none", Command.built("RankChecks"), "stopped-alone"],
        in: Workspace())
      #expect(result.code == 65, "\(result.err.prefix(2000))")
      #expect(result.out.isEmpty, "\(result.out)")
      #expect(ContinuousClock.now - began < .seconds(60))
    }

    @Test func unequalTargetCounts() throws {
      try expectAgreement("targets", ranks: [1, 2, 3, 4], cases: 3 + 4 * 3 * 2 * 5)
    }

    @Test func partsWithoutTargets() throws {
      try expectAgreement("empty", ranks: [1, 2, 4], cases: 3 * 2 * 3 + 5)
    }

    @Test func clippingByTheGlobalNorm() throws {
      try expectAgreement("clipping", ranks: [1], cases: 3 + 4 * 5)
      try expectAgreement("clipping", ranks: [2, 4], cases: 3 + 4 * 6)
    }

    @Test func everyValidationSampleCountsOnce() throws {
      try expectAgreement("validation", ranks: [1, 2, 3, 4], cases: 3 + 12 * 3)
    }

    /// Whatever is in the lists of methods, families and objectives: a new member needs no line here.
    @Test func everyMemberOfTheListsGivesTheSameBits() throws {
      let parts = 3
      var cases = 0
      for part in 0..<parts {
        let result = try Command.run(
          [
            "mpirun", "-np", "4", "--bind-to", "none", Command.built("RankChecks"), "suite", Project.root,
            "\(part)", "\(parts)",
          ], in: Workspace())
        #expect(result.code == 0, "\(result.err.prefix(4000))")
        let words = result.out.split(separator: " ")
        #expect(words.first == "suite:" && result.out.contains(" 0 faults"), "\(result.out)")
        cases += words.count > 3 ? Int(words[3]) ?? 0 : 0
      }
      #expect(cases >= 60)
    }
  }
}
