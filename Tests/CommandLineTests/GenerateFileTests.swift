// swiftdp generate --prompts: the same file at every batch size and number of ranks, and what is refused.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct GenerateFileTests {
    private static let options = ["generate", "--model", "model", "--prompts", "prompts.jsonl"]

    /// A folder with a trained model of 257 tokens, an adapter of it, and prompts of unequal length.
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = ["data.train=text.txt", "data.sequence_length=32", "optimizer.learning_rate=1.0e-2"]
      try train(settings + ["model=llama", "weights=random", "training.steps=40"], output: "run", in: folder)
      try folder.copy("run/model", to: "model")
      try train(settings + ["model=model", "method=lora", "training.steps=4"], output: "lora", in: folder)
      let prompts = ["the", "a ship and", "men", "of rain while old", "cat saw the", "x", "and sang"]
      try folder.file(
        "prompts.jsonl",
        prompts.enumerated().map { #"{"id": \#($0)e2, "prompt": "\#($1)", "kept": [1.50, null]}"# }
          .joined(separator: "\n\n") + "\n")
      return folder
    }

    private func generated(
      _ options: [String], to name: String, ranks: Int? = nil, in folder: Workspace
    ) throws -> Data {
      let result = try Command.swiftdp(Self.options + ["--output", name] + options, ranks: ranks, in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(result.out.contains("7 completions, ") && result.out.hasSuffix(" · \(name)\n"))
      return try folder.data(name)
    }

    @Test(arguments: [
      [], ["--temperature", "1.5", "--top-p", "0.9", "--seed", "4"], ["--temperature", "1", "--top-k", "5"],
      ["frozen_dtype=nf4", "--adapter", "lora/model"], ["model_dtype=bfloat16", "frozen_dtype=int8"],
      ["frozen_dtype={name: int8, embeddings: int8}"],
    ])
    func everyArrangementGivesTheSameFile(_ options: [String]) throws {
      let folder = try folder()
      let options = options + ["--max-tokens", "30"]
      let one = try generated(options + ["--batch-size", "1", "--threads", "1"], to: "one.jsonl", in: folder)
      var compared = 0
      for (ranks, batchSize) in [(nil, 3), (nil, 64), (1, 64), (2, 2), (3, 64)] as [(Int?, Int)] {
        let other = try generated(
          options + ["--batch-size", "\(batchSize)"], to: "\(compared).jsonl", ranks: ranks, in: folder)
        #expect(other == one, "\(ranks ?? 1) ranks, \(batchSize) at once")
        compared += 1
      }
      #expect(compared == 5)
      let answers = try rows(one).map { try #require($0["completion"]?.text) }
      #expect(Set(answers).count >= 2)
      if options.contains("--temperature") {
        let seeded = try generated(options + ["--seed", "8"], to: "seed.jsonl", in: folder)
        #expect(seeded != one)
      }
    }

    private func rows(_ data: Data) throws -> [JSON] {
      try data.split(separator: UInt8(ascii: "\n")).map { try JSON.parse(Array($0)) }
    }

    @Test func rowsStayAsTheyAreAndAreDataToTrainOn() throws {
      let folder = try folder()
      let plain = try generated(["--max-tokens", "9"], to: "plain.jsonl", in: folder)
      let withIDs = try rows(generated(["--max-tokens", "9", "--ids"], to: "ids.jsonl", in: folder))
      let lines = String(decoding: plain, as: UTF8.self).split(separator: "\n")
      let given = try folder.text("prompts.jsonl").split(separator: "\n")
      try #require(lines.count == 7 && given.count == 7 && withIDs.count == 7)
      for (line, row) in zip(lines, given) {
        #expect(line.hasPrefix(row.dropLast() + #", "completion": ""#))
      }
      // Alone, a prompt gets the same answer. Tokens are bytes.
      for (row, json) in zip(try rows(plain), withIDs) {
        let (prompt, completion) = (try #require(row["prompt"]?.text), try #require(row["completion"]?.text))
        let alone = try Command.swiftdp(
          ["generate", "--model", "model", "--max-tokens", "9", "--prompt", prompt], in: folder)
        #expect(alone.out == prompt + completion + "\n")
        #expect(json["completion"]?.text == completion)
        let ids = try #require(json["ids"]?.elements).map { UInt8(try #require($0.integer)) }
        #expect(String(decoding: ids, as: UTF8.self) == completion)
      }
      let trained = try train(
        ["model=model", "data.train=ids.jsonl", "data.sequence_length=64", "training.steps=1"],
        output: "again", in: folder)
      #expect(try trained.numbers("loss").count == 1)
      // An answer that a row had is replaced.
      try folder.file(
        "answered.jsonl",
        #"{"completion": "no", "prompt": "the", "x": 1}"# + "\n" + #"{"prompt": "men", "response": "no"}"#)
      let again = try Command.swiftdp(
        ["generate", "--model", "model", "--prompts", "answered.jsonl", "--output", "new.jsonl"], in: folder)
      #expect(again.code == 0)
      let new = try rows(folder.data("new.jsonl"))
      #expect(
        new.map { $0.members?.map { String(decoding: $0.key, as: UTF8.self) } } == [
          ["prompt", "x", "completion"], ["prompt", "completion"],
        ])
      #expect(new.allSatisfy { $0["completion"]?.text != "no" })
    }

    @Test func mistakesAreToldBeforeAnyWork() throws {
      let folder = try folder()
      try folder.file("empty.jsonl", "")
      try folder.file("blank.jsonl", "\n  \n")
      try folder.file("text.txt", "the")
      try folder.file("rows.json", #"[{"prompt": "a"}]"#)
      try folder.file(
        "bad.jsonl",
        [
          #"{"prompt": "a"}"#, "{", "[1]", #"{"question": "a"}"#, #"{"prompt": 3}"#, #"{"prompt": null}"#,
          #"{"prompt": "a", "prompt": "b"}"#, "7",
        ].joined(separator: "\n"))
      let long = String(repeating: "a", count: 64)
      try folder.file(
        "long.jsonl", #"{"prompt": "a"}"# + "\n" + #"{"prompt": "\#(long)"}"# + "\n" + #"{"prompt": ""}"#)
      try folder.file("there.jsonl", "kept")
      func expect(_ prompts: String, output: String = "new.jsonl", _ code: Int32, _ messages: [String])
        throws
      {
        try expectMistake(
          ["generate", "--model", "model", "--prompts", prompts, "--output", output], code, messages,
          in: folder)
      }
      try expect("no.jsonl", 64, ["--prompts: there is no file no.jsonl"])
      try expect("empty.jsonl", 65, ["empty.jsonl: the file is empty"])
      try expect("blank.jsonl", 65, ["blank.jsonl: the file has no rows"])
      try expect(
        "text.txt", 65, ["text.txt: prompts are rows of a .jsonl file (swiftdp data convert makes one)"])
      try expect(
        "rows.json", 65, ["rows.json: prompts are rows of a .jsonl file (swiftdp data convert makes one)"])
      let hint = #"(a row is {"prompt": …}, with any other keys)"#
      try expect(
        "bad.jsonl", 65,
        [
          "bad.jsonl:2: is not JSON: the text ends too early at byte 1 of the line (a .jsonl file holds one object a line)",
          "bad.jsonl:3: a row must be an object, but this is a list",
          "bad.jsonl:4: has no \"prompt\" \(hint)",
          "bad.jsonl:5: \"prompt\" must be a string, but is a whole number",
          "bad.jsonl:6: \"prompt\" must be a string, but is null",
          "bad.jsonl: and 2 more rows that cannot be used",
        ])
      try expect(
        "long.jsonl", 65,
        [
          "long.jsonl:2: has 64 tokens, but the model reads at most 64 (at least one must be left for the answer)",
          "long.jsonl:3: is empty, and the tokenizer adds no beginning of text",
        ])
      try expect(
        "prompts.jsonl", output: "there.jsonl", 64,
        ["--output: there.jsonl exists already (give another name, or remove it)"])
      try expect(
        "prompts.jsonl", output: "no/new.jsonl", 74,
        ["no/new.jsonl.part: cannot be opened for writing: No such file or directory"])
      // All at once.
      try expect(
        "no.jsonl", output: "there.jsonl", 64,
        [
          "--prompts: there is no file no.jsonl",
          "--output: there.jsonl exists already (give another name, or remove it)",
        ])
      let help = " (see swiftdp generate --help)"
      let model = ["generate", "--model", "model"]
      for (options, line) in [
        ([], "Missing expected argument '--prompt <prompt>' or '--prompts <prompts>'"),
        (["--prompt", "a", "--prompts", "b"], "--prompt and --prompts do not go together"),
        (["--prompts", "prompts.jsonl"], "--prompts and --output go together"),
        (["--prompt", "a", "--ids"], "--batch-size and --ids are for --prompts"),
        (["--prompt", "a", "--top-k", "0"], "--top-k is 0, but must be at least 1"),
      ] {
        try expectMistake(model + options, 64, [line + help], in: folder)
      }
    }

    @Test func settingsAreThoseOfRecipes() throws {
      let folder = try folder()
      for (command, options) in [
        ("generate", ["--prompt", "the"]),
        ("generate", ["--prompts", "prompts.jsonl", "--output", "new.jsonl"]),
        ("evaluate", ["--data", "text.txt"]),
      ] {
        let words = [command, "--model", "model"] + options
        try expectMistake(
          words + ["frozen_dtype=nf5", "model_dtypo=float32", "parallel.threads=0", "training.steps=3"], 64,
          [
            "frozen_dtype: is \"nf5\", but must be one of same, float32, bfloat16, int8, nf4 (did you mean nf4?)",
            "parallel.threads: is 0, but must be from 1 to 1024",
            "model_dtypo: is not a key of swiftdp \(command) (did you mean model_dtype?)",
            "training: is not a key of swiftdp \(command) (the keys here are model_dtype, frozen_dtype, parallel\(command == "evaluate" ? ", data, task" : ""))",
          ], in: folder)
        let word = command == "evaluate" ? "3" : "=3"
        let line =
          command == "evaluate"
          ? "--data: there is no file 3 (this folder holds prompts.jsonl, text.txt)"
          : "=3: is not a setting (write section.key=value, such as training.steps=100)"
        try expectMistake(words + [word], 64, [line], in: folder)
      }
      // A storage changes the loss, and a little only.
      func loss(_ settings: [String], ranks: Int? = nil) throws -> Double {
        let result = try Command.swiftdp(
          ["evaluate", "--model", "model", "--data", "text.txt"] + settings, ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        let words = result.out.split(separator: " ")
        let place = try #require(words.firstIndex(of: "loss"))
        return try #require(Double(words[place + 1]))
      }
      let whole = try loss([])
      var compared = 0
      for setting in [
        "frozen_dtype=nf4", "frozen_dtype={name: nf4, double_quantization: true}", "model_dtype=bfloat16",
        "frozen_dtype={name: same, embeddings: int8}",
      ] {
        let stored = try loss([setting])
        #expect(stored != whole && abs(stored / whole - 1) < 0.1, "\(setting)")
        #expect(try loss([setting], ranks: 3) == stored)
        compared += 1
      }
      #expect(compared == 4)
    }

    /// Rows that name adapters of one base are answered as by each of them alone.
    @Test func severalAdaptersOfOneBase() throws {
      let folder = try folder()
      let settings = ["model=model", "data.train=text.txt", "data.sequence_length=32", "training.steps=8"]
      let methods = [
        "ia3": "method=ia3", "prefix": "method={name: prefix_tuning, num_virtual_tokens: 3}",
        "adapters": "method=adapters",
      ]
      for (name, method) in methods {
        _ = try train(settings + [method, "optimizer.learning_rate=5.0e-2"], output: name, in: folder)
      }
      let names = ["lora", "ia3", "prefix", "adapters"]
      let asked = [nil, "lora", "ia3", "prefix", "adapters", "lora", nil]
      let rows = asked.enumerated().map { row, name in
        #"{"prompt": "the cat saw \#(row)", "adapter": \#(name.map { "\"\($0)\"" } ?? "null")}"#
      }
      try folder.file("prompts.jsonl", rows.joined(separator: "\n") + "\n")
      let options = ["--temperature", "1.0", "--seed", "4", "--max-tokens", "20"]
      func lines(_ data: Data) -> [Substring] { String(decoding: data, as: UTF8.self).split(separator: "\n") }
      var alone: [String?: [Substring]] = [nil: lines(try generated(options, to: "base.jsonl", in: folder))]
      for name in names {
        let adapter = ["--adapter", "\(name)/model"]
        alone[name] = lines(try generated(options + adapter, to: "\(name).jsonl", in: folder))
      }
      let want = asked.enumerated().compactMap { alone[$1]?[$0] }
      #expect(want.count == 7 && Set(alone.values.map { $0.joined() }).count == 5)
      let all = names.flatMap { ["--adapter", "\($0)=\($0)/model"] }
      for ranks in [nil, 3] as [Int?] {
        let file = try generated(options + all, to: "all\(ranks ?? 1).jsonl", ranks: ranks, in: folder)
        #expect(lines(file) == want, "\(ranks ?? 1) ranks")
      }

      for (options, words) in [
        (["--adapter", "x=lora/model", "--adapter", "ia3=ia3/model"], "names the adapter \"lora\""),
        (["--adapter", "x=lora/model", "--adapter", "x=ia3/model"], "gives two adapters one name"),
      ] {
        let result = try Command.swiftdp(Self.options + ["--output", "no.jsonl"] + options, in: folder)
        #expect(result.code == 65 || result.code == 64)
        #expect(result.err.contains(words), "\(result.err)")
      }
      let two = ["--adapter", "lora/model", "--adapter", "ia3/model"]
      let one = try Command.swiftdp(["generate", "--model", "model", "--prompt", "the"] + two, in: folder)
      #expect(one.code == 64 && one.err.contains("for generate --prompts"), "\(one.err)")
    }
  }
}
