// Preference tuning and reward models: the same bits in every arrangement, the loss of a policy that is its own reference,
// scores, measurements beside a reference, and mistakes.
import Base
import Foundation
import Testing

/// A task on pairs of answers.
struct PreferenceCase: Sendable, CustomTestStringConvertible {
  let task: String
  var settings: [String] = []
  /// The loss of the first step; nil where it is not known.
  var firstLoss: Double?

  var testDescription: String { ([task] + settings).joined(separator: " ") }

  static let all = [
    PreferenceCase(task: "{name: preference, beta: 0.5}", firstLoss: 0.693147180559945),
    PreferenceCase(
      task: "{name: preference, precompute_reference: false}", firstLoss: 0.693147180559945),
    PreferenceCase(
      task: "{name: preference, precompute_reference: false, sft_weight: 0.5}",
      settings: ["method={name: lora, rank: 4}"]),
    PreferenceCase(
      task: "{name: preference, loss: ipo, reference: ema, ref_model_sync_steps: 2}", firstLoss: 25),
    PreferenceCase(task: "{name: preference, loss: kto, desirable_weight: 1.5}"),
    PreferenceCase(
      task: "{name: preference, loss: kto, precompute_reference: false}",
      settings: ["method={name: lora, rank: 4}"],
      firstLoss: 0.5),
    PreferenceCase(task: "{name: preference, loss: orpo}"),
    PreferenceCase(task: "{name: reward, center_rewards_coefficient: 0.01}"),
  ]

  static func makePairs(_ name: String = "pairs.jsonl", count: Int = 40, in folder: Workspace) throws {
    let words = ["cat", "ship", "rain", "men", "old", "sang"]
    let rows = (0..<count).map { row in
      let prompt = "\(words[row % 6]) \(words[row * row % 5])"
      return
        #"{"prompt": "\#(prompt)?", "chosen": " yes\#(String(repeating: "!", count: row % 4))", "rejected": " no \#(words[row % 6])", "margin": \#(Double(row % 3) / 2)}"#
    }
    try folder.file(name, rows.joined(separator: "\n") + "\n")
  }

  func settings(in folder: Workspace) throws -> [String] {
    try Self.makePairs(in: folder)
    return [
      "model=llama", "weights=random", "task=\(task)", "data.train=pairs.jsonl", "data.validation=0.2",
      "data.sequence_length=40", "training.batch_size=8", "training.micro_batch_size=2",
      "optimizer.learning_rate=3.0e-3", "parallel.threads=1",
    ] + settings
  }
}

extension ResultTests {
  @Suite struct PreferenceTests {
    @Test(arguments: PreferenceCase.all) func everyArrangementGivesTheSameBits(_ test: PreferenceCase) throws
    {
      let folder = try Workspace()
      try folder.makeLlama()
      let settings =
        try test.settings(in: folder) + [
          "training.steps=5", "training.validate_every=2", "checkpoint.every=3",
        ]
      let one = try train(settings, output: "one", in: folder)
      if let loss = test.firstLoss {
        let first = try #require(try one.numbers("loss").first)
        #expect(abs(first / loss - 1) <= 1e-5, "\(first)")
      }
      var compared = 0
      for (ranks, zero) in [(2, 0), (3, 2), (4, 3)] {
        let run = try train(
          settings + ["parallel.zero=\(zero)"], output: "run\(ranks)", ranks: ranks, in: folder)
        #expect(try run.hash() == one.hash(), "\(ranks) ranks, stage \(zero)")
        #expect(try run.results() == one.results(), "\(ranks) ranks, stage \(zero)")
        compared += 1
      }
      #expect(compared == 3)
      try folder.remove("run2/checkpoints/step-000005")
      try folder.remove("run2/model")
      let resumed = try train(settings, output: "run2", ranks: 3, in: folder)
      #expect(try resumed.hash() == one.hash())
      #expect(try resumed.results() == one.results())
    }

