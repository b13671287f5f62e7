// Runs of method adapters: the folder that they leave, the commands that read it, and what makes no sense.
import Base
import Testing

extension ResultTests {
  @Suite struct BottleneckTests {
    private static let adapters = MethodTests.text + ["method=adapters", "training.steps=4"]

    private func evaluate(_ arguments: [String], in folder: Workspace) throws -> String {
      let result = try Command.swiftdp(
        ["evaluate", "--model", "base/model", "--data", "text.txt"] + arguments, in: folder)
      #expect(result.code == 0, "\(result.err)")
      return result.out
    }

    private static func names(_ file: Safetensors) -> [String] {
      file.header.map { String(decoding: $0.key, as: UTF8.self) }.filter { $0 != "__metadata__" }
    }

    /// The files and keys are those of a folder that `adapters` has read; see make_bottleneck_fixtures.py.
    @Test func whatIsLeft() throws {
      let folder = try MethodTests.folder()
      let run = try train(Self.adapters, output: "run", in: folder)
      let files = folder.names(in: "run/model")
      #expect(files.contains("adapter.safetensors") && !files.contains("model_head.safetensors"))
      #expect(!files.contains("head_config.json") && !files.contains("config.json"))
      let config = try JSON.parse(try run.text("model/adapter_config.json"))
      let fixtures = Project.root + "/Tests/Fixtures/bottlenecks/"
      let known = try OpenFile.json(fixtures + "swiftdp-llama/adapter_config.json")
      func keys(_ json: JSON?) -> [[UInt8]] { (json?.members ?? []).map(\.key) }
      #expect(keys(config) == keys(known) && keys(config["config"]) == keys(known["config"]))
      let theirs = try OpenFile.json(fixtures + "llama-pfeiffer/adapter_config.json")
      for member in config["config"]?.members ?? [] {
        let key = String(decoding: member.key, as: UTF8.self)
        let (own, their) = (member.value, theirs["config"]?[key])
        #expect(own == their || own.double != nil && own.double == their?.double, "\(key)")
      }
      #expect(config["model_type"]?.text == "llama" && config["hidden_size"]?.integer == 32)
      let names = Self.names(try Safetensors(try folder.data("run/model/adapter.safetensors")))
      #expect(names.contains("model.layers.1.output_adapters.adapters.default.adapter_down.0.weight"))
      #expect(names.count == 8)

      #expect(try evaluate([], in: folder) != evaluate(["--adapter", "run/model"], in: folder))
      let generated = try Command.swiftdp(
        [
          "generate", "--model", "base/model", "--adapter", "run/model", "--prompt", "the cat",
          "--max-tokens", "3",
        ], in: folder)
      #expect(generated.code == 0, "\(generated.err)")
      // It goes on from an adapter: the first loss is that of the adapted model.
      let next = try train(
        MethodTests.text + ["adapter=run/model", "training.steps=2", "optimizer.learning_rate=1.0e-9"],
        output: "next", in: folder)
      let end = try #require(try run.numbers("validation_loss").last)
      let start = try #require(try next.numbers("validation_loss").last)
      #expect(abs(start / end - 1) < 1e-5)
      try expectMistake(
        ["merge", "--model", "base/model", "--adapter", "run/model", "--output", "merged"], 64,
        [
          "run/model: is an adapter of the method adapters, which no weights of a base can hold "
            + "(give it to generate, evaluate and predict with --adapter)"
        ], in: folder)
    }

    /// A head for labels lies in a file of its own, and the names of labels beside it.
    @Test func whatATaskLeaves() throws {
      let folder = try MethodTests.folder()
      let rows = (0..<40).map { "the cat \($0)\t\(["bad", "good", "fair"][$0 % 3])" }
      try folder.file("labels.tsv", rows.joined(separator: "\n") + "\n")
      let run = try train(
        [
          "model=base/model", "task=classification", "data.train=labels.tsv",
          "data.columns={text: 0, label: 1}", "training.steps=3", "data.sequence_length=32",
          "method={name: adapters, config: houlsby}",
        ], output: "run", in: folder)
      let head = try Safetensors(try folder.data("run/model/model_head.safetensors"))
      #expect(Self.names(head) == ["score.weight"])
      let config = try JSON.parse(try run.text("model/head_config.json"))
      #expect(config["model_class"]?.text == "LlamaForSequenceClassification")
      #expect(config["num_labels"]?.integer == 3 && config["label2id"]?["good"]?.integer == 2)
      let predicted = try Command.swiftdp(
        [
          "predict", "--model", "base/model", "--adapter", "run/model", "--data", "labels.tsv", "--output",
          "out.jsonl", "data.columns={text: 0, label: 1}",
        ], in: folder)
      #expect(predicted.code == 0, "\(predicted.err)")
    }

