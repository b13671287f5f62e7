// Virtual tokens from the first setting to the last file: where they begin, what a run leaves, who reads it, and what is
// refused in one line.
import Base
import Testing

extension ResultTests {
  @Suite struct PromptTests {
    static let kinds = [
      "{name: prompt_tuning, num_virtual_tokens: 6}", "{name: prefix_tuning, num_virtual_tokens: 5}",
      "{name: prefix_tuning, num_virtual_tokens: 5, prefix_projection: true, encoder_hidden_size: 9}",
      "{name: p_tuning, num_virtual_tokens: 4, encoder_hidden_size: 9}",
    ]
    private static let short = ["training.steps=2", "checkpoint.every=2"]

    /// The file holds vectors alone; the checkpoint holds the encoder beside them, and both say the same to whoever reads
    /// them.
    @Test(arguments: kinds) func whatARunLeaves(_ method: String) throws {
      let folder = try MethodTests.folder()
      let run = try train(MethodTests.text + ["method=\(method)"], output: "run", in: folder)
      let config = try JSON.parse(try run.text("model/adapter_config.json"))
      let count = try #require(config["num_virtual_tokens"]?.integer)
      #expect(config["num_transformer_submodules"]?.integer == 1)
      #expect(config["task_type"]?.text == "CAUSAL_LM")
      let written = try Safetensors(try folder.data("run/model/adapter_model.safetensors"))
      #expect(written.names == ["prompt_embeddings"])
      #expect(try written.shape("prompt_embeddings")[0] == count)
      let checkpoint = try Safetensors(
        try folder.data("run/checkpoints/step-000008/adapter_model.safetensors"))
      let encodes = method.contains("projection") || method.contains("p_tuning")
      #expect((checkpoint.names.count > 1) == encodes)
      #expect(try checkpoint.floats("prompt_embeddings") == written.floats("prompt_embeddings"))

      func evaluate(_ more: [String]) throws -> String {
        let result = try Command.swiftdp(
          ["evaluate", "--model", "base/model", "--data", "text.txt", "--sequence-length", "32"] + more,
          in: folder)
        #expect(result.code == 0, "\(result.err)")
        return result.out
      }
      let read = try evaluate(["--adapter", "run/model"])
      #expect(try read != evaluate([]))
      #expect(try read == evaluate(["--adapter", "run/checkpoints/step-000008"]))
      let two = try Command.swiftdp(
        [
          "evaluate", "--model", "base/model", "--data", "text.txt", "--sequence-length", "32", "--adapter",
          "run/model",
        ], ranks: 2, in: folder)
      #expect(two.code == 0 && two.out == read, "\(two.err)")

      let prompts = ["the cat", "a ship", "the rain and the cat"].map { #"{"prompt": "\#($0)"}"# }
      try folder.file("prompts.jsonl", prompts.joined(separator: "\n") + "\n")
      func generate(_ batch: Int, _ output: String) throws -> String {
        let result = try Command.swiftdp(
          [
            "generate", "--model", "base/model", "--adapter", "run/model", "--prompts", "prompts.jsonl",
            "--output", output, "--batch-size", "\(batch)", "--max-tokens", "5",
          ], in: folder)
        #expect(result.code == 0, "\(result.err)")
        return try folder.text(output)
      }
      #expect(try generate(1, "one.jsonl") == generate(3, "three.jsonl"))

      let merged = try Command.swiftdp(
        ["merge", "--model", "base/model", "--adapter", "run/model", "--output", "merged"], in: folder)
      #expect(merged.code == 64)
      #expect(
        merged.err.contains(
          "run/model: has virtual tokens, which fold into no weight "
            + "(generate, evaluate and predict take it as --adapter)"), "\(merged.err)")

      // It goes on from what lies there, or says what is missing.
      let next = ["train"] + MethodTests.text + Self.short + ["adapter=run/model", "output=next"]
      if encodes {
        let refused = try Command.swiftdp(next, in: folder)
        #expect(refused.code == 65)
        #expect(
          refused.err.contains("what the encoder made is there: a checkpoint has it itself"),
          "\(refused.err)")
      }
      let start = encodes ? "run/checkpoints/step-000008" : "run/model"
      let gone = try train(
        MethodTests.text + Self.short + ["adapter=\(start)", "optimizer.learning_rate=1.0e-9"],
        output: "gone", in: folder)
      let (end, begin) = (
        try #require(try run.numbers("validation_loss").last),
        try #require(try gone.numbers("validation_loss").last)
      )
      #expect(abs(begin / end - 1) < 1e-5)
    }

