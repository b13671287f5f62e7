// Methods of fine-tuning: the same bits at every rank count, ZeRO stage and storage, stopped and gone on with; what
// they leave; what makes no sense.
import Base
import Testing

extension ResultTests {
  @Suite struct MethodTests {
    /// Every method but full fine-tuning, which all other tests run.
    static let methods = [
      "method=lora", "method={name: lora, rank: 3, dropout: 0.2, targets: [q_proj, down_proj], rslora: true}",
      "method={name: last_layers, layers: 1}",
      "method={name: lora, rank: 2, targets: [v_proj], modules_to_save: [lm_head]}",
      "method={name: lora, rank: 3, dora: true, dropout: 0.1, lora_plus_ratio: 4}",
      "method={name: lora, rank: 2, init: pissa, dora: true}", "method=layernorm", "method=ia3",
      "method={freeze: [embed_tokens, layers.0, '*layernorm']}",
      "method={name: lora, fa: true, layers: 1, rank_pattern: {q_proj: 2}, alpha_pattern: {'.*_proj': 9}}",
      "method=adapters", "method={name: adapters, config: parallel, mh_adapter: true, dropout: 0.1}",
      "method={name: prompt_tuning, num_virtual_tokens: 6, prompt_tuning_init: TEXT, "
        + "prompt_tuning_init_text: the cat}",
      "method={name: prefix_tuning, num_virtual_tokens: 5}",
      "method={name: prefix_tuning, num_virtual_tokens: 5, prefix_projection: true}",
      "method={name: adalora, init_r: 4, target_r: 2, tinit: 2, tfinal: 1, deltaT: 2, dropout: 0.1}",
      "method={name: p_tuning, num_virtual_tokens: 4, encoder_reparameterization_type: LSTM, encoder_dropout: 0.1}",
    ]
    static let text = [
      "model=base/model", "data.train=text.txt", "data.sequence_length=32", "training.batch_size=8",
      "training.micro_batch_size=1", "training.validate_every=4", "optimizer.learning_rate=1.0e-2",
      "parallel.threads=1", "training.steps=8", "checkpoint.every=4",
    ]

    /// A folder with a model that has weights, as methods start from one.
    static func folder() throws -> Workspace {
      let folder = try Workspace()
      for (name, data) in try begun.get() where !name.hasSuffix("/") { try folder.file(name, data) }
      return folder
    }

    /// The files of such a folder, made once for all tests.
    private static let begun = Result {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      _ = try train(
        [
          "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
          "training.steps=4",
        ],
        output: "base", in: folder)
      return folder.snapshot()
    }

    @Test(arguments: methods) func everyArrangementGivesTheSameBits(_ method: String) throws {
      let folder = try Self.folder()
      let one = try train(Self.text + [method], output: "one", in: folder)
      let losses = try one.numbers("loss")
      #expect(losses.count == 8 && losses.allSatisfy(\.isFinite))
      #expect(try #require(losses.last) < losses[0])
      var compared = 0
      // One method goes through all of them; what the others differ in does not know of ranks.
      let arrangements =
        method == Self.methods[0]
        ? [(1, 1), (2, 0), (2, 3), (3, 2), (4, 1), (8, 1)] : [(2, 0), (3, 2), (4, 3)]
      for (ranks, zero) in arrangements {
        let run = try train(
          Self.text + [method, "parallel.zero=\(zero)"], output: "run\(compared)", ranks: ranks, in: folder)
        #expect(try run.results() == one.results(), "\(ranks) ranks, stage \(zero)")
        #expect(try run.hash() == one.hash(), "\(ranks) ranks, stage \(zero)")
        #expect(try run.tensors("model") == one.tensors("model"), "\(ranks) ranks, stage \(zero)")
        compared += 1
      }
      #expect(compared == arrangements.count && compared >= 3)
      // What several ranks left in the middle goes on alone.
      let last = "run\(compared - 1)"
      let verified = try Command.swiftdp(
        ["checkpoint", "verify", last + "/checkpoints/step-000004"], in: folder)
      #expect(verified.code == 0, "\(verified.err)")
      try folder.remove(last + "/checkpoints/step-000008")
      try folder.remove(last + "/model")
      let run = try train(Self.text + [method], output: last, in: folder)
      #expect(try run.hash() == one.hash())
      #expect(try run.tensors("model") == one.tensors("model"))
    }