    @Test func whatMakesNoSenseIsRefused() throws {
      let folder = try MethodTests.folder()
      func expect(_ settings: String, _ lines: String...) throws {
        try expectMistake(
          ["train"] + MethodTests.text + ["method={name: adapters, \(settings)}"], 64, lines, in: folder)
      }
      try expect(
        "config: pfeifer", #"method.config: is "pfeifer", which is not supported (did you mean pfeiffer?)"#)
      try expect(
        "config: prefix_tuning_flat",
        #"method.config: is "prefix_tuning_flat", which is not supported "#
          + "(there are pfeiffer, seq_bn, houlsby, double_seq_bn, parallel, par_bn)")
      try expect("reduction_factor: 0", "method.reduction_factor: is 0, but must be a number above 0")
      try expect(
        "reduction_factor: 33", "method.reduction_factor: is 33, and the layers are 32 numbers wide")
      try expect(
        "reduction_factor: {1: 4}",
        "method.reduction_factor: has no number for layer 0 (give a default beside the layers)")
      try expect(
        "non_linearity: mish",
        #"method.non_linearity: is "mish", which is not built in "#
          + "(there are relu, gelu, gelu_new, silu (swish) and tanh)")
      try expect("leave_out: [0, 2]", "method.leave_out: has 2, and the model has 2 layers")
      try expect(
        "output_adapter: false",
        "method: leaves no bottleneck in this model (set output_adapter: true)")
      try expect(
        "original_ln_after: false",
        "method.original_ln_after: is false, and nothing of what a layer reads is left "
          + "(set original_ln_before: true and residual_before_ln: false)")
      try expect(
        "reduction_facto: 3, scaling: learned",
        #"method.scaling: is "learned", and numbers are supported"#,
        "method.reduction_facto: is not a key of swiftdp (did you mean method.reduction_factor?)")
    }

    /// Folders that were made otherwise, or for another base.
    @Test func foldersThatDoNotFit() throws {
      let folder = try MethodTests.folder()
      let run = try train(Self.adapters, output: "run", in: folder)
      let config = try run.text("model/adapter_config.json")
      let arguments = ["evaluate", "--model", "base/model", "--adapter", "run/model", "--data", "text.txt"]
      func expect(_ old: String, _ new: String, _ lines: [String]) throws {
        #expect(config.contains(old))
        try folder.file("run/model/adapter_config.json", config.replacing(old, with: new))
        try expectMistake(arguments, 65, lines, in: folder)
      }
      let file = "run/model/adapter_config.json: config"
      try expect(
        #""ln_before": false"#, #""ln_before": true"#, ["\(file).ln_before: is true, which is not supported"])
      try expect(
        #""inv_adapter": null"#, #""inv_adapter": "nice""#,
        ["\(file).inv_adapter: is \"nice\", which is not supported"])
      let mistakes = [1, 0].flatMap { layer in
        [
          ("up.weight", "[32, 2]", "[32, 4]"), ("down.0.bias", "[2]", "[4]"),
          ("down.0.weight", "[2, 32]", "[4, 32]"),
        ].map { name, found, wanted in
          "run/model: model.layers.\(layer).output_adapters.adapters.default.adapter_\(name): has the shape "
            + "\(found), but the base makes it \(wanted) (is it of this base?)"
        }
      }
      try expect(#""reduction_factor": 16"#, #""reduction_factor": 8"#, mistakes)
      try folder.file("run/model/adapter_config.json", config)
      try folder.file("run/model/pytorch_adapter.bin", "")
      for name in ["adapter.safetensors", "adapter.safetensors.index.json"] {
        try folder.remove("run/model/" + name)
      }
      try expectMistake(
        arguments, 65,
        [
          "run/model: holds neither adapter.safetensors nor adapter.safetensors.index.json (load its "
            + "pytorch_adapter.bin in adapters; save_adapter writes safetensors with use_safetensors=True)"
        ], in: folder)
    }
  }
}
