// Every format of data, against numbers counted by hand. With the byte-level tokenizer a letter is a token, and an
// end-of-text token follows each document.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct FormatTests {
    private static let settings = [
      "model=llama", "weights=random", "data.validation=0", "training.batch_size=4",
      "training.micro_batch_size=2",
      "optimizer.learning_rate=1.0e-3",
    ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama(longest: 512)
      return folder
    }

    /// `tokens` and `target_tokens` of every step.
    private func counts(_ run: RunOutput) throws -> [[Int]] {
      try run.metrics().map { try [#require($0["tokens"]?.integer), #require($0["target_tokens"]?.integer)] }
    }

    @Test func completionsOneRowASequence() throws {
      let folder = try folder()
      // 5 letters and an end are 6 tokens, 4 of them the answer's; then 3 and 2; then 20, cut at 12, 10 before it.
      try folder.file(
        "rows.jsonl",
        """
        {"prompt": "ab", "completion": "cde"}
        {"prompt": "a", "response": "b"}
        {"prompt": "0123456789", "completion": "abcdefghij"}
        {"prompt": "0123456789abc", "completion": "d"}

        """)
      let settings =
        Self.settings + ["data.train=rows.jsonl", "data.packing=false", "data.sequence_length=12"]
      let run = try train(settings + ["training.steps=2"], output: "run", in: folder)
      // The last row's prompt fills its sequence: 12 tokens and nothing to learn.
      #expect(try counts(run) == [[6 + 3 + 12 + 12, 4 + 2 + 2], [33, 8]])
      let three = try train(settings + ["training.steps=2"], output: "three", ranks: 3, in: folder)
      #expect(try three.results() == run.results())
      let said = try Command.swiftdp(["train"] + settings + ["output=said", "training.steps=1"], in: folder)
      #expect(
        said.out.contains(
          "rows.jsonl · completion · 4 rows · 45 tokens · 2 rows cut at 12 · 1 row without anything to learn"
        ),
        "\(said.out)")
    }

    @Test func completionsPacked() throws {
      let folder = try folder()
      try folder.file(
        "rows.jsonl",
        (0..<8).map { _ in "{\"prompt\": \"ab\", \"completion\": \"cde\"}\n" }.joined())
      // Two rows of six tokens fit into a block of 13; each has four targets.
      let run = try train(
        Self.settings + ["data.train=rows.jsonl", "data.sequence_length=13", "training.epochs=1"],
        output: "run",
        ranks: 2, in: folder)
      #expect(try counts(run) == [[48, 32]])
    }

    @Test func alpaca() throws {
      let folder = try folder()
      try folder.file(
        "rows.jsonl",
        """
        {"instruction": "Add.", "input": "1 2", "output": "3"}
        {"instruction": "Say hi.", "input": "", "output": "hi"}
        {"instruction": "Say no.", "output": "no"}
        {"instruction": "Say a.", "input": null, "output": "a"}

        """)
      let short = "Below is an instruction that describes a task. "
      let long =
        "Below is an instruction that describes a task, paired with an input that provides further context. "
      let request = "Write a response that appropriately completes the request.\\n\\n### Instruction:\\n"
      let frame = request.replacing("\\n", with: "\n").utf8.count + "\n\n### Response:".utf8.count
      let lengths = [
        long.utf8.count + frame + "Add.\n\n### Input:\n1 23".utf8.count, short.utf8.count + frame + 9,
        short.utf8.count + frame + 9, short.utf8.count + frame + 7,
      ].map { $0 + 1 }
      for packing in [false, true] {
        let run = try train(
          Self.settings + [
            "data.train=rows.jsonl", "data.sequence_length=512", "data.packing=\(packing)",
            "training.steps=1",
          ], output: "run-\(packing)", in: folder)
        #expect(try counts(run)[0][1] == 2 + 3 + 3 + 2 || packing)
        #expect(try counts(run)[0][0] == lengths.reduce(0, +) || packing)
        #expect(try counts(run).count == 1)
      }
    }

    @Test func textJoinedOverFilesAndEpochs() throws {
      let folder = try folder()
      // 40 letters and an end, 30 and an end: 72 tokens in nine blocks of eight, each with seven targets.
      try folder.file("a.txt", String(repeating: "abcde", count: 8))
      try folder.file("b.jsonl", "{\"text\": \"\(String(repeating: "xyz", count: 10))\"}\n")
      let settings =
        Self.settings + ["data.train=[a.txt,b.jsonl]", "data.sequence_length=8", "training.epochs=2"]
      let run = try train(settings, output: "run", ranks: 2, in: folder)
      // Two epochs are 18 blocks: four steps and a half, rounded up.
      #expect(try counts(run) == Array(repeating: [32, 28], count: 5))
      #expect(try run.text("config.yaml").contains("epochs: 2"))
    }

    @Test func validationFilesAreMeasuredWhole() throws {
      let folder = try folder()
      try folder.makeText(characters: 1500)
      try folder.makeText("held-out.txt", characters: 700)
      let settings =
        Self.settings + [
          "data.train=text.txt", "data.validation=[held-out.txt]", "data.sequence_length=32",
          "training.steps=6",
          "training.validate_every=2",
        ]
      let run = try train(settings, output: "run", ranks: 3, in: folder)
      let losses = try run.numbers("validation_loss")
      #expect(losses.count == 3)
      let result = try Command.swiftdp(
        ["evaluate", "--model", "run/model", "--data", "held-out.txt", "--sequence-length", "32"], in: folder)
      let loss = try #require(Evaluated(result.out)).loss
      #expect(abs(loss - losses[2]) <= 1e-6)
      // 700 letters and an end: 21 whole blocks, and one of 29.
      #expect(Evaluated(result.out)?.tokens == 701 && Evaluated(result.out)?.targets == 21 * 31 + 28)
      // A checkpoint is a model too.
      let checkpoint = try Command.swiftdp(
        [
          "evaluate", "--model", "run/checkpoints/step-000006", "--data", "held-out.txt", "--sequence-length",
          "32",
        ],
        ranks: 2, in: folder)
      #expect(checkpoint.out == result.out)
      // One document is cut into the same blocks if documents are not joined.
      for length in [2, 32, 47, 512] {
        let options = [
          "evaluate", "--model", "run/model", "--data", "held-out.txt", "--sequence-length", "\(length)",
        ]
        let joined = try Command.swiftdp(options, in: folder)
        let apart = try Command.swiftdp(options + ["--no-packing"], ranks: 3, in: folder)
        let (all, same) = (try #require(Evaluated(joined.out)), try #require(Evaluated(apart.out)))
        #expect(all.tokens == 701 && all.targets == 701 - (701 + length - 1) / length)
        #expect(same.tokens == 701 && same.targets == all.targets && abs(same.loss - all.loss) <= 1e-5)
        #expect(joined.messages.isEmpty)
        #expect(
          apart.messages == [
            "note: held-out.txt: 1 row longer than a sequence, read in parts that do not see each other "
              + "(--sequence-length)"
          ])
      }
    }

    /// The loss of a text is that of its blocks, each measured alone, including the last one.
    @Test func theLastBlockCounts() throws {
      let folder = try folder()
      try folder.makeText(characters: 700)
      let text = try folder.text("text.txt")
      try train(
        Self.settings + ["data.train=text.txt", "data.sequence_length=32", "training.steps=2"], output: "run",
        in: folder)
      func evaluate(_ text: String, length: Int) throws -> Evaluated {
        try folder.file("part.txt", text)
        let result = try Command.swiftdp(
          ["evaluate", "--model", "run/model", "--data", "part.txt", "--sequence-length", "\(length)"],
          in: folder)
        return try #require(Evaluated(result.out), "\(result.err)")
      }
      // An end of text follows each part, so that a part of 63 letters is one block of 64.
      let whole = try evaluate(String(text.prefix(63)), length: 40)
      let first = try evaluate(String(text.prefix(40)), length: 40)
      let last = try evaluate(String(text.prefix(63).dropFirst(40)), length: 40)
      #expect(whole.targets == 39 + 23 && first.targets == 39 && last.targets == 23)
      let sum = first.loss * 39 + last.loss * 23
      #expect(abs(whole.loss - sum / 62) <= 1e-5)
    }

    @Test func answersInEvaluateLoseNothing() throws {
      let folder = try folder()
      try folder.makeText(characters: 700)
      try train(
        Self.settings + ["data.train=text.txt", "data.sequence_length=32", "training.steps=1"], output: "run",
        in: folder)
      try folder.file(
        "rows.jsonl",
        """
        {"prompt": "0123456789", "completion": "abcdefghij"}
        {"prompt": "0123456789abc", "completion": "d", "response": null, "id": 1e400}
        {"prompt": "a", "response": "b"}

        """)
      for (length, packing) in [
        (512, "--packing"), (12, "--packing"), (12, "--no-packing"), (2, "--no-packing"),
      ] {
        let result = try Command.swiftdp(
          [
            "evaluate", "--model", "run/model", "--data", "rows.jsonl", "--sequence-length", "\(length)",
            packing,
          ],
          in: folder)
        let counts = try #require(Evaluated(result.out), "\(result.err)")
        // Each answer and its end-of-text token.
        #expect(counts.tokens == 21 + 15 + 3 && counts.targets == 11 + 2 + 2, "\(length) \(packing)")
        #expect(counts.loss > 0)
        #expect(result.messages.count == (length == 512 ? 0 : 1))
      }
    }
  }
}

/// What `swiftdp evaluate` printed.
struct Evaluated {
  let tokens: Int
  let targets: Int
  let loss: Double
  let perplexity: Double

  init?(_ line: String) {
    let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
    guard words.count == 8, words[0] == "tokens", words[2] == "target_tokens", words[4] == "loss",
      words[6] == "perplexity", let tokens = Int(words[1]), let targets = Int(words[3]),
      let loss = Double(words[5]), let perplexity = Double(words[7])
    else { return nil }
    self.tokens = tokens
    self.targets = targets
    self.loss = loss
    self.perplexity = perplexity
  }
}
