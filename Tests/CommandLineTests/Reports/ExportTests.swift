// swiftdp export: GGUF files, compared with the gguf package's names and blocks.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct ExportTests {
    private static let fixture = Result {
      try JSON.parse([UInt8](try Project.contents("Tests/Fixtures/export.json")))
    }

    /// A folder with a trained model `run/model`.
    private func folder(_ make: (Workspace) throws -> Void, model: String) throws -> Workspace {
      let folder = try Workspace()
      try make(folder)
      try folder.makeText(characters: 2150)
      try train(
        RankCountTests.text + ["model=\(model)", "training.steps=1", "training.validate_every=0"],
        output: "run",
        in: folder)
      return folder
    }

    @discardableResult
    private func export(_ type: String, in folder: Workspace, _ more: [String] = []) throws -> GGUFReader {
      let result = try Command.swiftdp(
        ["export", "--model", "run/model", "--gguf", "\(type).gguf", "--type", type] + more, in: folder)
      try #require(result.code == 0, "\(result.err)")
      return try GGUFReader(try folder.data("\(type).gguf"))
    }

    private func floats(_ name: String, _ folder: Workspace) throws -> [Float] {
      let file = try Safetensors(try folder.data("run/model/model.safetensors"))
      let bytes = [UInt8](file.data[try #require(file.range(of: name))])
      return bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    }

    private func names(_ architecture: String) throws -> [String: String] {
      let members = try Self.fixture.get()["names"]?[architecture]?.members ?? []
      return Dictionary(
        uniqueKeysWithValues: members.map { (String(decoding: $0.key, as: UTF8.self), $0.value.text ?? "") })
    }

    /// Rounded by what they read, all matrices change less than with each number rounded by itself; ggml's bytes give
    /// what was decided.
    @Test func matricesAreRoundedByWhatTheyRead() throws {
      let folder = try folder({ try $0.makeLlama(width: 96) }, model: "llama")
      let plain = try export("q4_0", in: folder)
      let result = try Command.swiftdp(
        [
          "export", "--model", "run/model", "--gguf", "calibrated.gguf", "--type", "q4_0", "--calibrate",
          "text.txt", "--errors", "errors.csv",
        ], in: folder)
      #expect(result.code == 0 && result.out.contains("rounded by GPTQ"), "\(result.err)")
      let lines = try folder.text("errors.csv").split(separator: "\n").dropFirst()
      #expect(lines.count >= 2 * 4)
      for line in lines {
        let numbers = line.split(separator: ",").dropFirst().compactMap { Double($0) }
        #expect(numbers.count == 2 && numbers[1] > 0 && numbers[1] < numbers[0], "\(line)")
      }
      let calibrated = try GGUFReader(try folder.data("calibrated.gguf"))
      #expect(calibrated.tensors.keys.sorted() == plain.tensors.keys.sorted())
      let wrong = try Command.swiftdp(
        ["export", "--model", "run/model", "--gguf", "x.gguf", "--type", "q8_0", "--calibrate", "text.txt"],
        in: folder)
      #expect(wrong.code == 64 && wrong.err.contains("--calibrate is for --type q4_0"), "\(wrong.err)")
    }

    @Test func aLlamaHasTheNamesAndOrderOfLlamaCPP() throws {
      let folder = try folder({ try $0.makeLlama() }, model: "llama")
      let file = try export("f32", in: folder)
      #expect(file.version == 3 && file.texts["general.architecture"] == "llama")
      for (key, value) in [
        ("llama.block_count", 2), ("llama.context_length", 64), ("llama.embedding_length", 32),
        ("llama.feed_forward_length", 48), ("llama.attention.head_count", 4),
        ("llama.attention.head_count_kv", 2), ("llama.rope.dimension_count", 8), ("llama.vocab_size", 257),
        ("general.file_type", 0), ("tokenizer.ggml.eos_token_id", 256), ("tokenizer.ggml.add_bos_token", 0),
      ] as [(String, Double)] { #expect(file.numbers[key] == value, "\(key)") }
      #expect(file.texts["tokenizer.ggml.model"] == "gpt2")
      let tokens = try #require(file.lists["tokenizer.ggml.tokens"])
      #expect(tokens.count == 257 && tokens[256] == "<|endoftext|>")
      #expect(file.lists["tokenizer.ggml.token_type"]?.last == "3")
      let names = try names("llama")
      #expect(names.count == 12)
      var found = 0
      for (module, name) in names where module != "lm_head" {
        #expect(file.tensors[name + ".weight"] != nil, "\(name)")
        found += 1
      }
      #expect(found == 11 && file.tensors.count == 2 + 9 * 2)
      // Tied: there is no second matrix.
      #expect(file.tensors["output.weight"] == nil)

      let same = try file.floats("blk.1.ffn_down.weight")
      #expect(same == (try floats("model.layers.1.mlp.down_proj.weight", folder)))
      // Heads of width 8: row 2i of a head was row i, and row 2i + 1 row 4 + i.
      let (q, stored) = (
        try file.floats("blk.1.attn_q.weight"), try floats("model.layers.1.self_attn.q_proj.weight", folder)
      )
      var compared = 0
      for head in 0..<4 {
        for place in 0..<8 {
          let (mine, source) = (head * 8 + place, head * 8 + place / 2 + place % 2 * 4)
          #expect(q[mine * 32..<(mine + 1) * 32] == stored[source * 32..<(source + 1) * 32])
          compared += 1
        }
      }
      #expect(compared == 32 && q != stored)
    }

    @Test func matricesOfGPT2AreTurned() throws {
      let folder = try folder({ try $0.makeGPT2(dropout: 0) }, model: "gpt2")
      let file = try export("f32", in: folder)
      let names = try names("gpt2")
      #expect(names.count == 10)
      for (module, name) in names where module != "lm_head" {
        #expect(file.tensors[name + ".weight"] != nil, "\(name)")
      }
      let stored = try floats("transformer.h.1.mlp.c_fc.weight", folder)
      let mine = try file.floats("blk.1.ffn_up.weight")
      #expect(file.tensors["blk.1.ffn_up.weight"]?.sizes == [32, 128])
      #expect(mine[1] == stored[128] && mine[32] == stored[1])
      #expect(try file.floats("blk.0.attn_norm.bias").count == 32)
    }

    @Test func blocksAreThoseOfTheGGUFPackage() throws {
      let folder = try folder({ try $0.makeLlama(width: 64) }, model: "llama")
      let name = "model.layers.1.mlp.gate_proj.weight"
      var file = try Safetensors(try folder.data("run/model/model.safetensors"))
      let blocks = try #require(try Self.fixture.get()["blocks"]?.members)
      let numbers = blocks.first?.value["values"]?.elements ?? []
      let values = numbers.compactMap { $0.double }
      #expect(values.count == 64)
      for (place, value) in values.enumerated() { file.set(place, of: name, to: Float(value)) }
      try folder.file("run/model/model.safetensors", file.file)
      try folder.removeManifest(of: "run/model")
      var compared = 0
      for block in blocks {
        let type = String(decoding: block.key, as: UTF8.self)
        let exported = try export(type, in: folder)
        let expected = try #require(block.value["bytes"]?.text)
        let mine = try exported.data("blk.1.ffn_gate.weight", count: expected.count / 2)
        #expect(hexadecimal(mine) == expected, "\(type)")
        compared += 1
      }
      #expect(compared == 3)
      // Rows of 64 fill no block of 256.
      let result = try Command.swiftdp(
        ["export", "--model", "run/model", "--gguf", "k.gguf", "--type", "q4_k"], in: folder)
      #expect(result.code == 0 && result.err.contains("note: "), "\(result.err)")
      #expect(try GGUFReader(try folder.data("k.gguf")).tensors["blk.1.ffn_gate.weight"]?.type == 8)
    }

    @Test func superBlocksComeCloseToTheirNumbers() throws {
      let folder = try folder({ try $0.makeLlama(width: 256) }, model: "llama")
      let file = try export("q4_k", in: folder)
      #expect(file.tensors["blk.1.ffn_up.weight"]?.type == 12)
      #expect(file.tensors["token_embd.weight"]?.type == 8)
      let stored = try floats("model.layers.1.mlp.up_proj.weight", folder)
      let blocks = try file.data("blk.1.ffn_up.weight", count: stored.count / 256 * 144)
      var (error, size) = (0.0, 0.0)
      for (place, value) in stored.enumerated() {
        let block = Array(blocks[place / 256 * 144..<(place / 256 + 1) * 144])
        let difference = Double(Self.number(place % 256, of: block) - value)
        error += difference * difference
        size += Double(value * value)
      }
      #expect(size > 0 && error / size < 0.01)
    }

    /// A number of a super-block, by ggml's definition.
    private static func number(_ place: Int, of block: [UInt8]) -> Float {
      func half(_ at: Int) -> Float {
        Float(Float16(bitPattern: UInt16(block[at]) | UInt16(block[at + 1]) << 8))
      }
      let part = place / 32
      let scales = Array(block[4..<16])
      let (scale, minimum): (UInt8, UInt8) =
        part < 4
        ? (scales[part] & 63, scales[part + 4] & 63)
        : (
          scales[part + 4] & 15 | (scales[part - 4] >> 6) << 4,
          scales[part + 4] >> 4 | (scales[part] >> 6) << 4
        )
      let byte = block[16 + place / 64 * 32 + place % 32]
      let bits = part % 2 == 0 ? byte & 15 : byte >> 4
      return half(0) * Float(scale) * Float(bits) - half(2) * Float(minimum)
    }

    @Test func anAdapterIsFoldedIn() throws {
      let folder = try folder({ try $0.makeLlama() }, model: "llama")
      try train(
        RankCountTests.text + [
          "model=run/model", "weights=pretrained", "method={name: lora, rank: 4}", "training.steps=3",
        ], output: "lora", in: folder)
      let plain = try export("f32", in: folder)
      let result = try Command.swiftdp(
        [
          "export", "--model", "run/model", "--adapter", "lora/model", "--gguf", "lora.gguf",
        ], in: folder)
      try #require(result.code == 0, "\(result.err)")
      let folded = try GGUFReader(try folder.data("lora.gguf"))
      #expect(folded.tensors.count == plain.tensors.count)
      #expect(try folded.floats("blk.0.attn_q.weight") != plain.floats("blk.0.attn_q.weight"))
      #expect(try folded.floats("blk.0.attn_norm.weight") == plain.floats("blk.0.attn_norm.weight"))
    }

    /// The terms of a LoRA alone, as convert_lora_to_gguf.py writes them: rows of B in the order of the projection's.
    @Test func anAdapterIsWrittenAlone() throws {
      let folder = try folder({ try $0.makeLlama() }, model: "llama")
      try train(
        RankCountTests.text + [
          "model=run/model", "weights=pretrained", "method={name: lora, rank: 4, alpha: 6, rslora: true}",
          "training.steps=3",
        ], output: "lora", in: folder)
      let plain = try export("f32", in: folder)
      func written(_ words: [String], _ name: String) throws -> GGUFReader {
        let result = try Command.swiftdp(
          ["export", "--adapter", "lora/model", "--gguf", name] + words, in: folder)
        try #require(result.code == 0, "\(result.err)")
        return try GGUFReader(try folder.data(name))
      }
      let folded = try written(["--model", "run/model"], "folded.gguf")
      let file = try written([], "lora.gguf")
      #expect(file.texts["general.type"] == "adapter" && file.texts["adapter.type"] == "lora")
      #expect(file.texts["general.architecture"] == "llama" && file.numbers["adapter.lora.alpha"] == 6)
      // Seven projections in each of two layers.
      #expect(file.tensors.count == 28)
      var compared = 0
      for name in ["blk.1.attn_q.weight", "blk.0.attn_k.weight", "blk.1.ffn_down.weight"] {
        let a = try #require(file.tensors[name + ".lora_a"])
        let b = try #require(file.tensors[name + ".lora_b"])
        #expect(a.sizes[1] == 4 && b.sizes[0] == 4)
        let (x, y) = (try file.floats(name + ".lora_a"), try file.floats(name + ".lora_b"))
        let (inputs, outputs) = (a.sizes[0], b.sizes[1])
        let (want, base) = (try folded.floats(name), try plain.floats(name))
        #expect(want.count == inputs * outputs && want != base)
        for place in want.indices {
          let (output, input) = (place / inputs, place % inputs)
          let sum = (0..<4).reduce(Float(0)) { $0 + y[output * 4 + $1] * x[$1 * inputs + input] }
          guard abs(base[place] + 6 / 4 * sum - want[place]) <= 1e-5 else {
            Issue.record("\(name) \(place): \(base[place] + 1.5 * sum) and \(want[place])")
            break
          }
          compared += 1
        }
      }
      #expect(compared == 32 * 32 + 16 * 32 + 48 * 32)
      try FileManager.default.moveItem(atPath: folder.path + "/run", toPath: folder.path + "/moved")
      let lost = try Command.swiftdp(["export", "--adapter", "lora/model", "--gguf", "x.gguf"], in: folder)
      #expect(
        lost.code == 64 && lost.messages.first?.contains("--base says where that model is") == true,
        "\(lost.err)")
      _ = try written(["--base", "moved/model", "--type", "f16"], "moved.gguf")
      let dora = try Command.swiftdp(["export", "--gguf", "x.gguf"], in: folder)
      #expect(dora.code == 64 && dora.messages.first?.contains("either --model or --adapter") == true)
    }

    /// Other families, by the names that the gguf package has for their modules.
    @Test(arguments: ["gemma3", "phi3", "olmo2", "smollm3", "gptneox"])
    func familiesHaveTheNamesOfLlamaCPP(_ architecture: String) throws {
      let types = ["gemma3": "gemma3_text", "gptneox": "gpt_neox"]
      let type = types[architecture] ?? architecture
      let classes = [
        "gemma3": "Gemma3", "phi3": "Phi3", "olmo2": "Olmo2", "smollm3": "SmolLM3", "gptneox": "GPTNeoX",
      ]
      let folder = try folder(
        { folder in
          try folder.file(
            "other/config.json",
            """
            {"architectures": ["\(classes[architecture] ?? "")ForCausalLM"], "model_type": "\(type)", "vocab_size": 257,
             "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": \(architecture == "gptneox" ? 4 : 2), "head_dim": 8, "max_position_embeddings": 64,
             "sliding_window": \(architecture == "gemma3" ? "32" : "null"), "query_pre_attn_scalar": 8, "tie_word_embeddings": false, "pad_token_id": 0,
             "bos_token_id": null, "eos_token_id": 256, "torch_dtype": "float32"}
            """)
          try folder.file(
            "other/tokenizer.json", Project.contents("Sources/swiftdp/Shipped/base/tokenizer.json"))
        }, model: "other")
      let file = try export("f32", in: folder)
      #expect(file.texts["general.architecture"] == architecture)
      #expect(file.numbers["\(architecture).block_count"] == 2)
      let names = try names(architecture)
      #expect(names.count > 8)
      for (module, name) in names { #expect(file.tensors[name + ".weight"] != nil, "\(module) \(name)") }
      // Beside the modules of one layer: those of the other.
      let weights = file.tensors.keys.filter { $0.hasSuffix(".weight") }
      let layer = names.values.filter { $0.hasPrefix("blk.") }.count
      #expect(weights.count == names.count + layer, "\(weights.sorted())")
      guard architecture == "gptneox" else { return }
      // Row 0 of all keys is row 8 of the first head's query, key and value.
      let stored = try floats("gpt_neox.layers.1.attention.query_key_value.weight", folder)
      let mine = try file.floats("blk.1.attn_qkv.weight")
      #expect(mine[32 * 32..<33 * 32] == stored[8 * 32..<9 * 32] && mine != stored)
    }

    @Test func whatHasNoFormIsRefusedByName() throws {
      let folder = try folder({ try $0.makeLlama() }, model: "llama")
      try folder.makeBERT()
      try folder.file("there.gguf", "a file")
      let result = try Command.swiftdp(
        ["export", "--model", "bert", "--gguf", "there.gguf", "--type", "q9"], in: folder)
      #expect(result.code == 64)
      #expect(
        result.messages.contains {
          $0.hasPrefix("--type: \"q9\" is none of f32, f16, bf16, q8_0, q4_0, q4_k")
        }, "\(result.err)")
      #expect(result.messages.contains { $0.hasPrefix("--gguf: there.gguf exists already") })
      #expect(
        result.messages.contains { $0.hasPrefix("bert: models of type \"bert\" are not exported as GGUF") })
      #expect(try folder.text("there.gguf") == "a file")
    }
  }
}