    /// Numbers that logs show, by TRL's names, and a margin that rises.
    @Test func theMarginRises() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      let settings = try PreferenceCase.all[0].settings(in: folder)
      let run = try train(settings + ["training.steps=40"], output: "run", ranks: 2, in: folder)
      for name in [
        "rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies", "logps/chosen",
        "logps/rejected", "lengths/chosen", "lengths/rejected", "kl",
      ] {
        #expect(try run.numbers(name).count == 40, "\(name)")
        #expect(try run.numbers("validation_" + name).count >= 1, "validation_\(name)")
      }
      #expect(abs(try #require(try run.numbers("rewards/margins").first)) <= 1e-5)
      #expect(try #require(try run.numbers("validation_rewards/margins").last) > 1)
      #expect(try #require(try run.numbers("validation_rewards/accuracies").last) == 1)
      #expect(try #require(try run.numbers("validation_loss").last) < 0.4)
    }

    /// Scores by their command at several rank counts, beside the accuracy that `evaluate` finds.
    @Test func scores() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      let settings = try PreferenceCase.all[7].settings(in: folder)
      try train(settings + ["training.steps=30"], output: "run", in: folder)
      let config = try OpenFile.json(folder.path + "/run/model/config.json")
      #expect(config["architectures"]?.elements?.first?.text == "LlamaForSequenceClassification")
      #expect(config["id2label"]?.members?.count == 1)
      var written: [String] = []
      for (number, ranks) in [nil, 3].enumerated() {
        let result = try Command.swiftdp(
          ["score", "--model", "run/model", "--data", "pairs.jsonl", "--output", "s\(number).jsonl"],
          ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        written.append(try folder.text("s\(number).jsonl"))
      }
      #expect(written[0] == written[1])
      let rows = try written[0].split(separator: "\n").map { try JSON.parse(String($0)) }
      #expect(rows.count == 40)
      let scores = rows.compactMap { $0["score"]?.elements?.compactMap(\.double) }.filter { $0.count == 2 }
      #expect(scores.count == 40)
      let right = scores.count { $0[0] > $0[1] }
      let measured = try Command.swiftdp(
        ["evaluate", "--json", "--model", "run/model", "--data", "pairs.jsonl", "task=reward"], ranks: 2,
        in: folder)
      #expect(measured.code == 0, "\(measured.err)")
      let accuracy = try #require(try JSON.parse(measured.out)["rewards/accuracies"]?.double)
      #expect(abs(accuracy - Double(right) / 40) <= 1e-9 && right > 30)

      // A row of one answer has one number, that of the same answer in a pair.
      try folder.file(
        "single.jsonl",
        rows.prefix(3).map {
          #"{"prompt": "\#($0["prompt"]!.text!)", "completion": "\#($0["chosen"]!.text!)", "id": 7}"# + "\n"
        }.joined())
      let single = try Command.swiftdp(
        [
          "score", "--model", "run/model", "--data", "single.jsonl", "--output", "single.out.jsonl",
          "--batch-size", "1",
        ], in: folder)
      #expect(single.code == 0, "\(single.err)")
      let lines = try folder.text("single.out.jsonl").split(separator: "\n").map {
        try JSON.parse(String($0))
      }
      #expect(lines.count == 3 && lines.allSatisfy { $0["id"]?.integer == 7 })
      for (line, pair) in zip(lines, scores) {
        #expect(abs((line["score"]?.double ?? .nan) - pair[0]) <= 1e-5)
      }
    }

