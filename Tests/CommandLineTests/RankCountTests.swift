// The same bits at every number of ranks and threads, at every ZeRO stage.
import Testing

extension ResultTests {
  @Suite struct RankCountTests {
    /// Two epochs and a half of 64 blocks, eight micro-batches per step: three ranks share them unevenly.
    static let text = [
      "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32", "training.steps=20",
      "training.batch_size=8", "training.micro_batch_size=1", "training.validate_every=5",
      "optimizer.learning_rate=1.0e-3", "parallel.threads=1",
    ]

    @Test func everyRankCountGivesTheSameBits() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let one = try train(Self.text, output: "np1", in: folder)
      let losses = try one.numbers("loss")
      #expect(losses.count == 20)
      #expect(try one.numbers("validation_loss").count == 4)
      #expect(try #require(losses.last) < losses[0] - 0.2)
      let counts = [1, 2, 3, 4, 8]
      for ranks in counts {
        let run = try train(Self.text, output: "mpi\(ranks)", ranks: ranks, in: folder)
        try expectSame(run, one, steps: 20, "\(ranks) ranks")
      }
    }

    @Test func threadsAndZeroStagesGiveTheSameBits() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let one = try train(Self.text, output: "reference", in: folder)
      var compared = 0
      for (ranks, threads, zero) in [(nil, 2, 0), (2, 3, 1), (1, 1, 0), (3, 1, 0), (4, 2, 0)]
        as [(Int?, Int, Int)]
      {
        let run = try train(
          Self.text + ["parallel.threads=\(threads)", "parallel.zero=\(zero)"], output: "run\(compared)",
          ranks: ranks, in: folder)
        try expectSame(run, one, steps: 20, "\(ranks ?? 1) ranks, \(threads) threads, stage \(zero)")
        compared += 1
      }
      #expect(compared == 5)
    }

    /// One copy of the weights for all ranks, or one for each. A single rank has nothing to share.
    @Test(arguments: ["float32", "bfloat16"]) func sharedWeightsGiveTheSameBits(_ type: String) throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = Self.text + ["training.steps=6", "model_dtype=\(type)"]
      let one = try train(settings, output: "np1", in: folder)
      var compared = 0
      for (ranks, zero, shares) in [
        (1, 3, true), (2, 0, false), (2, 1, true), (3, 1, false), (3, 2, true), (4, 2, false), (4, 3, true),
      ] {
        let run = try train(
          settings + ["parallel.zero=\(zero)", "parallel.node_shared_weights=\(shares)"],
          output: "run\(compared)", ranks: ranks, in: folder)
        let what: Comment = "\(type), \(ranks) ranks, ZeRO \(zero), shared: \(shares)"
        #expect(try run.hash() == one.hash(), what)
        try expectSame(run, one, steps: 6, what)
        compared += 1
      }
      #expect(compared == 7)
    }

    /// Gradients are rounded whether they travel or not: the bits differ from those of fp32, and are the same
    /// everywhere.
    @Test func roundedGradientsGiveTheSameBits() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = Self.text + ["training.steps=6"]
      let exact = try train(settings, output: "exact", in: folder)
      var hashes: [String] = []
      for (ranks, zero) in [(1, 1), (2, 3), (3, 0)] {
        let run = try train(
          settings + ["parallel.wire_dtype=bfloat16", "parallel.zero=\(zero)"], output: "np\(ranks)",
          ranks: ranks, in: folder)
        hashes.append(try run.hash())
        let pairs = zip(try run.numbers("loss"), try exact.numbers("loss"))
        #expect(pairs.allSatisfy { abs($0 / $1 - 1) <= 1e-2 })
        #expect(try run.numbers("loss").count == 6)
      }
      #expect(hashes.count == 3 && Set(hashes).count == 1, "\(hashes)")
      #expect(try !hashes.contains(exact.hash()))
    }

    /// Rounded replicas with masters in shards: arranged and resumed in any way, and close to fp32.
    @Test func bfloat16GivesTheSameBitsEverywhere() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = Self.text + ["model_dtype=bfloat16"]
      let one = try train(settings, output: "np1", in: folder)
      var compared = 0
      for (ranks, threads, zero) in [(2, 1, 1), (4, 1, 1), (1, 2, 0), (3, 1, 0), (2, 3, 1)] {
        let run = try train(
          settings + ["parallel.threads=\(threads)", "parallel.zero=\(zero)"], output: "run\(compared)",
          ranks: ranks, in: folder)
        try expectSame(run, one, steps: 20, "\(ranks) ranks, \(threads) threads, stage \(zero)")
        compared += 1
      }
      #expect(compared == 5)
      // A checkpoint holds the masters: rounded weights would lose the small updates.
      let stopped = settings + ["checkpoint.every=10", "checkpoint.keep=9"]
      _ = try train(stopped, output: "stopped", ranks: 3, in: folder)
      try folder.remove("stopped/checkpoints/step-000020")
      let resumed = try train(stopped, output: "stopped", ranks: 2, in: folder)
      #expect(try resumed.hash() == one.hash())
      let plain = try train(Self.text, output: "p", in: folder)
      #expect(try plain.hash() != one.hash())
      let (a, b) = (try one.numbers("validation_loss"), try plain.numbers("validation_loss"))
      #expect(a.count == 4 && b.count == 4)
      for (a, b) in zip(a, b) { #expect(abs(a / b - 1) <= 1e-2) }
    }

    /// Ten sequences in micro-batches of four, four and two: the third and later of the ranks have less to do.
    @Test func fewerMicroBatchesThanRanks() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = Self.text + ["training.batch_size=10", "training.micro_batch_size=4"]
      let one = try train(settings, output: "np1", in: folder)
      let counts = [2, 4, 8]
      for ranks in counts {
        let run = try train(settings, output: "np\(ranks)", ranks: ranks, in: folder)
        try expectSame(run, one, steps: 20, "\(ranks) ranks")
      }
    }

    /// Every feed-forward matrix is larger than a bucket, so that it is exchanged and owned in many parts.
    @Test func parametersLargerThanABucket() throws {
      let folder = try Workspace()
      try folder.makeGPT2(inner: 140_000, layers: 1, dropout: 0.1)
      try folder.makeText(characters: 2150)
      let settings =
        Self.text + ["model=gpt2", "training.steps=2", "training.batch_size=4", "data.validation=0"]
      let one = try train(settings, output: "np1", in: folder)
      let three = try train(settings, output: "np3", ranks: 3, in: folder)
      try expectSame(three, one, steps: 2, "3 ranks")
    }

    /// Padded rows of different lengths, so that micro-batches differ in shape, with dropout.
    @Test func dropoutAndPaddingAreTheSameAtEveryRankCount() throws {
      let folder = try Workspace()
      try folder.makeGPT2(dropout: 0.1)
      try folder.makeRows(count: 70)
      let settings = [
        "model=gpt2", "weights=random", "data.train=rows.jsonl", "data.packing=false",
        "data.sequence_length=64",
        "training.steps=20", "training.batch_size=7", "training.micro_batch_size=2",
        "training.validate_every=10",
        "optimizer.learning_rate=1.0e-3", "parallel.threads=1", "data.validation=0.1",
      ]
      let one = try train(settings, output: "np1", in: folder)
      let counts = [2, 3, 8]
      for ranks in counts {
        let run = try train(settings, output: "np\(ranks)", ranks: ranks, in: folder)
        try expectSame(run, one, steps: 20, "\(ranks) ranks")
      }
      try folder.makeGPT2("without", dropout: 0)
      let without = try train(settings + ["model=without"], output: "without", in: folder)
      #expect(try without.numbers("loss") != one.numbers("loss"), "dropout does something")
    }
  }
}
