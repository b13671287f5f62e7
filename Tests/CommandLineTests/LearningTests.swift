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
  }
}
