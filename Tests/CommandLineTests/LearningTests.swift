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
    /// and PPO makes the first one polite without taking it far from where it was.
    @Test func aRewardModelTeachesPPO() throws {
      let folder = try Workspace()
      let path = try #require(Project.shared("preference/llms_from_scratch_preference.json"))
      let all = try JSON.parse(try String(contentsOfFile: path, encoding: .utf8)).elements ?? []
      #expect(all.count == 1100)
      func rows(_ name: String, _ rows: ArraySlice<JSON>, _ columns: [[(String, String)]]) throws {
        let lines = rows.flatMap { row in
          columns.map { names in
            JSON.object(members: names.map { ($0.0, row[$0.1] ?? .string("")) }).encoded() + "\n"
          }
        }
        try folder.file(name, lines.joined())
      }
      let prompt = [("instruction", "instruction"), ("input", "input")]
      let both = [prompt + [("output", "chosen")], prompt + [("output", "rejected")]]
      let pair = [prompt + [("chosen", "chosen"), ("rejected", "rejected")]]
      try rows("both.jsonl", all[..<1000], both)
      for (part, range) in [("train", 0..<1000), ("held", 1000..<1100)] {
        try rows("\(part)-pairs.jsonl", all[range], pair)
        try rows("\(part).jsonl", all[range], [both[0]])
      }
      try train(
        [
          "model=shipped:base", "data.train=both.jsonl", "data.validation=held.jsonl",
          "data.sequence_length=512", "data.packing=false", "training.steps=250", "training.batch_size=32",
          "training.micro_batch_size=8", "optimizer.learning_rate=2.0e-3", "optimizer.beta2=0.99",
        ], output: "instructed", ranks: 2, in: folder, timeLimit: 3600)
      let judge = try train(
        [
          "model=instructed/model", "task=reward", "data.train=train-pairs.jsonl",
          "data.validation=held-pairs.jsonl", "data.sequence_length=512", "training.steps=120",
          "training.batch_size=16", "training.micro_batch_size=8", "training.validate_every=40",
          "optimizer.learning_rate=5.0e-4",
        ], output: "judge", ranks: 2, in: folder, timeLimit: 3600)
      #expect(try #require(try judge.numbers("validation_rewards/accuracies").last) >= 0.9)
      let policy = try train(
        [
          "model=instructed/model",
          "task={name: ppo, max_completion_length: 96, kl_coef: 0.05, target: 6, horizon: 2000, rewards: [{model: judge/model}]}",
          "data.train=train.jsonl", "data.validation=held.jsonl", "data.sequence_length=512",
          "training.steps=160", "training.batch_size=64", "training.micro_batch_size=16",
          "training.validate_every=40", "optimizer.learning_rate=1.0e-4",
        ], output: "polite", ranks: 2, in: folder, timeLimit: 3600)
      let rewards = try policy.numbers("reward")
      let (first, last) = (rewards.prefix(10).reduce(0, +) / 10, rewards.suffix(10).reduce(0, +) / 10)
      #expect(last >= first + 1, "\(first) to \(last)")
    }
  }
}
