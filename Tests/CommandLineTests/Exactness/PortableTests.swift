// `parallel.arithmetic: portable` gives one hash on every processor: those below were made on one, and every run of
// the tests compares them on another.
import Base
import Testing

extension ResultTests {
  @Suite struct PortableTests {
    private static let portable = ["parallel.arithmetic=portable", "training.steps=6"]

    /// Shapes whose products have edges, with dropout, in both types; and the model and tasks that ship with swiftdp.
    @Test(arguments: [
      ("gpt2", "float32", "0472fb405cd4948b4211df7bcb558a2f1318c47a11f4d92bf6f1559fc52d837f"),
      ("gpt2", "bfloat16", "72015879708fb7d7b634c16bb3351816db49aa5a0d2c4b55a6d40736ef6ca79c"),
      ("llama", "float32", "dfba7732fa4e2311a08db512ab73239911f55f92ec4ffef27a79a97e201545d2"),
      ("llama", "bfloat16", "272ab5b04e7faccbc0d1808a15d9dd7adaaa1ac4f8f24f3a3c3ca733e601785a"),
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
      #expect(try run.hash() == "a5f00d3905214dc530ed760e28a1daad4f15e193131fe048d06d127875eb7d8e")
    }

    @Test func nothingElseThatDecidesBitsIsAccepted() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try expectMistake(
        ["train"] + RankCountTests.text + Self.portable + ["parallel.blas_kernel=Haswell"], 64,
        ["parallel.blas_kernel: is Haswell, but arithmetic portable has products of its own"], in: folder)
      // Whichever matrix comes first is named.
      let decomposed = try Command.swiftdp(
        ["train"] + RankCountTests.text + Self.portable + ["method={name: lora, init: pissa}"], in: folder)
      #expect(decomposed.code == 64 && decomposed.messages.count == 1)
      let message = try #require(decomposed.messages.first)
      #expect(
        message.hasPrefix(
          "parallel.arithmetic: is portable, which does not decompose matrices, as model.layers.")
          && message.hasSuffix(".weight needs (choose another method.init, or native)"), "\(message)")
    }
  }
}
