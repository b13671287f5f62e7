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
