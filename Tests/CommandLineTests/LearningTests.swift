// What whole trainings reach. They take many minutes, so that `launch/test --learning` alone runs them.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite(
    .enabled(
      if: ProcessInfo.processInfo.environment["SWIFTDP_LEARNING"] == "1", "launch/test --learning runs it"))
  struct LearningTests {
    /// A T5 of 10 M parameters, from random weights: numbers and dates in words and in figures, both ways.
    @Test func aT5LearnsToTranslateNumbersAndDates() throws {
      let folder = try Workspace()
      for (part, count, name) in [("train", 60_000, "train"), ("held-out", 400, "test")] {
        let made = try Command.swiftdp(
          [
            "make-tasks", "--kind", "translations", "--seed", "1", "--count", "\(count)", "--part", part,
            "\(name).jsonl",
          ], in: folder)
        #expect(made.code == 0, "\(made.err)")
      }
      let run = try train(
        [
          "model=\(Project.root)/Tests/Fixtures/translations", "weights=random",
          "task={name: text_to_text, max_tokens: 24}", "data.train=train.jsonl", "data.validation=test.jsonl",
          "data.sequence_length=64", "training.steps=2250", "training.batch_size=64",
          "training.micro_batch_size=32", "training.validate_every=750", "optimizer.name=adafactor",
          "schedule.warmup_steps=100",
        ], output: "run", ranks: 2, in: folder, timeLimit: 3600)
      let reached = try run.numbers("validation_exact_match")
      #expect(try #require(reached.last) >= 0.95, "\(reached)")
      let searched = try Command.swiftdp(
        [
          "evaluate", "--json", "--model", "run/model", "--data", "test.jsonl",
          "task={name: text_to_text, beams: 4, max_tokens: 24}",
        ], ranks: 2, in: folder, timeLimit: 600)
      #expect(searched.code == 0, "\(searched.err)")
      #expect(try #require(try JSON.parse(searched.out)["exact_match"]?.double) >= 0.95)
    }

    /// Rows of instructions with a polite and a rude answer: a model learns both, a reward model learns which is which,
    /// and PPO makes the first one polite without taking it far from where it was. What PPO reaches depends on the last
    /// bits of every product, so that they are the same on all processors here.
    @Test func aRewardModelTeachesPPO() throws {
      let folder = try Workspace()
      let path = try #require(Project.shared("preference/llms_from_scratch_preference.json"))
      let all = try JSON.parse(try String(contentsOfFile: path, encoding: .utf8)).elements ?? []
      #expect(all.count == 1100)
      /// The prompt and two answers of each, where they fit the model.
      let chosen = all.compactMap { row -> (prompt: String, better: String, worse: String)? in
        guard let instruction = row["instruction"]?.text, let better = row["chosen"]?.text,
          let worse = row["rejected"]?.text
        else { return nil }
        let prompt = instruction + (row["input"]?.text.map { $0.isEmpty ? "" : " " + $0 } ?? "") + "\n"
        return prompt.utf8.count + max(better.utf8.count, worse.utf8.count) <= 240
          ? (prompt, better, worse) : nil
      }
      #expect(chosen.count == 1062)
      func write(_ name: String, _ rows: [[(String, String)]]) throws {
        try folder.file(
          name,
          rows.map { JSON.object(members: $0.map { ($0.0, .string($0.1)) }).encoded() + "\n" }.joined())
      }
      let (learned, held) = (chosen.dropLast(100), chosen.suffix(100))
      try write(
        "both.jsonl",
        learned.flatMap { row in
          [row.better, row.worse].map { [("prompt", row.prompt), ("completion", $0)] }
        })
      for (part, rows) in [("train", learned), ("held", held)] {
        try write("\(part).jsonl", rows.map { [("prompt", $0.prompt), ("completion", $0.better)] })
        try write(
          "\(part)-pairs.jsonl",
          rows.map { [("prompt", $0.prompt), ("chosen", $0.better), ("rejected", $0.worse)] })
      }
      let portable = ["parallel.arithmetic=portable"]
      try train(
        [
          "model=shipped:base", "data.train=both.jsonl", "data.validation=held.jsonl",
          "data.sequence_length=256", "data.packing=false", "training.steps=300", "training.batch_size=32",
          "training.micro_batch_size=8", "optimizer.learning_rate=2.0e-3", "optimizer.beta2=0.99",
        ] + portable, output: "instructed", ranks: 2, in: folder, timeLimit: 3600)
      let judge = try train(
        [
          "model=instructed/model", "task=reward", "data.train=train-pairs.jsonl",
          "data.validation=held-pairs.jsonl", "data.sequence_length=256", "training.steps=120",
          "training.batch_size=16", "training.micro_batch_size=8", "training.validate_every=40",
          "optimizer.learning_rate=5.0e-4",
        ] + portable, output: "judge", ranks: 2, in: folder, timeLimit: 3600)
      #expect(try #require(try judge.numbers("validation_rewards/accuracies").last) >= 0.75)
      let policy = try train(
        [
          "model=instructed/model",
          "task={name: ppo, max_completion_length: 96, kl_coef: 0.05, target: 6, horizon: 2000, rewards: [{model: judge/model}]}",
          "data.train=train.jsonl", "data.validation=held.jsonl", "data.sequence_length=256",
          "training.steps=144", "training.batch_size=64", "training.micro_batch_size=16",
          "training.validate_every=40", "optimizer.learning_rate=1.0e-4",
        ] + portable, output: "polite", ranks: 2, in: folder, timeLimit: 3600)
      let rewards = try policy.numbers("reward")
      let (first, last) = (rewards.prefix(10).reduce(0, +) / 10, rewards.suffix(10).reduce(0, +) / 10)
      #expect(last >= first + 1, "\(first) to \(last)")
      let onHeldOut = try policy.numbers("validation_reward")
      #expect((onHeldOut.last ?? .nan) >= (onHeldOut.first ?? .nan) + 0.8, "\(onHeldOut)")
      // In nats for each answer; the goal is 6.
      let distances = zip(try policy.numbers("kl"), try policy.numbers("completion_length")).map { $0 * $1 }
      #expect(!distances.isEmpty && distances.allSatisfy { $0 <= 10 }, "\(distances)")
    }
  }
}