    /// The tokens of the text, again and again.
    @Test func virtualTokensBeginAsWords() throws {
      let folder = try MethodTests.folder()
      let still = MethodTests.text + Self.short + ["optimizer.learning_rate=1.0e-12"]
      func vectors(_ name: String, _ settings: String) throws -> [Float] {
        _ = try train(
          still + ["method={name: prompt_tuning, num_virtual_tokens: 5, \(settings)}"], output: name,
          in: folder)
        return try Safetensors(try folder.data("\(name)/model/adapter_model.safetensors"))
          .floats("prompt_embeddings")
      }
      let base = try Safetensors(try folder.data("base/model/model.safetensors"))
      let table = try base.floats("model.embed_tokens.weight")
      let columns = try base.shape("model.embed_tokens.weight")[1]
      func row(_ token: Int) -> ArraySlice<Float> { table[token * columns..<(token + 1) * columns] }
      func isNear(_ a: some Sequence<Float>, _ b: some Sequence<Float>) -> Bool {
        zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 }
      }
      try folder.file("word.txt", "cat\n")
      let tokenized = try Command.swiftdp(["tokenize", "--model", "base/model", "word.txt"], in: folder)
      #expect(tokenized.code == 0, "\(tokenized.err)")
      let tokens = tokenized.out.split { !$0.isNumber }.compactMap { Int($0) }
      let text = try vectors("text", "prompt_tuning_init: TEXT, prompt_tuning_init_text: cat")
      #expect(text.count == 5 * columns && !tokens.isEmpty)
      // PEFT refuses a text without it.
      let config = try JSON.parse(try folder.text("text/model/adapter_config.json"))
      #expect(config["tokenizer_name_or_path"]?.text == "base/model")
      #expect(isNear(text, (0..<5).flatMap { row(tokens[$0 % tokens.count]) }))

      let sampled = try vectors("sampled", "prompt_tuning_init: SAMPLE_VOCAB")
      for vector in 0..<5 {
        let own = sampled[vector * columns..<(vector + 1) * columns]
        #expect((0..<table.count / columns).contains { isNear(own, row($0)) }, "vector \(vector)")
      }
      // A normal with the deviation 1.
      let random = try vectors("random", "prompt_tuning_init: RANDOM")
      let squares = random.reduce(0) { $0 + $1 * $1 } / Float(random.count)
      #expect(squares > 0.6 && squares < 1.5)
    }

    @Test func whatMakesNoSenseIsRefused() throws {
      let folder = try MethodTests.folder()
      func expect(_ settings: [String], _ line: String) throws {
        try expectMistake(["train"] + MethodTests.text + settings, 64, [line], in: folder)
      }
      try expect(
        ["method={name: prompt_tuning, prompt_tuning_init: TEXT}"],
        "method.prompt_tuning_init_text: is missing, and prompt_tuning_init is TEXT")
      try expect(
        ["method={name: prompt_tuning, prompt_tuning_init_text: words}"],
        "method.prompt_tuning_init_text: is given, and prompt_tuning_init is RANDOM "
          + "(set method.prompt_tuning_init=TEXT)")
      try expect(
        ["method={name: prompt_tuning, prompt_tuning_init: WORDS}"],
        #"method.prompt_tuning_init: is "WORDS", but must be one of RANDOM, TEXT, SAMPLE_VOCAB"#)
      try expect(
        ["method={name: prompt_tuning, num_virtual_tokns: 3}"],
        "method.num_virtual_tokns: is not a key of swiftdp (did you mean method.num_virtual_tokens?)")
      try expect(
        ["method={name: prefix_tuning, encoder_hidden_size: 3}"],
        "method.encoder_hidden_size: is given, and nothing is projected (set method.prefix_projection=true)")
      try expect(
        ["method={name: p_tuning, encoder_num_layers: 3}"],
        "method.encoder_num_layers: is 3, and an MLP has always 2 (leave it out)")
      try expect(
        ["method=prompt_tuning", "data.packing=true"],
        "data.packing: is true, and virtual tokens stand before each row (leave it out)")
      try expect(
        ["method={name: prompt_tuning, num_virtual_tokens: 31}"],
        "data.sequence_length: must be at least 33 with 31 virtual tokens, but is 32 "
          + "(virtual tokens count as others do)")
      try expect(
        ["method=prefix_tuning", "data.sequence_length=4096"],
        "data.sequence_length: is 4096, but the model reads at most 64 tokens, the virtual ones included "
          + "(set data.sequence_length=64)")
    }
  }
}

extension Safetensors {
  fileprivate var names: [String] {
    header.map { String(decoding: $0.key, as: UTF8.self) }.filter { $0 != "__metadata__" }.sorted()
  }

  fileprivate func shape(_ name: String) throws -> [Int] {
    let shape = try #require(index(of: name).flatMap { header[$0].value["shape"]?.elements })
    return shape.compactMap(\.integer)
  }

  fileprivate func floats(_ name: String) throws -> [Float] {
    let bytes = data[try #require(range(of: name))]
    return bytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }
}
