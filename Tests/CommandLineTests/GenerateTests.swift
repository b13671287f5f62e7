// swiftdp generate: where a text ends, and what cannot be continued.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct GenerateTests {
    private static let settings = [
      "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32", "training.steps=20",
      "training.batch_size=4", "optimizer.learning_rate=1.0e-2",
    ]

    /// A folder with a model of 257 tokens in `model`.
    private func trained() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try train(Self.settings, output: "run", in: folder)
      try folder.copy("run/model", to: "model")
      try folder.removeManifest(of: "model")
      return folder
    }

    private func continued(_ options: [String], in folder: Workspace) throws -> CommandResult {
      try Command.swiftdp(["generate", "--model", "model", "--prompt", "the"] + options, in: folder)
    }

    /// A tokenizer may know tokens that a model has no row for, such as an added padding token.
    @Test func tokensBeyondTheModelAreRefusedWhereverTheyComeFrom() throws {
      let folder = try trained()
      var tokenizer = try JSON.parse(folder.text("model/tokenizer.json")).members ?? []
      let place = try #require(tokenizer.firstIndex { $0.key.elementsEqual("added_tokens".utf8) })
      tokenizer[place].value = .array(
        (tokenizer[place].value.elements ?? []) + [
          .object([
            "id": .integer(257), "content": .string("<pad>"), "single_word": .bool(false),
            "lstrip": .bool(false), "rstrip": .bool(false), "normalized": .bool(false),
            "special": .bool(true),
          ])
        ])
      try folder.file("model/tokenizer.json", JSON.object(tokenizer).encoded())
      let text = try folder.text("text.txt")
      try folder.file("padded.txt", text + "<pad>" + text)
      let message =
        "model/tokenizer.json: gives the token 257, but the model knows tokens 0 to 256 "
        + "(is it the tokenizer of this model?)"
      for command in [
        ["generate", "--model", "model", "--prompt", "the<pad>"],
        ["evaluate", "--model", "model", "--data", "padded.txt"],
        ["train", "model=model", "data.train=padded.txt", "output=new", "data.sequence_length=32"],
        [
          "train", "model=model", "data.train=text.txt", "data.validation=padded.txt", "output=new",
          "data.sequence_length=32",
        ],
      ] {
        try expectMistake(command, 65, [message], in: folder)
      }
      #expect(try continued([], in: folder).code == 0)
    }

    @Test func logitsThatAreNotFiniteEndIt() throws {
      let folder = try trained()
      let whole = try folder.data("model/model.safetensors")
      for value in [Float.nan, .infinity] {
        var tensors = try Safetensors(whole)
        tensors.setFirst(of: "model.norm.weight", to: value)
        try folder.file("model/model.safetensors", tensors.file)
        for options in [[], ["--temperature", "1", "--top-p", "0.9"]] {
          let result = try continued(options, in: folder)
          #expect(result.code == 65)
          #expect(result.out == "the\n")
          #expect(
            result.messages == [
              "model: gives logits that are not finite (check it with swiftdp checkpoint verify model)"
            ])
          #expect(result.errorLines.count == 1)
        }
      }
    }

    @Test func generationConfigEndsTheText() throws {
      let folder = try trained()
      let options = ["--max-tokens", "40", "--temperature", "1", "--seed", "1"]
      let whole = try continued(options, in: folder)
      #expect(whole.code == 0)
      // Tokens are bytes: the text ends before the first of these.
      let text = whole.out.dropLast().dropFirst(3).utf8
      let letters = text.dropFirst(2).filter { $0 < 128 }
      let end = try #require(letters.last)
      let other = try #require(letters.first { $0 != end })
      for (ids, kept) in [
        ("\(end)", text.prefix { $0 != end }),
        ("[\(end), \(other)]", text.prefix { $0 != end && $0 != other }),
      ] {
        try folder.file("model/generation_config.json", #"{"eos_token_id": \#(ids)}"#)
        let ended = try continued(options, in: folder)
        #expect(ended.out == "the" + String(decoding: kept, as: UTF8.self) + "\n")
        #expect(kept.count < text.count)
      }
      try folder.file("model/generation_config.json", #"{"eos_token_id": "no"}"#)
      #expect(
        try continued([], in: folder).messages == [
          "model/generation_config.json: eos_token_id: is \"no\", where a whole number or a list of them is meant"
        ])
    }

    /// A model with as many tokens as there are numbers, which reads sequences of 64.
    @Test func theLongestTextIsTheModels() throws {
      let folder = try trained()
      let result = try continued(["--max-tokens", "\(Int.max)"], in: folder)
      #expect(result.code == 0)
      #expect(result.out.utf8.count <= 65)
    }
  }
}
