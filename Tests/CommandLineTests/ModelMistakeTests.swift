// Models and checkpoints that are broken: one line that says what is wrong, and nothing is touched.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct ModelMistakeTests {
    /// A folder with a model of the run `run`, in `run/model` and `run/checkpoints/step-000002`.
    private func trained() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try train(Self.settings + ["model=llama", "weights=random"], output: "run", in: folder)
      return folder
    }

    private static let settings = [
      "data.train=text.txt", "data.sequence_length=32", "training.steps=2", "training.batch_size=4",
    ]

    private func edit(_ file: String, in folder: Workspace, _ change: (inout Safetensors) -> Void) throws {
      var tensors = try Safetensors(try folder.data(file))
      change(&tensors)
      try folder.file(file, tensors.file)
    }

    @Test func brokenWeights() throws {
      let folder = try trained()
      let whole = try folder.data("run/model/model.safetensors")
      let size = whole.count
      let cases: [(inout Safetensors) -> Void] = [
        { $0.remove("model.layers.1.mlp.up_proj.weight") },
        { $0.add("extra.weight", floats: [1, 2, 3]) },
        { $0.reshape("model.layers.0.mlp.up_proj.weight", to: [32, 48]) },
        {
          $0.remove("model.layers.0.mlp.up_proj.weight")
          $0.remove("model.norm.weight")
          $0.reshape("model.layers.0.mlp.down_proj.weight", to: [1536])
        },
      ]
      let messages = [
        [
          "model: the tensor model.layers.1.mlp.up_proj.weight is missing (is config.json of the same model?)"
        ],
        [
          "model: the tensor extra.weight is of no use to a model of type llama (is config.json of the same model?)"
        ],
        [
          "model: model.layers.0.mlp.up_proj.weight: has the shape [32, 48], but config.json makes it [48, 32]"
        ],
        [
          "model: model.layers.0.mlp.down_proj.weight: has the shape [1536], but config.json makes it [32, 48]",
          "model: 2 tensors (model.norm.weight, model.layers.0.mlp.up_proj.weight) are missing "
            + "(is config.json of the same model?)",
        ],
      ]
      try folder.copy("run/model", to: "model")
      try folder.removeManifest(of: "model")
      for (change, lines) in zip(cases, messages) {
        try folder.file("model/model.safetensors", whole)
        try edit("model/model.safetensors", in: folder, change)
        try expectMistake(["train", "model=model", "output=new"] + Self.settings, 65, lines, in: folder)
        try expectMistake(["checkpoint", "verify", "model"], 65, lines, in: folder)
      }
      #expect(cases.count == 4 && messages.count == 4)

      let cuts = [
        (size - 100, "is cut short: the header promises \(size) bytes, the file has \(size - 100)"),
        (50, "is cut short: the header alone ends at byte"),
        (0, "is cut short: a safetensors file begins with"),
      ]
      for (length, beginning) in cuts {
        try folder.file("model/model.safetensors", whole.prefix(length))
        for command in [
          ["train", "model=model", "output=new"] + Self.settings,
          ["evaluate", "--model", "model", "--data", "text.txt"], ["checkpoint", "inspect", "model"],
        ] {
          for ranks in [nil, 3] {
            let result = try Command.swiftdp(command, ranks: ranks, in: folder)
            #expect(result.code == 65)
            #expect(result.messages.count == 1)
            #expect(result.messages.first?.hasPrefix("model/model.safetensors: \(beginning)") == true)
          }
        }
      }
      #expect(cuts.count == 3)
      #expect(!folder.exists("new"))
      try folder.remove("model/model.safetensors")
      try expectMistake(
        ["train", "model=model", "output=new"] + Self.settings, 65,
        [
          "model/model.safetensors: is missing, and with it 20 of the tensors in model.safetensors.index.json "
            + "(download or copy it too)"
        ], in: folder)
      try folder.remove("model/model.safetensors.index.json")
      try expectMistake(
        ["train", "model=model", "output=new"] + Self.settings, 65,
        ["model: holds neither model.safetensors nor model.safetensors.index.json"], in: folder)
    }

    @Test func brokenDescriptions() throws {
      let folder = try trained()
      let config = try folder.text("run/model/config.json")
      let cases: [(String, String)] = [
        ("{\"model_type\": \"llama\", ", "is not JSON: the text ends too early at byte 24"),
        (
          config.replacing("\"llama\"", with: "\"lama\""),
          "model_type: models of type \"lama\" are not supported (did you mean llama?)"
        ),
        (
          config.replacing("\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": \"two\""),
          "num_hidden_layers: is a string, where a whole number is meant"
        ),
        (
          config.replacing("\"num_key_value_heads\": 2", with: "\"num_key_value_heads\": 3"),
          "num_key_value_heads: is 3, which 4 heads do not share evenly"
        ),
      ]
      try folder.copy("run/model", to: "model")
      for (text, message) in cases {
        try folder.file("model/config.json", text)
        try expectMistake(
          ["train", "model=model", "output=new"] + Self.settings, 65, ["model/config.json: " + message],
          in: folder)
      }
      #expect(cases.count == 4)
      try folder.file(
        "model/config.json", config.replacing("\"vocab_size\": 257", with: "\"vocab_size\": 100"))
      try expectMistake(
        ["train", "model=model", "output=new"] + Self.settings, 65,
        [
          "model/tokenizer.json: gives the token 119, but the model knows tokens 0 to 99 "
            + "(is it the tokenizer of this model?)"
        ], in: folder)
      try folder.file("model/config.json", config)
      try folder.file("model/tokenizer.json", "{")
      try expectMistake(
        ["train", "model=model", "output=new"] + Self.settings, 65,
        ["model/tokenizer.json: is not JSON: the text ends too early at byte 1"], in: folder)
      try expectMistake(
        ["evaluate", "--model", "nowhere", "--data", "text.txt"], 64,
        ["there is no folder nowhere (a Hugging Face model that was downloaded)"],
        in: folder)
    }

    @Test func brokenCheckpoints() throws {
      let folder = try trained()
      let checkpoint = "run/checkpoints/step-000002"
      let good = try Command.swiftdp(["checkpoint", "verify", checkpoint], in: folder)
      #expect(good.code == 0)
      #expect(good.out == "\(checkpoint): whole, 71,232 numbers read, all finite\n")
      let inspected = try Command.swiftdp(
        ["checkpoint", "inspect", checkpoint, "--tensors"], ranks: 2, in: folder)
      #expect(inspected.code == 0)
      let lines = inspected.out.split(separator: "\n").map(String.init)
      #expect(lines.count { $0.hasPrefix("tensor") } == 20)
      #expect(lines.contains("step        2"))
      #expect(lines.contains("tensor      model.layers.0.self_attn.k_proj.weight [16, 32] F32"))

      try folder.removeManifest(of: checkpoint)
      let state = try #require(folder.names(in: checkpoint).first { $0 == "first_moment.safetensors" })
      let cases: [(String, (inout Safetensors) -> Void, Int32, [String])] = [
        (
          "model.safetensors", { $0.setFirst(of: "model.norm.weight", to: .nan) }, 65,
          ["\(checkpoint): model.norm.weight: 1 of 32 numbers are not finite"]
        ),
        (
          state, { $0.setFirst(of: "model.norm.weight", to: .infinity) }, 65,
          ["\(checkpoint): first_moment of model.norm.weight: 1 of 32 numbers are not finite"]
        ),
      ]
      for (file, change, code, messages) in cases {
        let whole = try folder.data("\(checkpoint)/\(file)")
        try edit("\(checkpoint)/\(file)", in: folder, change)
        try expectMistake(["checkpoint", "verify", checkpoint], code, messages, in: folder)
        try folder.file("\(checkpoint)/\(file)", whole)
      }
      #expect(cases.count == 2)

      // A resume needs the states: a state that is cut short or of another model stops the run, and nothing is lost.
      let whole = try folder.data("\(checkpoint)/\(state)")
      let more =
        ["train", "model=llama", "weights=random", "output=run"] + Self.settings
        + ["training.steps=4", "checkpoint.resume=\(checkpoint)"]
      try folder.file("\(checkpoint)/\(state)", whole.prefix(whole.count - 1))
      try expectMistake(
        more, 65,
        [
          "\(checkpoint)/\(state): is cut short: the header promises \(whole.count) bytes, "
            + "the file has \(whole.count - 1) (copy or download it again)"
        ], in: folder)
      try folder.file("\(checkpoint)/\(state)", whole)
      try edit("\(checkpoint)/\(state)", in: folder) { $0.remove("model.norm.weight") }
      try expectMistake(
        more, 65, ["\(checkpoint): has no first_moment of model.norm.weight (is it of another model?)"],
        in: folder)
      try folder.file("\(checkpoint)/\(state)", whole)
      try train(Array(more.dropFirst()), output: "run", ranks: 2, in: folder)
    }

    @Test func numbersThatAreNotFiniteStopARun() throws {
      let folder = try trained()
      try folder.copy("run/model", to: "model")
      try edit("model/model.safetensors", in: folder) { $0.setFirst(of: "model.norm.weight", to: .nan) }
      for ranks in [nil, 3] {
        let result = try Command.swiftdp(
          ["train", "model=model", "output=new"] + Self.settings, ranks: ranks, in: folder)
        #expect(result.code == 65)
        #expect(result.messages.count == 1)
        let message = try #require(result.messages.first)
        #expect(
          message.hasPrefix(
            "new: the loss of step 1 is not finite, in all of its 4 sequences: text.txt:"), "\(message)")
        #expect(
          message.hasSuffix(
            " (check the model with swiftdp checkpoint verify model, or lower the learning rate)"),
          "\(message)")
        #expect(RunOutput(folder: folder, name: "new").checkpoints == [])
        #expect(!folder.exists("new/model"))
      }
    }
  }
}
