// Micro-batches that are computed twice: runs end with the same bits, and a rank whose processor is wrong is named.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct AuditTests {
    private static let settings = RankCountTests.text + ["training.validate_every=0", "data.validation=0"]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    /// The same hash with and without, and the same micro-batches audited at every rank count. Fails where the
    /// second computation overwrites gradients that others still read, or adds to their sum.
    @Test func auditsChangeNoBit() throws {
      let folder = try folder()
      let one = try train(Self.settings, output: "none", in: folder)
      #expect(try one.metrics().allSatisfy { $0["audits"] == nil })
      var compared = 0
      for (share, audited) in [("0.3", 1..<20), ("1", 20..<21)] {
        var first: [String] = []
        for (ranks, zero, more) in [
          (nil, 1, []), (1, 0, []), (2, 0, ["training.recompute=layer"]), (2, 1, ["parallel.threads=2"]),
          (2, 3, []), (3, 0, []), (3, 1, ["parallel.node_shared_weights=false"]),
          (3, 2, ["training.recompute=attention"]), (3, 3, []),
        ] as [(Int?, Int, [String])] {
          let run = try train(
            Self.settings + ["training.audit=\(share)", "parallel.zero=\(zero)"] + more,
            output: "run\(compared)", ranks: ranks, in: folder)
          let what: Comment = "\(share), \(ranks ?? 1) ranks, ZeRO \(zero), \(more)"
          #expect(try run.hash() == one.hash(), what)
          #expect(try run.numbers("loss") == one.numbers("loss"), what)
          // A step has fewer micro-batches than are drawn together.
          let counts = try run.numbers("audits")
          #expect(audited.contains(counts.count) && counts.allSatisfy { $0 == 8 }, what)
          if first.isEmpty { first = try run.results() }
          #expect(try run.results() == first, what)
          compared += 1
        }
      }
      #expect(compared == 18)
    }

    /// Gradients that travel in messages, are rounded, are in bfloat16, or are added in another order: in each case,
    /// what one rank computes another computes too.
    @Test func auditsAgreeWhereverGradientsAreTheSame() throws {
      let folder = try folder()
      var compared = 0
      for more in [
        ["training.exact=false"], ["training.exact=false", "parallel.zero=2"],
        ["model_dtype=bfloat16", "parallel.wire_dtype=bfloat16"],
      ] {
        let plain = try train(Self.settings + more, output: "plain\(compared)", ranks: 3, in: folder)
        let name = "run\(compared)"
        let result = try Command.swiftdp(
          ["train"] + Self.settings + more + ["training.audit=1", "output=\(name)"], ranks: 3, in: folder)
        try #require(result.code == 0, "\(more): \(result.err)")
        #expect(result.out.contains(" MB a rank · 160 micro-batches audited · model in "), "\(result.out)")
        #expect(try RunOutput(folder: folder, name: name).hash() == plain.hash(), "\(more)")
        compared += 1
      }
      #expect(compared == 3)
    }

    /// Trains with one wrong bit in a rank's matrix products, and returns the one line of the report.
    private func message(
      _ what: String, of rank: Int, ranks: Int, more: [String] = [], in folder: Workspace
    ) throws -> String {
      let result = try Command.swiftdp(
        ["train"] + Self.settings + ["training.audit=1", "output=bad"] + more, ranks: ranks,
        fault: RankFault(rank: rank, what: what), in: folder)
      #expect(result.code == 75, "\(result.out)\n\(result.err)")
      #expect(result.messages.count == 1, "\(result.messages)")
      return try #require(result.messages.first)
    }

    /// One product in the middle of the run, or all from then on, on each of three ranks.
    @Test(arguments: ["product", "products"]) func aWrongRankIsNamed(_ fault: String) throws {
      let folder = try folder()
      let settings = ["checkpoint.every=1", "checkpoint.keep=99"]
      let whole = try train(Self.settings + settings, output: "whole", in: folder)
      let pattern =
        /audit of step (\d+), micro-batch (\d+): rank (\d) on \S+ and rank (\d) on \S+ got different results, first in the gradient of model\.\S+ and (not )?in the loss; all 3 ranks computed it once more: rank (\d) on \S+ was wrong(, and this time right: a passing fault)? \(nothing of the step was applied: test processor and memory of \S+, and start again to go on from the last checkpoint\)/
      for rank in 0..<3 {
        let message = try message("\(fault):2000", of: rank, ranks: 3, more: settings, in: folder)
        let found = try #require(message.wholeMatch(of: pattern), "\(message)").output
        #expect(found.6 == "\(rank)", "\(message)")
        #expect(found.3 == "\(rank)" || found.4 == "\(rank)", "\(message)")
        #expect((found.7 != nil) == (fault == "product"), "\(message)")
        // The updates that were applied are right.
        let step = try #require(Int(found.1))
        let last = try #require(RunOutput(folder: folder, name: "bad").checkpoints.last)
        #expect(step > 1 && last.hasSuffix("\(step - 1)"), "\(last), \(message)")
        #expect(try RunOutput(folder: folder, name: "bad").hash() == whole.hash(last), "\(message)")
        // The run goes on on other hosts and ends as if nothing had happened.
        let rest = try train(Self.settings + settings, output: "bad", ranks: 2, in: folder)
        #expect(try rest.hash() == whole.hash())
        try folder.remove("bad")
      }
    }

    /// The report is for programs: supervise sees that it is the same step each time.
    @Test func aRankThatStaysWrongIsGivenUp() throws {
      let folder = try folder()
      let fault = RankFault(rank: 1, what: "products:0")
      let result = try Command.run(
        [Command.binary, "supervise", "--restarts", "20", "--pause", "0", "--"]
          + ["mpirun", "-np", "3", "--bind-to", "none"] + fault.options + [Command.binary, "train"]
          + Self.settings + ["training.audit=1", "checkpoint.every=1", "output=bad"], in: folder)
      // A scheduler would start it again for ever after 75.
      #expect(result.code == 70)
      #expect(
        result.messages.last
          == "supervise: exit code 75 at step 1: the same step has failed 3 times: giving up; "
          + "it got no checkpoint further, so this ends with 70",
        "\(result.messages)")
      let report = try JSON.parse(folder.text("bad/failure.json"))
      #expect(report["kind"]?.text == "audit" && report["step"]?.integer == 1)
      #expect(report["failed"]?.elements?.map(\.integer) == [1])
      let rights = report["ranks"]?.elements?.map { $0["was_right"]?.bool }
      #expect(rights == [true, false, true])
      #expect(report["message"]?.text == result.messages.first)
    }

    /// Two ranks can tell whose result is not repeated; one rank, that there were two results.
    @Test func withFewerRanksLessIsKnown() throws {
      let folder = try folder()
      let passing = try message("product:2000", of: 1, ranks: 2, in: folder)
      #expect(
        passing.contains("all 2 ranks computed it once more: rank 1 on ")
          && passing.contains(" was wrong, and this time right: a passing fault ("), "\(passing)")
      let lasting = try message("products:2000", of: 1, ranks: 2, in: folder)
      #expect(
        lasting.contains("when all compute it once more, no majority agrees: rank 0 against rank 1 ("),
        "\(lasting)")
      let alone = try message("product:2000", of: 0, ranks: 1, in: folder)
      #expect(alone.contains(": rank 0 on ") && alone.contains(" got two results, first in "), "\(alone)")
    }

    /// Without audits nobody sees it: the fault of these tests is real.
    @Test func withoutAuditsAWrongRankIsNotSeen() throws {
      let folder = try folder()
      let right = try train(Self.settings, output: "right", ranks: 3, in: folder)
      let result = try Command.swiftdp(
        ["train"] + Self.settings + ["output=wrong"], ranks: 3,
        fault: RankFault(rank: 1, what: "product:700"),
        in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(try RunOutput(folder: folder, name: "wrong").hash() != right.hash())
    }

    @Test func mistakes() throws {
      let folder = try folder()
      try expectMistake(
        ["train"] + Self.settings + ["training.audit=1.5"], 64,
        ["training.audit: is 1.5, but must be from 0.0 to 1.0"], in: folder)
      try expectMistake(
        ["train"] + Self.settings + ["training.audit=often"], 64,
        ["training.audit: is a string, where a number is meant"], in: folder)
      // Ranks whose matrix products round differently.
      func ranks(_ kernel: String) -> [String] {
        ["-np", "1", Command.binary, "train"] + Self.settings
          + ["training.audit=0.1", "parallel.blas_kernel=\(kernel)", "output=mixed"]
      }
      let result = try Command.run(["mpirun"] + ranks("Haswell") + [":"] + ranks("Sandybridge"), in: folder)
      #expect(result.code == 64)
      let message = try #require(result.messages.first)
      #expect(
        result.messages.count == 1 && message.contains("kernels Haswell on rank 0 and ")
          && message.hasSuffix(
            "kernels Sandybridge on rank 1, which round differently "
              + "(set parallel.arithmetic to portable, parallel.blas_kernel to what all processors have, or audit to 0)"
          ),
        "\(result.messages)")
      #expect(!folder.exists("mixed"))
    }
  }
}
