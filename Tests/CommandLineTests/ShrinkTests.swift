// swiftdp shrink: the influence of layers, and the model without those that change least.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct ShrinkTests {
    /// A model of three layers, of which the middle one adds nothing.
    @Test func theIdleLayerGoes() throws {
      let folder = try Workspace()
      try folder.makeGPT2(layers: 3, dropout: 0)
      try folder.makeText(characters: 2150)
      try train(
        RankCountTests.text + ["model=gpt2", "training.steps=2", "training.validate_every=0"], output: "run",
        in: folder)
      let path = "run/model/model.safetensors"
      var bytes = try folder.data(path)
      let file = try Safetensors(bytes)
      for name in ["attn.c_proj", "mlp.c_proj"] {
        for part in ["weight", "bias"] {
          let range = try #require(file.range(of: "transformer.h.1.\(name).\(part)"))
          // The range counts from the beginning of what the reader keeps.
          let start = range.lowerBound - file.data.startIndex + bytes.count - file.data.count
          bytes.replaceSubrange(start..<start + range.count, with: Data(count: range.count))
        }
      }
      try bytes.write(to: URL(fileURLWithPath: "\(folder.path)/\(path)"))
      try? folder.remove("run/model/manifest.json")
      let options = ["shrink", "--model", "run/model", "--data", "text.txt"]
      let measured = try Command.swiftdp(options + ["--json"], in: folder)
      #expect(measured.code == 0, "\(measured.err)")
      let influences = try #require(try JSON.parse(measured.out)["influences"]?.elements).compactMap(\.double)
      #expect(influences.count == 3 && abs(influences[1]) < 1e-6, "\(influences)")
      #expect(influences[0] > 1e-5 && influences[2] > 1e-5, "\(influences)")
      let shrunk = try Command.swiftdp(options + ["--drop-layers", "1", "--output", "small"], in: folder)
      #expect(shrunk.code == 0 && shrunk.out.contains("layer 1"), "\(shrunk.err)")
      // It says what it said with the layer.
      var losses: [Double] = []
      for model in ["run/model", "small"] {
        let result = try Command.swiftdp(
          ["evaluate", "--model", model, "--data", "text.txt", "--json"], in: folder)
        losses.append(try #require(try JSON.parse(result.out)["loss"]?.double, "\(result.err)"))
      }
      #expect(abs(losses[0] - losses[1]) <= 1e-6, "\(losses)")
      let wrong = try Command.swiftdp(options + ["--drop-layers", "3", "--output", "none"], in: folder)
      #expect(wrong.code == 64 && wrong.err.contains("the model has 3 layers"), "\(wrong.err)")
    }

    /// The corpus becomes as many tokens with the same losses, and other texts still become tokens.
    @Test(arguments: ["stories260K-hf"]) func tokensThatAreNotThereGo(_ name: String) throws {
      let folder = try Workspace()
      let model = "\(Project.root)/../shared/data/\(name)"
      guard FileManager.default.fileExists(atPath: model) else { return }
      try folder.file(
        "corpus.txt",
        String(
          repeating: "Once upon a time there was a little girl named Lily. She loved to play.\n", count: 20))
      let trimmed = try Command.swiftdp(
        [
          "shrink", "--model", model, "--data", "corpus.txt", "--trim-vocabulary", "--output", "small",
          "--json",
        ], in: folder)
      #expect(trimmed.code == 0, "\(trimmed.err)")
      let counts = try JSON.parse(trimmed.out)
      let (left, before) = (counts["tokens"]?.integer ?? 0, counts["tokens_before"]?.integer ?? 0)
      #expect(left > 0 && left < before && before == 512, "\(trimmed.out)")
      var results: [[Double]] = []
      for model in [model, "small"] {
        let result = try Command.swiftdp(
          ["evaluate", "--model", model, "--data", "corpus.txt", "--json"], in: folder)
        let json = try JSON.parse(result.out)
        results.append(try ["tokens", "loss"].map { try #require(json[$0]?.double, "\(result.err)") })
      }
      #expect(results[0][0] == results[1][0])
      // The softmax has fewer terms.
      #expect(results[1][1] <= results[0][1] + 1e-6 && results[1][1] > results[0][1] - 1, "\(results)")
      let other = try Command.swiftdp(
        ["generate", "--model", "small", "--prompt", "Xylophones 42!", "--max-tokens", "5"], in: folder)
      #expect(other.code == 0, "\(other.err)")
    }
  }
}
