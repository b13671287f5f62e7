// A real pretrained model, fine-tuned, evaluated, continued: stories260K on Shakespeare.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite(.enabled(if: Project.hasSharedData, "../shared/data is not here"))
  struct RealModelTests {
    private func shared(_ path: String) throws -> String { try #require(Project.shared(path)) }

    /// PyTorch reaches 46 % with the same settings.
    @Test func shakespeare() throws {
      let folder = try Workspace()
      let run = try train(
        [
          "model=\(try shared("stories260K-hf"))", "data.train=\(try shared("text/tinyshakespeare.txt"))",
          "data.sequence_length=256", "training.steps=100", "training.batch_size=32",
          "training.validate_every=50", "optimizer.learning_rate=1.0e-3", "schedule.name=cosine",
        ], output: "run", ranks: 2, in: folder, timeLimit: 600)
      #expect(try run.numbers("loss").count == 100)
      let losses = try run.numbers("validation_loss")
      #expect(losses.count == 2)
      let before = try #require(try firstValidation(of: run))
      #expect(try #require(losses.last) < 0.6 * before)

      let verdict = try shared("text/the-verdict.txt")
      var lines: Set<String> = []
      let cases = [(nil, 1), (nil, 7), (3, 1), (3, 7)] as [(Int?, Int)]
      for (ranks, size) in cases {
        let result = try Command.swiftdp(
          ["evaluate", "--model", "run/model", "--data", verdict, "--batch-size", "\(size)"], ranks: ranks,
          in: folder)
        #expect(result.code == 0, "\(result.err)")
        lines.insert(result.out)
      }
      #expect(cases.count == 4)
      #expect(lines.count == 1, "the same for every batch size and rank count")
      let evaluated = try #require(Evaluated(lines.first ?? ""))
      #expect(abs(exp(evaluated.loss) / evaluated.perplexity - 1) <= 1e-5)
      #expect(evaluated.loss > 2 && evaluated.loss < 4)
    }

    /// The numbers of transformers 5.24 in fp32, block by block, the last one short.
    @Test func evaluateCountsWhatTransformersCounts() throws {
      let folder = try Workspace()
      var checked = 0
      for (length, targets, loss) in [(200, 11751, 3.530356), (512, 11787, 3.517094)] {
        for packing in ["--packing", "--no-packing"] {
          let result = try Command.swiftdp(
            [
              "evaluate", "--model", try shared("stories260K-hf"), "--data",
              try shared("text/the-verdict.txt"),
              "--sequence-length", "\(length)", packing,
            ], ranks: 2, in: folder)
          let evaluated = try #require(Evaluated(result.out), "\(result.err)")
          #expect(evaluated.tokens == 11811 && evaluated.targets == targets)
          #expect(abs(evaluated.loss - loss) <= 1e-5)
          checked += 1
        }
      }
      #expect(checked == 4)
    }

    /// A tokenizer that joins a space with the following word also joins an answer with the end of its prompt.
    @Test func answersThatBeginInsideTheirPromptAreShown() throws {
      let folder = try Workspace()
      try folder.file(
        "rows.jsonl",
        """
        {"prompt": "Once upon a ", "completion": "time there was"}
        {"prompt": "Once upon", "completion": " a time"}
        {"prompt": "Lily saw the ", "completion": "dog"}

        """)
      let warning =
        "2 of 3 answers begin inside the last token of their prompt, and carry no loss there, such as line 1: "
        + #""Once upon a " + "time there w" (move a space at the end of prompts to the beginning of answers)"#
      let model = try shared("stories260K-hf")
      let evaluated = try Command.swiftdp(
        ["evaluate", "--model", model, "--data", "rows.jsonl"], ranks: 2, in: folder)
      #expect(evaluated.messages == ["note: rows.jsonl: " + warning])
      let trained = try Command.swiftdp(
        [
          "train", "model=\(model)", "data.train=rows.jsonl", "data.validation=0", "training.steps=1",
          "output=run",
        ],
        ranks: 2, in: folder)
      #expect(trained.code == 0 && trained.out.contains("\n        \(warning)\n"), "\(trained.out)")
    }

    /// The loss of the held-out text before training, measured on the same share of the data.
    private func firstValidation(of run: RunOutput) throws -> Double? {
      // A rate of 0 leaves the model as it is.
      let still = try train(
        [
          "model=\(try shared("stories260K-hf"))", "data.train=\(try shared("text/tinyshakespeare.txt"))",
          "data.sequence_length=256", "training.steps=1", "training.batch_size=1",
          "optimizer.learning_rate=0",
        ], output: "still", ranks: 2, in: run.folder)
      return try still.numbers("validation_loss").first
    }

    private func expected() throws -> JSON {
      try JSON.parse(Array(try Project.contents("Tests/Fixtures/parity/stories260K/expected.json")))
    }

    @Test func tokenizeGivesTheIdsOfTheFixture() throws {
      let folder = try Workspace()
      let expected = try expected()
      let prompt = try #require(expected["prompt"]?.text)
      try folder.file("lines.txt", "\(prompt)\n\n\(prompt)")
      let arguments = ["tokenize", "--model", try shared("stories260K-hf"), "lines.txt"]
      let ids = try Command.swiftdp(arguments, in: folder)
      let lines = ids.out.split(separator: "\n").map(String.init)
      #expect(lines.count == 3)
      #expect(lines.first == expected["prompt_ids"]?.encoded())
      #expect(lines.last == lines.first)
      let pieces = try Command.swiftdp(arguments + ["--pieces"], ranks: 2, in: folder)
      let pairs = try JSON.parse(String(try #require(pieces.out.split(separator: "\n").first))).elements ?? []
      #expect(
        pairs.compactMap { $0.elements?.first?.integer } == [1, 403, 407, 261, 378, 432, 383, 286, 261, 376])
      #expect(pairs.dropFirst().prefix(2).compactMap { $0.elements?.last?.text } == ["▁Once", "▁upon"])
    }

    @Test func greedyTextIsThatOfTheFixture() throws {
      let folder = try Workspace()
      let expected = try expected()
      let model = try shared("stories260K-hf")
      let prompt = try #require(expected["prompt"]?.text)
      let made = try Command.swiftdp(
        ["generate", "--model", model, "--prompt", prompt, "--max-tokens", "64"], in: folder)
      #expect(made.code == 0)
      #expect(made.out.hasPrefix(prompt + " "))
      // The text, tokenised again, is prompt and continuation; its line end stands for the byte token 13.
      try folder.file("made.txt", made.out)
      let ids = try Command.swiftdp(["tokenize", "--model", model, "made.txt"], in: folder)
      let lines = try ids.out.split(separator: "\n").map {
        try JSON.parse(String($0)).elements?.compactMap(\.integer)
      }
      let all = try ["prompt_ids", "greedy_ids"].flatMap { key in
        try #require(expected[key]?.elements).compactMap(\.integer)
      }
      let paragraphs = all.split(separator: 13)
      #expect(paragraphs.count == 2 && lines.count == 2)
      #expect(lines.first == Array(paragraphs[0]))

      // Threads and rank counts do not matter, and one rank speaks.
      let again = try Command.swiftdp(
        ["generate", "--model", model, "--prompt", prompt, "--max-tokens", "64", "--threads", "1"], ranks: 2,
        in: folder)
      #expect(again.out == made.out)
    }

    @Test func seedsDecideWhatIsDrawn() throws {
      let folder = try Workspace()
      let model = try shared("stories260K-hf")
      func text(_ options: String...) throws -> String {
        let result = try Command.swiftdp(
          ["generate", "--model", model, "--prompt", "One day", "--max-tokens", "40"] + options, in: folder)
        #expect(result.code == 0, "\(result.err)")
        return result.out
      }
      let first = try text("--temperature", "1", "--seed", "1")
      #expect(try text("--temperature", "1", "--seed", "1") == first)
      #expect(try text("--temperature", "1", "--seed", "2") != first)
      // Such a small share of the likeliest tokens holds one token only.
      #expect(try text("--temperature", "1", "--top-p", "0.0001", "--seed", "3") == text())
    }

    @Test func promptsUpToTheModelsLength() throws {
      let folder = try Workspace()
      let model = try shared("stories260K-hf")
      let long = Array(repeating: "Lily", count: 600).joined(separator: " ")
      let result = try Command.swiftdp(["generate", "--model", model, "--prompt", long], in: folder)
      #expect(result.code == 64)
      #expect(result.out.isEmpty)
      #expect(
        result.messages == [
          "--prompt: has 601 tokens, but the model reads at most 512 (at least one must be left for the answer)"
        ])
      // More tokens are asked for than the model can read: it stops at its longest sequence.
      let most = try Command.swiftdp(
        ["generate", "--model", model, "--prompt", "Lily", "--max-tokens", "5000"], in: folder)
      #expect(most.code == 0)
      try folder.file("made.txt", most.out)
      #expect(most.out.utf8.count > 500)
    }
  }
}