    @Test(arguments: [
      "bfloat16", "int8", "nf4", "{name: nf4, double_quantization: true}", "{name: int8, embeddings: nf4}",
    ])
    func everyStorageGivesTheSameBits(_ storage: String) throws {
      try check(storage, "lora")
    }

    @Test(arguments: [("int8", "adapters"), ("nf4", "adapters"), ("int8", "adalora"), ("nf4", "adalora")])
    func othersOnQuantisedBases(_ storage: String, _ method: String) throws {
      try check(storage, method)
    }

    private func check(_ storage: String, _ method: String) throws {
      let folder = try Self.folder()
      let settings = Self.text + ["method=\(method)", "frozen_dtype=\(storage)"]
      let one = try train(settings, output: "one", in: folder)
      for ranks in [2, 3] {
        let run = try train(settings, output: "run\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks")
      }
      let half = try train(settings + ["model_dtype=bfloat16"], output: "half", in: folder)
      let halves = try train(settings + ["model_dtype=bfloat16"], output: "halves", ranks: 2, in: folder)
      #expect(try half.hash() == halves.hash())
    }

    /// Groups of the optimizer at several rank counts and stages, and what a run that goes on must agree with.
    @Test(arguments: ["adamw", "adamw8bit", "lion", "sgd", "adafactor"])
    func groups(_ optimizer: String) throws {
      let folder = try Self.folder()
      let rates = "groups: [{match: [layers.0], learning_rate: 1.0e-3}, {match: [norm], weight_decay: 0.5}]"
      let settings = Self.text + ["optimizer={name: \(optimizer), learning_rate: 1.0e-2, \(rates)}"]
      let one = try train(settings, output: "one", in: folder)
      let plain = try train(
        Self.text + ["optimizer={name: \(optimizer), learning_rate: 1.0e-2}"], output: "plain", in: folder)
      #expect(try plain.hash() != one.hash())
      let run = try train(settings + ["parallel.zero=3"], output: "run", ranks: 3, in: folder)
      #expect(try run.hash() == one.hash())
      try folder.remove("run/checkpoints/step-000008")
      #expect(try train(settings, output: "run", in: folder).hash() == one.hash())
      let groups = try JSON.parse(try one.text("checkpoints/step-000004/training_state.json"))
      #expect(groups["conditions"]?["optimizer.groups"]?.elements?.count == 2)
      let other = try Command.swiftdp(
        ["train"] + Self.text + ["output=run", "optimizer={name: \(optimizer), learning_rate: 1.0e-2}"],
        in: folder)
      #expect(other.code == 64 && other.err.contains("optimizer.groups is unset now and was"), "\(other.err)")
    }

    /// What is frozen and where A and B begin follow from the base, so a run that goes on gets the same.
    @Test(arguments: [("pissa", "nf4"), ("loftq", "int8")])
    func quantisedStarts(_ start: String, _ storage: String) throws {
      let folder = try Self.folder()
      let settings =
        Self.text + ["method={name: lora, rank: 3, init: \(start)}", "frozen_dtype=\(storage)"]
      let one = try train(settings, output: "one", in: folder)
      for ranks in [2, 4] {
        let run = try train(settings, output: "run\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks")
      }
      try folder.remove("run2/checkpoints/step-000008")
      let again = try train(settings, output: "run2", in: folder)
      #expect(try again.hash() == one.hash())
    }

