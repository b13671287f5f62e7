// What a user sees of steps: their number and loss do not depend on ranks or micro-batches. Also what a step without
// anything to learn does.
import Base
import Testing

extension ResultTests {
  @Suite struct StepTests {
    /// Two epochs and a half of 61 blocks in batches of 8. Fails where steps are counted by what one rank sees,
    /// which divides them by the number of ranks and lets the learning rate fall too early.
    @Test func theScheduleDoesNotDependOnTheRankCount() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 61 * 32)
      let settings = [
        "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
        "data.validation=0",
        "training.epochs=2.5", "training.batch_size=8", "training.micro_batch_size=1",
        "schedule={name: linear, warmup_steps: 4, final_ratio: 0}", "optimizer.learning_rate=0.01",
        "parallel.threads=1",
      ]
      var compared = 0
      for ranks in [nil, 2, 3, 8] {
        let run = try train(settings, output: "np\(ranks ?? 1)", ranks: ranks, in: folder)
        let rates = try run.numbers("learning_rate")
        // ⌈2.5 · 61 / 8⌉ steps; 4 up, 16 down.
        let want = (1...4).map { Double($0) / 4 } + (0..<16).map { 1 - Double($0) / 16 }
        #expect(rates.count == 20)
        #expect(zip(rates, want).allSatisfy { abs($0 - 0.01 * $1) <= 1e-12 }, "\(ranks ?? 1) ranks: \(rates)")
        compared += 1
      }
      #expect(compared == 4)
    }

    /// One micro-batch with everything, and one for each row: the first step's loss and norm, the validation loss.
    /// Fails if micro-batches are averaged; that mean of means is computed from the rows alone.
    @Test func lossesDoNotDependOnTheMicroBatchSize() throws {
      let folder = try Workspace()
      try folder.makeLlama(longest: 1024)
      let rows = [(900, 1), (1, 900), (3, 2), (30, 5), (2, 1), (7, 40), (600, 3)].map { prompt, answer in
        let letters = Array("abcdefgh, ij")
        let text = (0..<prompt + answer).map { letters[$0 * $0 * 7 % 12] }
        return
          #"{"prompt": "\#(String(text[..<prompt]))", "completion": "\#(String(text[prompt...]))"}"#
      }
      try folder.file("rows.jsonl", rows.joined(separator: "\n") + "\n")
      let settings = [
        "model=llama", "weights=random", "data.packing=false", "data.sequence_length=1024",
        "training.steps=1", "training.batch_size=7", "data.shuffle=false", "optimizer.learning_rate=0.0",
        "data.validation=rows.jsonl", "parallel.threads=1",
      ]
      var means: [Double] = []
      for (index, row) in rows.enumerated() {
        try folder.file("row.jsonl", row + "\n")
        let run = try train(
          settings + [
            "data.train=row.jsonl", "training.batch_size=1", "training.micro_batch_size=1",
            "data.validation=0",
          ], output: "row\(index)", in: folder)
        means += try run.numbers("loss")
      }
      #expect(means.count == 7)
      var compared = 0
      var first: [Double] = []
      for (size, ranks) in [(7, nil), (1, nil), (1, 2), (1, 7), (2, 3), (4, 2), (5, 4)] as [(Int, Int?)] {
        let run = try train(
          settings + ["data.train=rows.jsonl", "training.micro_batch_size=\(size)"], output: "run\(compared)",
          ranks: ranks, in: folder)
        let numbers = try ["loss", "grad_norm", "validation_loss", "target_tokens"].map {
          try #require(run.numbers($0).first)
        }
        if first.isEmpty { first = numbers }
        #expect(
          zip(numbers, first).allSatisfy { abs($0 / $1 - 1) <= 1e-5 }, "\(size) rows, \(ranks ?? 1) ranks")
        // Without dropout and with weights that do not change, both are the same mean.
        #expect(abs(numbers[0] / numbers[2] - 1) <= 1e-5)
        compared += 1
      }
      #expect(compared == 7)
      #expect(first[3] == 952 + 7)
      #expect(abs(means.reduce(0, +) / 7 / first[0] - 1) > 1e-4, "the mean of means would not show")
    }

    /// Rows whose answer lies beyond the longest sequence have no target. Fails if 0 / 0 ends the run or reaches the
    /// weights, or if old moments or decay still move them.
    @Test func aStepWithoutTargetsLeavesEverythingAsItIs() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      let full = #"{"prompt": "what is two?", "completion": " 2"}"#
      let none = #"{"prompt": "\#(String(repeating: "too long ", count: 8))", "completion": "never seen"}"#
      // Steps of two: both rows, one, none, and both again.
      let rows = [full, full, none, full, none, none, full, full]
      try folder.file("rows.jsonl", rows.joined(separator: "\n") + "\n")
      var compared = 0
      var first: [String] = []
      for ranks in [nil, 2, 3] {
        let run = try train(
          [
            "model=llama", "weights=random", "data.train=rows.jsonl", "data.packing=false",
            "data.validation=0",
            "data.sequence_length=32", "data.shuffle=false", "training.steps=4", "training.batch_size=2",
            "training.micro_batch_size=1", "checkpoint={every: 1, keep: 9}", "optimizer.weight_decay=0.1",
            "optimizer.learning_rate=1.0e-2", "schedule.warmup_steps=0",
          ], output: "np\(ranks ?? 1)", ranks: ranks, in: folder)
        let metrics = try run.metrics()
        #expect(metrics.count == 4)
        #expect(metrics.map { $0["loss"]?.isNull } == [false, false, true, false])
        #expect(try run.numbers("target_tokens") == [6, 3, 0, 6])
        #expect(try run.numbers("grad_norm")[2] == 0)
        let hashes = try run.checkpoints.map { try run.hash($0) }
        #expect(hashes.count == 4 && Set(hashes).count == 3 && hashes[1] == hashes[2])
        if first.isEmpty { first = hashes }
        #expect(hashes == first)
        compared += 1
      }
      #expect(compared == 3)
    }
  }
}