    /// A policy is measured beside the folder that it was trained from, or the base below its adapter.
    @Test func evaluatesBesideAReference() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2000)
      try train(
        [
          "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
          "training.steps=2",
        ], output: "base", in: folder)
      try PreferenceCase.makePairs(in: folder)
      let settings = [
        "model=base/model", "task={name: preference}", "data.train=pairs.jsonl",
        "data.validation=pairs.jsonl", "data.sequence_length=40", "training.batch_size=8",
        "training.micro_batch_size=4", "training.steps=6", "optimizer.learning_rate=3.0e-3",
      ]
      let full = try train(settings, output: "full", in: folder)
      let lora = try train(settings + ["method=lora"], output: "lora", in: folder)
      let evaluated = [
        (full, ["--model", "full/model", "task={name: preference, reference_model: base/model}"]),
        (lora, ["--model", "base/model", "--adapter", "lora/model", "task=preference"]),
      ]
      for (run, options) in evaluated {
        let result = try Command.swiftdp(
          ["evaluate", "--json", "--data", "pairs.jsonl", "--sequence-length", "40"] + options, ranks: 2,
          in: folder)
        #expect(result.code == 0, "\(result.err)")
        let json = try JSON.parse(result.out)
        for name in ["loss", "rewards/margins", "rewards/accuracies", "kl"] {
          let want = try #require(try run.numbers("validation_" + name).last)
          #expect(abs((json[name]?.double ?? .nan) - want) <= 1e-5 * max(1, abs(want)), "\(name)")
        }
      }
    }

    @Test func mistakesInOneLineEach() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try PreferenceCase.makePairs(in: folder)
      func expect(_ task: String, _ lines: [String], code: Int32 = 64, _ more: [String] = []) throws {
        let result = try Command.swiftdp(
          ["train", "model=llama", "weights=random", "task=\(task)", "data.train=pairs.jsonl", "output=no"]
            + more, in: folder)
        #expect(
          result.code == code
            && result.err.split(separator: "\n").map(String.init) == lines.map { "swiftdp: " + $0 },
          "\(result.err)")
      }
      try expect(
        "{name: preference, loss: dpp}",
        [
          "task.loss: is \"dpp\", but must be one of dpo, ipo, hinge, robust, orpo, simpo, cpo, kto (did you mean dpo?)"
        ])
      try expect(
        "{name: preference, loss: kto, label_smoothing: 0.1, sft_weight: 1}",
        [
          "task.label_smoothing: is 0.1, and loss kto has none (it belongs to dpo, robust, simpo, cpo)",
          "task.sft_weight: is 1.0, and loss kto has none (kto has no better answers)",
        ])
      try expect(
        "{name: preference, loss: orpo, reference: frozen}",
        ["task.reference: is frozen, and loss orpo compares with none (leave it out)"])
      try expect(
        "{name: preference, reference: ema, precompute_reference: true}",
        [
          "task.precompute_reference: is true, and a reference that moves cannot be computed before (leave it out)"
        ])
      try expect(
        "{name: preference, loss: kto}",
        [
          "training.batch_size: is 1, and loss kto compares prompts with the answers of others in a step (set training.batch_size=8)"
        ], ["training.batch_size=1", "training.micro_batch_size=1"])
      for (arguments, line) in [
        (
          ["evaluate", "--model", "llama", "--data", "pairs.jsonl", "task=preference"],
          "task: compares with a reference, and only a model knows what it was trained from (set task.reference_model=FOLDER, or task.reference=none)"
        ),
        (
          ["score", "--model", "llama", "--data", "pairs.jsonl", "--output", "s.jsonl"],
          "llama: is no reward model: it does not give one number for a text (train one with task=reward)"
        ),
      ] {
        let result = try Command.swiftdp(arguments, in: folder)
        #expect(result.code == 64 && result.err == "swiftdp: \(line)\n", "\(result.err)")
      }
    }

    /// The loss of a model on answers to questions that are held out.
    private func heldOutLoss(_ model: String, in folder: Workspace) throws -> Double {
      let result = try Command.swiftdp(
        ["evaluate", "--json", "--model", model, "--data", "held.jsonl", "--sequence-length", "128"],
        in: folder)
      return try #require(try JSON.parse(result.out)["loss"]?.double, "\(result.err)")
    }

    /// Every recipe of preference tuning as it ships, on few steps.
    @Test func recipes() throws {
      let folder = try Workspace()
      let made = try Command.swiftdp(
        ["make-tasks", "--kind", "pairs", "--count", "400", "pairs.jsonl"], in: folder)
      #expect(made.code == 0, "\(made.err)")
      let held = try Command.swiftdp(
        ["make-tasks", "--part", "held-out", "--count", "130", "held.jsonl"], in: folder)
      #expect(held.code == 0, "\(held.err)")
      let before = try heldOutLoss(Project.root + "/Sources/swiftdp/Shipped/base", in: folder)
      var ran = 0
      for name in ["dpo", "kto", "orpo", "reward"] {
        let run = try train(
          [
            "\(Project.root)/launch/recipes/\(name).yaml", "training.epochs=0.5", "training.batch_size=16",
            "training.validate_every=0", "checkpoint.every=0",
          ], output: name, ranks: 2, in: folder)
        let margins = try run.numbers("validation_rewards/margins")
        #expect(try #require(margins.last) > 0.02, "\(name): \(margins)")
        ran += 1
        guard name != "reward" else { continue }
        // What the model knew of right answers is not lost.
        #expect(try heldOutLoss("\(name)/model", in: folder) <= before + 0.05, "\(name)")
      }
      #expect(ran == 4)
    }
  }
}
