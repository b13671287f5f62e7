// `swiftdp plan`: its parts and their order; `bench memory`: predictions against what is resident.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct PlanTests {
    /// Speeds are given, so that nothing is measured.
    private static let speeds = ["--gflops", "50", "--bandwidth", "20G"]

    private func settings(_ model: String) -> [String] {
      [
        "model=\(model)", "data.train=text.txt", "data.sequence_length=64", "training.batch_size=64",
        "training.micro_batch_size=1",
      ]
    }

    /// training.evaluate has a part of the memory, and a line of its own.
    @Test func benchmarksOfARunCount() throws {
      let folder = try Workspace()
      try folder.makeLlama(longest: 512)
      try folder.makeText(characters: 2000)
      let fixtures = "Tests/Fixtures/evaluation/"
      for name in ["choice.yaml", "choices.jsonl", "examples.jsonl"] {
        try folder.file(fixtures + name, Project.contents(fixtures + name))
      }
      func plan(_ tasks: String, _ options: [String] = []) throws -> CommandResult {
        let result = try Command.swiftdp(
          ["plan", "--hosts", "1", "--ranks-per-host", "1", "--memory", "64G"] + options + Self.speeds
            + settings("llama") + ["training.evaluate={tasks: [\(tasks)], every: 7}"], in: folder)
        try #require(result.code == 0, "\(result.err)")
        return result
      }
      let json = try JSON.parse(try plan(fixtures + "choice.yaml", ["--json"]).out)
      // The rows have 8 questions of about 60 bytes, each read with three or four answers.
      let tokens = try #require(json["evaluation"]?["tokens"]?.integer)
      #expect((8 * 3 * 60...8 * 4 * 90).contains(tokens), "\(tokens)")
      #expect(json["evaluation"]?["every"]?.integer == 7)
      #expect(try #require(json["evaluation"]?["seconds"]?.double) > 0)
      #expect(try #require(json["rows"]?.elements?.first?["parts"]?["evaluation"]?.integer) > 100_000)
      let words = try plan(fixtures + "choice.yaml").out
      #expect(words.contains("\nevaluate    \(grouped(tokens)) tokens at most, "), "\(words)")
      #expect(try plan("arc_easy").out.contains("\nevaluate    not counted: "))
    }

    @Test func partsAndTheirOrder() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2000)
      let result = try Command.swiftdp(
        ["plan", "--json", "--hosts", "4", "--ranks-per-host", "8", "--memory", "64G", "--link", "25G"]
          + Self.speeds + settings("llama"), in: folder)
      try #require(result.code == 0, "\(result.err)")
      let json = try JSON.parse(result.out)
      let parameters = 257 * 32 + 2 * (32 * 32 * 2 + 2 * 32 * 16 + 3 * 32 * 48 + 2 * 32) + 32
      #expect(json["parameters"]?.integer == parameters)
      #expect(json["link_bits_per_second"]?.double == 25e9)
      var rows: [String: JSON] = [:]
      for row in try #require(json["rows"]?.elements) {
        let parts = try #require(row["parts"]?.members).map { try #require($0.value.integer) }
        #expect(parts.count == 7 && parts.allSatisfy { $0 >= 0 })
        let rank = try #require(row["bytes_per_rank"]?.integer)
        #expect(parts.reduce(0, +) == rank)
        #expect(row["bytes_per_host"]?.double == Double(8 * rank))
        #expect(row["ranks"]?.integer == 32 && row["ranks_per_host"]?.integer == 8)
        #expect(row["fits"] == .bool(true))
        let seconds = try ["products", "passes", "exchange", "all"].map {
          try #require(row["seconds"]?[$0]?.double)
        }
        #expect(seconds.allSatisfy { $0 > 0 })
        #expect(abs(seconds[0] + seconds[1] + seconds[2] - seconds[3]) <= 1e-12)
        #expect(abs(try #require(row["tokens_per_second"]?.double) * seconds[3] / (64 * 64) - 1) <= 1e-9)
        let name = try [
          #require(row["zero"]?.integer?.description), text(row, "model_dtype"), text(row, "recompute"),
        ]
        rows[name.joined(separator: " ")] = row
      }
      #expect(rows.count == 4 * 2 * 3)
      func bytes(_ row: String, _ part: String) throws -> Int {
        try #require(rows[row]?["parts"]?[part]?.integer)
      }
      #expect(try bytes("0 float32 none", "weights") == 4 * parameters)
      #expect(try bytes("0 float32 none", "states") == 8 * parameters)
      #expect(try bytes("0 bfloat16 none", "masters") == 4 * parameters)
      #expect(try bytes("1 float32 none", "weights") == 4 * parameters / 8)
      #expect(try bytes("1 float32 none", "masters") == 0)
      for type in ["float32", "bfloat16"] {
        let all = try (0...3).map { stage in
          try #require(rows["\(stage) \(type) none"]?["bytes_per_rank"]?.integer)
        }
        #expect(all[0] > all[1] && all[1] >= all[2] && all[2] >= all[3], "\(all)")
        let kept = try ["none", "attention", "layer"].map { try bytes("1 \(type) \($0)", "activations") }
        #expect(kept[0] > kept[1] && kept[0] > kept[2], "\(kept)")
      }
      #expect(try bytes("1 bfloat16 none", "weights") < bytes("1 float32 none", "weights"))

      #expect(json["command"]?.text?.hasPrefix("mpirun -np 32 --map-by ppr:8:node:PE=") == true)
      // What is recommended is a recipe's settings.
      let yaml = try #require(json["yaml"]?.elements).compactMap(\.text).joined(separator: "\n") + "\n"
      try folder.file("best.yaml", yaml)
      let again = try Command.swiftdp(
        ["plan", "--ranks-per-host", "2", "--memory", "1T"] + Self.speeds + ["best.yaml"] + settings("llama"),
        in: folder)
      #expect(again.code == 0, "\(again.err)")
      #expect(again.out.contains("\n  model_dtype: float32\n  training: {recompute: none}\n"))
      let lines = again.out.split(separator: "\n")
      #expect(lines.contains { $0.hasPrefix("recommended: 2 ranks × ") })
      // Everything but the command, which users paste, fits into a terminal.
      #expect(lines.dropLast().allSatisfy { $0.count <= 100 }, "\(again.out)")
    }

    private func text(_ json: JSON, _ key: String) throws -> String { try #require(json[key]?.text) }

    /// Matrix work is 6 operations per multiplied parameter and token, plus that of attention.
    @Test func timeOfMatrixProducts() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2000)
      func seconds(_ more: [String]) throws -> Double {
        let result = try Command.swiftdp(
          ["plan", "--json", "--ranks-per-host", "1", "--cores", "1"] + Self.speeds + settings("llama")
            + more,
          in: folder)
        let rows = try #require(try JSON.parse(result.out)["rows"]?.elements)
        let row = try #require(rows.first)
        #expect(row["zero"]?.integer == 0 && row["model_dtype"]?.text == "float32")
        return try #require(row["seconds"]?["products"]?.double)
      }
      let multiplied = 257 * 32 + 2 * (32 * 32 * 2 + 2 * 32 * 16 + 3 * 32 * 48)
      let attention = 3.0 * 2 * 4 * 32 * 65 / 2
      let operations = (6 * Double(multiplied) + attention) * 64 * 64
      #expect(try abs(operations / (50e9 * seconds([])) - 0.93) <= 1e-9)
      // Half of all micro-batches are computed once more.
      #expect(try abs(seconds(["training.audit=0.5"]) / seconds([]) - 1.5) <= 1e-9)
    }

    @Test func mistakes() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2000)
      try expectMistake(
        ["plan", "model=no", "data.train=text.txt"], 64,
        ["model: there is no folder no (a Hugging Face model that was downloaded)"], in: folder)
      for ranks in [nil, 3] {
        let result = try Command.swiftdp(
          ["plan", "--memory", "20M", "--ranks-per-host", "2"] + Self.speeds + settings("llama"),
          ranks: ranks, in: folder)
        // The table is there all the same, but there is nothing to paste.
        #expect(result.code == 65 && result.out.contains("  no\n") && !result.out.contains("recommended"))
        #expect(result.messages.count == 1, "\(result.err)")
        let line = try #require(result.messages.first)
        #expect(line.hasPrefix("llama: needs at least 0.") && line.contains("a host has 0.0 GB"), "\(line)")
      }
      for wrong in [
        ["--memory", "much"], ["--hosts", "0"], ["--ranks-per-host", "5000"], ["--gflops", "-1"],
      ] {
        let result = try Command.swiftdp(["plan"] + wrong + settings("llama"), in: folder)
        #expect(result.code == 64 && result.out.isEmpty, "\(wrong)")
        #expect(result.err.contains(wrong[0]), "\(result.err)")
      }
    }

    /// The weights alone fit, but not with gradients and states: reported with the arithmetic, before any is
    /// allocated.
    @Test func trainRefusesWhatDoesNotFit() throws {
      let folder = try Workspace()
      let memory = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
      // A layer's feed-forward part has 65 fp32 numbers for each of these.
      let inner = 1 << 20
      try folder.makeGPT2(inner: inner, layers: memory / 2 / (65 * 4 * inner), dropout: 0)
      try folder.makeText(characters: 2000)
      for ranks in [nil, 2] {
        let result = try Command.swiftdp(
          ["train", "weights=random", "output=out"] + settings("gpt2"), ranks: ranks, in: folder)
        #expect(result.code == 65)
        #expect(result.messages.count == 1, "\(result.err)")
        let line = try #require(result.messages.first)
        #expect(
          line.hasPrefix("gpt2: \(ranks ?? 1) rank\(ranks == nil ? " of a host needs" : "s of a host need") ")
        )
        #expect(line.contains(" GB and it has "), "\(line)")
        for part in ["weights", "gradients", "states", "exchange", "activations", "base"] {
          #expect(line.contains(part + " "), "\(line)")
        }
        #expect(line.contains("model_dtype=bfloat16") || line.contains("optimizer.name=adamw8bit"), "\(line)")
        #expect(!folder.exists("out"))
      }
    }

    /// The memory that ranks really use, beside the formula and the prediction.
    @Test(arguments: ["float32", "bfloat16"]) func memoryIsAsPredicted(type: String) throws {
      let folder = try Workspace()
      // 23 million parameters: enough for the 30 MB that a process has without a model to be a small part.
      try folder.makeGPT2(inner: 3072, layers: 1, dropout: 0, width: 768)
      let config = try folder.text("gpt2/config.json")
      try folder.file(
        "gpt2/config.json", config.replacing("\"vocab_size\": 257", with: "\"vocab_size\": 20000"))
      let result = try Command.swiftdp(
        [
          "bench", "memory", "--json", "--model", "gpt2", "--length", "16", "--steps", "1", "--threads", "1",
          "--dtype", type,
        ], ranks: 2, in: folder)
      try #require(result.code == 0, "\(result.err)")
      let json = try JSON.parse(result.out)
      let parameters = try #require(json["parameters"]?.double)
      let rows = try #require(json["rows"]?.elements)
      #expect(rows.map { $0["zero"]?.integer } == [0, 1, 2, 3])
      let formulas = type == "float32" ? [16.0, 8, 8, 8] : [18.0, 9, 9, 9]
      for (row, formula) in zip(rows, formulas) {
        func bytes(_ name: String) throws -> Double { try #require(row[name]?.double) }
        #expect(abs(try bytes("model_bytes") / (formula * parameters) - 1) <= 0.01, "\(row.encoded())")
        for (measured, predicted) in [
          ("measured_model_bytes", "model_bytes"), ("peak_per_rank", "bytes_per_rank"),
          ("pss_per_host", "bytes_per_host"),
        ] {
          let share = try bytes(measured) / bytes(predicted)
          #expect(abs(share - 1) <= 0.1, "\(measured) \(share) in \(row.encoded())")
        }
      }
    }
  }
}