    /// A base in bfloat16 is read where it lies: the same bits at every rank count, and the losses of a copy in fp32.
    @Test func aBaseInHalvesIsMapped() throws {
      let folder = try Self.folder()
      _ = try train(
        [
          "model=base/model", "data.train=text.txt", "data.sequence_length=32", "training.steps=1",
          "checkpoint.model_dtype=bfloat16", "optimizer.learning_rate=0",
        ], output: "half", in: folder)
      for type in ["float32", "bfloat16"] {
        let settings =
          Self.text + [
            "model=half/model", "method={name: lora, dora: true}", "frozen_dtype=bfloat16",
            "model_dtype=\(type)",
          ]
        let one = try train(settings, output: "one-\(type)", in: folder)
        for ranks in [2, 3] {
          let run = try train(settings, output: "run-\(type)-\(ranks)", ranks: ranks, in: folder)
          #expect(try run.hash() == one.hash(), "\(type), \(ranks) ranks")
        }
        let wide = try train(
          settings + ["frozen_dtype=float32"], output: "wide-\(type)", in: folder)
        let (losses, others) = (try one.numbers("loss"), try wide.numbers("loss"))
        #expect(losses.count == 8 && zip(losses, others).allSatisfy { abs($0 / $1 - 1) < 1e-4 })
      }
    }

