// A head that config.json ties to the embedding: one that differs stays separate, as in transformers; one that is
// stored without the embedding serves as both.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct TiedHeadTests {
    private static let settings = [
      "data.train=text.txt", "data.sequence_length=32", "training.steps=2", "training.batch_size=4",
    ]
    private static let note =
      "note: model: lm_head.weight differs from model.embed_tokens.weight, though config.json ties them "
      + "(tie_word_embeddings): they stay apart, as in transformers"

    private func setTied(_ value: Bool, _ model: String, in folder: Workspace) throws {
      let text = try folder.text(model + "/config.json")
      let changed = text.replacing(
        "\"tie_word_embeddings\": \(!value)", with: "\"tie_word_embeddings\": \(value)")
      #expect(changed != text)
      try folder.file(model + "/config.json", changed)
    }

    private func evaluated(_ model: String, in folder: Workspace) throws -> CommandResult {
      let result = try Command.swiftdp(
        ["evaluate", "--model", model, "--data", "text.txt"], ranks: 2, in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(Evaluated(result.out) != nil)
      return result
    }

    @Test func aHeadThatDiffersStaysApart() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try setTied(false, "llama", in: folder)
      try train(Self.settings + ["model=llama", "weights=random"], output: "run", in: folder)
      try folder.copy("run/model", to: "model")
      try folder.removeManifest(of: "model")
      try setTied(true, "model", in: folder)

      let own = try evaluated("run/model", in: folder)
      let tied = try evaluated("model", in: folder)
      #expect(own.messages == [] && tied.messages == [Self.note])
      #expect(tied.out == own.out)

      // It stays separate, and says so in its own config.json.
      let first = try train(Self.settings + ["model=run/model"], output: "first", in: folder)
      let second = try train(Self.settings + ["model=model"], output: "second", ranks: 2, in: folder)
      #expect(try second.results() == first.results())
      #expect(try second.hash() == first.hash())
      try train(Self.settings + ["model=model", "training.steps=3"], output: "second", in: folder)
      let config = try JSON.parse(folder.text("second/model/config.json"))
      #expect(config["tie_word_embeddings"]?.bool == false)
      let told = try Command.swiftdp(
        ["train"] + Self.settings + ["model=model", "output=told"], ranks: 2, in: folder)
      #expect(told.out.components(separatedBy: Self.note + "\n").count == 2, "\(told.out)")
      let generated = try Command.swiftdp(["generate", "--model", "model", "--prompt", "the"], in: folder)
      #expect(generated.code == 0 && generated.messages == [Self.note])
      let inspected = try Command.swiftdp(["checkpoint", "inspect", "model"], in: folder)
      #expect(inspected.out.contains("note        model: lm_head.weight differs from "), "\(inspected.out)")
    }

    @Test func aHeadThatIsTheEmbeddingMayStandForIt() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try train(Self.settings + ["model=llama", "weights=random"], output: "run", in: folder)
      try folder.copy("run/model", to: "model")
      try folder.removeManifest(of: "model")
      let expected = try evaluated("run/model", in: folder)
      let (embedding, head) = ("model.embed_tokens.weight", "lm_head.weight")

      var both = try Safetensors(try folder.data("model/model.safetensors"))
      let range = try #require(both.range(of: embedding))
      let floats = Data(both.data[range]).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      both.add(head, floats: floats)
      both.reshape(head, to: [257, 32])
      var alone = both
      alone.remove(embedding)
      for tensors in [both, alone] {
        try folder.file("model/model.safetensors", tensors.file)
        let result = try evaluated("model", in: folder)
        #expect(result.messages == [] && result.out == expected.out)
      }
      // The written file has the usual name.
      try train(Self.settings + ["model=model"], output: "second", in: folder)
      let written = try Safetensors(try folder.data("second/model/model.safetensors"))
      #expect(written.index(of: embedding) != nil && written.index(of: head) == nil)
    }
  }
}
