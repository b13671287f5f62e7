// `parallel.arithmetic: bf16x3`: the same bits at every rank count, near those of fp32, or a refusal by name.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct SplitArithmeticTests {
    private static let settings =
      RankCountTests.text + ["training.steps=6", "checkpoint.every=3", "parallel.arithmetic=bf16x3"]

    @Test func theSameBitsAnywhere() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      // Processors with AMX have both.
      guard try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).contains("avx512_bf16") else {
        return try expectMistake(
          ["train"] + Self.settings, 64,
          [
            "parallel.arithmetic: is bf16x3, but this processor has neither avx512_bf16 nor AMX (native runs everywhere)"
          ], in: folder)
      }
      let one = try train(Self.settings, output: "one", in: folder)
      let native = try train(Self.settings + ["parallel.arithmetic=native"], output: "native", in: folder)
      let (losses, theirs) = (try one.numbers("loss"), try native.numbers("loss"))
      #expect(losses.count == 6 && losses != theirs)
      #expect(zip(losses, theirs).allSatisfy { abs($0 / $1 - 1) <= 1e-4 }, "\(losses) \(theirs)")
      for (ranks, more) in [
        (2, ["parallel.zero=3", "parallel.threads=2"]), (3, ["parallel.zero=0"]), (4, ["parallel.zero=2"]),
      ] {
        let run = try train(Self.settings + more, output: "run-\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks")
      }
      let rest = try train(
        Self.settings + ["checkpoint.resume=one/checkpoints/step-000003"], output: "rest", ranks: 2,
        in: folder)
      #expect(try rest.hash() == one.hash())
      // A decomposition is LAPACK's.
      try train(Self.settings + ["method={name: lora, init: pissa}"], output: "pissa", in: folder)
      try expectMistake(
        ["train"] + Self.settings + ["parallel.blas_kernel=Haswell"], 64,
        ["parallel.blas_kernel: is Haswell, but arithmetic bf16x3 has products of its own"], in: folder)
    }
  }
}