    @Test func verifyComparesWhatIsTrained() throws {
      let folder = try Self.folder()
      let result = try Command.swiftdp(
        ["verify"] + Self.text + ["method=lora", "frozen_dtype=int8", "output=verify"], ranks: 2, in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(!result.out.contains(" NO"))
    }

    /// A checkpoint holds what is trained, and its states; the run's model is an adapter, or whole.
    @Test func whatIsLeft() throws {
      let folder = try Self.folder()
      let lora = try train(
        Self.text + ["method={name: lora, modules_to_save: [model.norm]}"], output: "lora", in: folder)
      #expect(folder.names(in: "lora/model").contains("adapter_model.safetensors"))
      #expect(!folder.names(in: "lora/model").contains("config.json"))
      let config = try JSON.parse(try lora.text("model/adapter_config.json"))
      #expect(config["peft_type"]?.text == "LORA" && config["r"]?.integer == 8)
      #expect(config["base_model_name_or_path"]?.text == "base/model")
      let base = try Command.swiftdp(["evaluate", "--model", "base/model", "--data", "text.txt"], in: folder)
      let adapted = try Command.swiftdp(
        ["evaluate", "--model", "base/model", "--adapter", "lora/model", "--data", "text.txt"], in: folder)
      #expect(base.code == 0 && adapted.code == 0, "\(adapted.err)")
      #expect(base.out != adapted.out)
      // It goes on from an adapter: the first loss is that of the adapted model.
      let next = try train(
        Self.text + ["adapter=lora/model", "training.steps=2", "optimizer.learning_rate=1.0e-9"],
        output: "next", in: folder)
      let end = try #require(try lora.numbers("validation_loss").last)
      let start = try #require(try next.numbers("validation_loss").last)
      #expect(abs(start / end - 1) < 1e-5)

      let last = try train(Self.text + ["method={name: last_layers, layers: 1}"], output: "last", in: folder)
      let generated = try Command.swiftdp(
        ["generate", "--model", "last/model", "--prompt", "the cat", "--max-tokens", "3"], in: folder)
      #expect(generated.code == 0, "\(generated.err)")
      let whole = try folder.data("base/model/model.safetensors").count
      #expect(try folder.data("last/checkpoints/step-000008/model.safetensors").count < whole * 2 / 3)
      #expect(abs(try last.tensors("model")["model.safetensors"]!.count - whole) < 1000)
    }

    @Test func whatMakesNoSenseIsRefused() throws {
      let folder = try Self.folder()
      let text = Self.text
      func expect(_ settings: [String], _ code: Int32, _ line: String) throws {
        try expectMistake(["train"] + text + settings, code, [line], in: folder)
      }
      try expect(
        ["method=lroa"], 64, #"method: is "lroa", which is no method of swiftdp (did you mean lora?)"#)
      try expect(
        ["method={name: lora, targets: [q_prj]}"], 64,
        #"method.targets: "q_prj" is no module of this model (did you mean q_proj?)"#)
      try expect(
        ["frozen_dtype=nf4"], 64,
        "frozen_dtype: is given, but method full freezes nothing (set method=lora)")
      try expect(
        ["frozen_dtype={embeddings: int8}"], 64,
        "frozen_dtype: is given, but method full freezes nothing (set method=lora)")
      try expect(
        ["method=lora", "frozen_dtype={name: nf4, embeddings: int4}"], 64,
        "frozen_dtype.embeddings: is \"int4\", but must be one of same, float32, bfloat16, int8, nf4 "
          + "(did you mean int8?)")
      // The head, which stays frozen where only the embeddings are trained, can be stored so.
      try expect(
        ["method={name: lora, modules_to_save: [embed_tokens, lm_head]}", "frozen_dtype={embeddings: int8}"],
        64,
        "frozen_dtype.embeddings: is given, but the run trains the embeddings (leave it out)")
      try expect(
        ["method={name: last_layers, layers: 3}"], 64,
        "method.layers: is 3, and the model has 2 layers (method: full trains all of them)")
      try expect(
        ["method={name: last_layers, layers: 0}"], 64,
        "method.layers: is 0, and the head of this model is its input embedding (set method.layers=1 or more)"
      )
      try expect(
        ["method=bitfit"], 64,
        "method: is bitfit, and this model has no biases (method: layernorm trains its norms)")
      try expect(
        ["method={name: full, freeze: [embed_tokns]}"], 64,
        #"method.freeze: "embed_tokns" is no module of this model (did you mean embed_tokens?)"#)
      try expect(["method={name: full, freeze: ['*']}"], 64, "method.freeze: leaves nothing to train")
      try expect(
        ["method={name: full, freeze: [norm], train: [norm]}"], 64,
        "method.train: is given beside freeze (leave one of them out)")
      try expect(
        ["optimizer.groups={match: [layrs], weight_decay: 0}"], 64,
        #"optimizer.groups[0].match: "layrs" is no module of this model (did you mean layers?)"#)
      try expect(
        ["method=layernorm", "optimizer.groups={match: [q_proj], weight_decay: 0}"], 64,
        #"optimizer.groups[0].match: "q_proj" is no module of this model (there are "#
          + "input_layernorm, layers, model, norm, post_attention_layernorm, weight)")
      try expect(
        ["method={name: lora, rank_pattern: {q_prj: 2}}"], 64,
        #"method.rank_pattern: "q_prj" means no target (did you mean q_proj?)"#)
      try expect(
        ["method={name: lora, layers: [1, 2]}"], 64,
        "method.layers: has 2, which is no layer of a target (there are 0, 1)")
      try expect(
        ["method={name: lora, init: loftq}"], 64,
        "method: has init loftq, but frozen_dtype quantises nothing, and there is no error to decompose "
          + "(set frozen_dtype=int8 or nf4)")
      try expect(
        ["method={name: lora, init: pissa, rank: 40}"], 64,
        "method.rank: is 40, and model.layers.0.self_attn.q_proj.weight has 32 singular values")
      try expect(
        ["method={name: adalora, target_r: 9, init_r: 8}"], 64,
        "method.target_r: is 9, and init_r, from which ranks are taken, is 8")
      try expect(
        ["method={name: adalora, tinit: 5, tfinal: 3}"], 64,
        "method.tinit: is 5, which with tfinal 3 leaves none of 8 steps to allocate ranks in "
          + "(set tinit + tfinal below 8)")
      try expect(
        ["method={name: adalora, total_step: 80}"], 64,
        "method.total_step: is 80, and the run has 8 steps (leave it out)")
      _ = try train(Self.text + ["method=lora", "training.steps=2"], output: "lora", in: folder)
      _ = try train(
        [
          "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
          "training.steps=4", "training.seed=7",
        ], output: "other", in: folder)
      try expectMistake(
        ["evaluate", "--model", "other/model", "--adapter", "lora/model", "--data", "text.txt"], 65,
        [
          "lora/model: is an adapter for another base than other/model "
            + "(its adapter_config.json names the model that it was trained on)"
        ], in: folder)
    }
  }
}
