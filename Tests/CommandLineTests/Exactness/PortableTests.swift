// `parallel.arithmetic: portable` gives one hash on every processor: those below were made on one, and every run of
// the tests compares them on another.
import Base
import Testing

extension CommandLineTests {
  @Suite struct PortableTests {
    private static let portable = ["parallel.arithmetic=portable", "training.steps=6"]

    /// Shapes whose products have edges, with dropout, in both types; and the model and tasks that ship with swiftdp.
    @Test(arguments: [
      ("gpt2", "float32", "?"), ("gpt2", "bfloat16", "?"), ("llama", "float32", "?"),
      ("llama", "bfloat16", "?"),
    ])
    func theHashOfEveryProcessor(_ model: String, _ type: String, _ hash: String) throws {
      let folder = try Workspace()
      try folder.makeText(characters: 2150)
      if model == "gpt2" { try folder.makeGPT2("model", dropout: 0.1) } else { try folder.makeLlama("model") }
      let settings =
        RankCountTests.text + Self.portable + ["model=model", "model_dtype=\(type)"]
      for (ranks, threads) in [(1, 2), (3, 1)] {
        let run = try train(
          settings + ["parallel.threads=\(threads)"], output: "run-\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == hash, "\(model) in \(type) on \(ranks) ranks")
      }
    }

    @Test func theShippedModelToo() throws {
      let folder = try Workspace()
      let run = try train(
        [
          "model=shipped:base", "data.train=shipped:tasks.jsonl", "data.sequence_length=64",
          "training.batch_size=16",
          "training.micro_batch_size=8",
        ] + Self.portable, output: "run", ranks: 2, in: folder)
      #expect(try run.hash() == "?")
    }

    @Test func nothingElseThatDecidesBitsIsAccepted() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try expectMistake(
        ["train"] + RankCountTests.text + Self.portable + ["parallel.blas_kernel=Haswell"], 64,
        ["parallel.blas_kernel: is Haswell, but arithmetic portable has products of its own"], in: folder)
      try expectMistake(
        ["train"] + RankCountTests.text + Self.portable
          + ["method={name: lora, init: pissa}"], 64,
        [
          "parallel.arithmetic: is portable, which does not decompose matrices, as "
            + "model.layers.0.self_attn.q_proj.weight needs (choose another method.init, or native)"
        ], in: folder)
    }
  }
}
