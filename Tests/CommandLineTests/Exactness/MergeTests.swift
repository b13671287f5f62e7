// Adapters that are folded into their base: the same model as before, in a folder of its own.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct MergeTests {
    static let merge = ["merge", "--model", "base/model", "--adapter", "lora/model", "--output", "merged"]

    private func perplexity(_ model: [String], in folder: Workspace) throws -> Double {
      let result = try Command.swiftdp(["evaluate"] + model + ["--data", "text.txt"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      return try #require(result.out.split(separator: " ").last.flatMap { Double($0.dropLast()) })
    }

    @Test(arguments: [
      "", "modules_to_save: [lm_head, model.norm]", "modules_to_save: [embed_tokens], rslora: true",
      "dora: true", "init: pissa", "name: ia3",
      "name: ia3, target_modules: [q_proj, up_proj], modules_to_save: [lm_head]",
    ])
    func theFolderIsTheAdaptedModel(_ settings: String) throws {
      let folder = try MethodTests.folder()
      _ = try train(
        MethodTests.text + [
          "method={\(settings.hasPrefix("name") ? settings : "name: lora, rank: 3, " + settings)}"
        ], output: "lora", in: folder)
      let result = try Command.swiftdp(Self.merge + ["--json"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let numbers = try JSON.parse(result.out.trimmingCharacters(in: .whitespacesAndNewlines))
      let largest = try #require(numbers["largest_logit"]?.double)
      #expect(try #require(numbers["largest_difference"]?.double) <= 1e-5 * largest && largest > 0)
      #expect(numbers["compared_tokens"]?.integer == 128)
      let names = folder.names(in: "merged")
      let expected = ["config.json", "model.safetensors", "tokenizer.json", "manifest.json"]
      #expect(Set(expected).isSubset(of: names))
      // It is whole, and as good as before.
      let verified = try Command.swiftdp(["checkpoint", "verify", "merged"], in: folder)
      #expect(verified.code == 0, "\(verified.err)")
      let before = try perplexity(["--model", "base/model", "--adapter", "lora/model"], in: folder)
      let after = try perplexity(["--model", "merged"], in: folder)
      let base = try perplexity(["--model", "base/model"], in: folder)
      #expect(abs(after / before - 1) < 1e-4 && abs(before / base - 1) > 1e-3)
      // Tied tables that were trained apart stay apart.
      let tensors = try Safetensors(try folder.data("merged/model.safetensors"))
      let isParted = settings.contains("lm_head") || settings.contains("embed_tokens")
      #expect((tensors.index(of: "lm_head.weight") != nil) == isParted)
      let config = try JSON.parse(try folder.text("merged/config.json"))
      #expect(config["tie_word_embeddings"]?.bool == !isParted)
      try expectMistake(
        Self.merge, 64, ["merged: exists already (set --output to a new folder)"], in: folder)
    }

    /// Numbers that the type of the base cannot hold leave nothing.
    @Test func whatItsTypeCannotHoldIsRefused() throws {
      let folder = try MethodTests.folder()
      _ = try train(MethodTests.text + ["method=lora", "training.steps=2"], output: "lora", in: folder)
      var adapter = try Safetensors(try folder.data("lora/model/adapter_model.safetensors"))
      let b = "base_model.model.model.layers.0.mlp.down_proj.lora_B.weight"
      for (name, value) in [("inf", Float.infinity), ("nan", .nan)] {
        for element in 0..<8 { adapter.set(element, of: b, to: value) }
        _ = try folder.file("lora/model/adapter_model.safetensors", adapter.file)
        let result = try Command.swiftdp(Self.merge, in: folder)
        #expect(result.code == 65, "\(name)")
        #expect(result.messages.count == 1)
        #expect(result.err.contains("model.layers.0.mlp.down_proj.weight: has"))
        #expect(result.err.contains("after merging, which is beyond F32 (check what is merged)"))
        #expect(!folder.names(in: ".").contains { $0.hasPrefix("merged") })
      }
    }

    /// The merged weight is made of what is stored of the base, as PEFT merges into a base that is quantised.
    @Test(arguments: ["init: loftq", "init: pissa"]) func aQuantisedBase(_ settings: String) throws {
      let folder = try MethodTests.folder()
      _ = try train(
        MethodTests.text + ["method={name: lora, \(settings)}", "frozen_dtype=nf4"], output: "lora",
        in: folder)
      let result = try Command.swiftdp(Self.merge + ["frozen_dtype=nf4"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let adapted = ["--model", "base/model", "--adapter", "lora/model"]
      func perplexity(_ model: [String], _ settings: [String] = []) throws -> Double {
        let result = try Command.swiftdp(
          ["evaluate"] + model + ["--data", "text.txt"] + settings, in: folder)
        #expect(result.code == 0, "\(result.err)")
        return try #require(result.out.split(separator: " ").last.flatMap { Double($0.dropLast()) })
      }
      let stored = try perplexity(adapted, ["frozen_dtype=nf4"])
      let merged = try perplexity(["--model", "merged"])
      #expect(abs(merged / stored - 1) < 1e-4)
      #expect(abs(try perplexity(adapted) / stored - 1) > 1e-4)
      try expectMistake(
        Self.merge + ["frozen_dtyp=nf4"], 64,
        ["frozen_dtyp: is not a key of swiftdp merge (did you mean frozen_dtype?)"], in: folder)
      try expectMistake(
        Self.merge + ["frozen_dtype={name: nf4, embeddings: nf4}"], 64,
        ["frozen_dtype: has embeddings, which merge leaves as the base has them (leave them out)"], in: folder
      )
    }

    @Test func anotherBaseIsRefused() throws {
      let folder = try MethodTests.folder()
      _ = try train(MethodTests.text + ["method=lora", "training.steps=2"], output: "lora", in: folder)
      var other = try Safetensors(try folder.data("base/model/model.safetensors"))
      other.setFirst(of: "model.norm.weight", to: 3)
      _ = try folder.file("base/model/model.safetensors", other.file)
      try expectMistake(
        Self.merge, 65,
        [
          "lora/model: is an adapter for another base than base/model "
            + "(its adapter_config.json names the model that it was trained on)"
        ], in: folder)
    }
  }
}
