// swiftdp index with a released encoder, against sentence-transformers, faiss and rank-bm25: the same bytes at every number of
// ranks; changes of which a search sees all or nothing; answers with their sources.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite(.enabled(if: Project.hasSharedData)) struct IndexCommandTests {
    private static var encoder: String { Project.shared("all-MiniLM-L6-v2") ?? "all-MiniLM-L6-v2" }

    private func fixture() throws -> JSON {
      try JSON.parse(String(decoding: Project.contents("Tests/Fixtures/retrieval.json"), as: UTF8.self))
    }

    private func lines(_ key: String, _ fixture: JSON) throws -> String {
      let elements = try #require(fixture[key]?.elements)
      return elements.map { (key == "queries" ? JSON.object(["query": $0]) : $0).encoded() + "\n" }.joined()
    }

    /// A folder with an index of the fixture's passages.
    private func folder(_ options: [String] = [], ranks: Int? = nil) throws -> Workspace {
      let folder = try Workspace()
      let fixture = try fixture()
      try folder.file("passages.jsonl", try lines("passages", fixture))
      try folder.file("queries.jsonl", try lines("queries", fixture))
      let built = try Command.swiftdp(
        ["index", "build", "--model", Self.encoder, "--data", "passages.jsonl", "--output", "index"]
          + options,
        ranks: ranks, in: folder)
      #expect(
        built.code == 0 && built.out.hasPrefix("28 passages added, 28 chunks in "),
        "\(built.out) \(built.err)")
      return folder
    }

    private func search(_ options: [String], ranks: Int? = nil, in folder: Workspace) throws -> String {
      let result = try Command.swiftdp(
        ["index", "search", "--index", "index"] + options, ranks: ranks, in: folder)
      #expect(result.code == 0, "\(options): \(result.err)")
      return result.out
    }

    private func hits(_ text: String) throws -> [[(id: String, score: Double)]] {
      try text.split(separator: "\n").map { line in
        try #require(try JSON.parse(String(line))["hits"]?.elements).map {
          (try #require($0["id"]?.text), try #require($0["score"]?.double))
        }
      }
    }

    private func expect(_ text: String, _ key: String, within: Double) throws {
      let expected = try #require(try fixture()[key]?.elements).map { $0.elements ?? [] }
      let found = try hits(text)
      #expect(found.count == expected.count && found.count == 8)
      for (found, expected) in zip(found, expected) {
        #expect(found.map(\.id) == expected.compactMap { $0["id"]?.text }, "\(key)")
        for (hit, want) in zip(found, expected) {
          #expect(abs(hit.score - (want["score"]?.double ?? .nan)) < within, "\(key): \(hit.score) \(want)")
        }
      }
    }

    @Test func hitsAreThoseOfTheReferences() throws {
      let folder = try folder()
      let dense = try search(["--queries", "queries.jsonl", "-k", "5"], in: folder)
      try expect(dense, "dense", within: 1e-5)
      let lexical = try search(["--queries", "queries.jsonl", "-k", "5", "--mode", "lexical"], in: folder)
      try expect(lexical, "lexical", within: 1e-9)
      let row = try JSON.parse(String(try #require(dense.split(separator: "\n").first)))
      #expect(row.members?.map { String(decoding: $0.key, as: UTF8.self) } == ["query", "hits"])
      let hit = try #require(row["hits"]?.elements?.first)
      #expect(
        hit.members?.map { String(decoding: $0.key, as: UTF8.self) } == ["id", "chunk", "score", "text"])
      // One query gives the bits that it has among others.
      let alone = try search(["--query", "What is the capital of Norway?", "-k", "5"], in: folder)
      #expect(alone == dense.split(separator: "\n").first.map { $0 + "\n" })
      let filtered = try hits(
        search(
          ["--query", "capital Oslo", "--mode", "hybrid", "--filter", "kind=river", "-k", "40"], in: folder))
      #expect(filtered[0].count == 6)
    }

    @Test func everyNumberOfRanksGivesTheSame() throws {
      let one = try folder(["--vectors", "int8", "--approximate", "--lists", "4"])
      let three = try folder(["--vectors", "int8", "--approximate", "--lists", "4"], ranks: 3)
      let names = one.names(in: "index").filter { $0.hasSuffix(".safetensors") }
      #expect(!names.isEmpty && names == three.names(in: "index").filter { $0.hasSuffix(".safetensors") })
      for name in names { #expect(try one.data("index/" + name) == three.data("index/" + name), "\(name)") }
      var compared = 0
      for mode in [["dense"], ["lexical"], ["hybrid"], ["dense", "--approximate", "--probes", "2"]] {
        let options = ["--queries", "queries.jsonl", "-k", "7", "--mode"] + mode
        let expected = try search(options, in: one)
        for ranks in [1, 2, 3] {
          #expect(try search(options, ranks: ranks, in: three) == expected, "\(mode) at \(ranks) ranks")
          compared += 1
        }
      }
      #expect(compared == 12)
    }

    @Test func changesAreSeenAtOnce() throws {
      let folder = try folder()
      func change(_ words: [String], _ code: Int32 = 0) throws -> CommandResult {
        let result = try Command.swiftdp(["index"] + words, in: folder)
        #expect(result.code == code, "\(words): \(result.err)")
        return result
      }
      try folder.file(
        "changed.jsonl",
        """
        {"id": "p2", "text": "The capital of Norway is Bergen."}
        {"id": "p1", "text": "The capital of Spain is Madrid.", "kind": "capital"}
        {"id": "new", "text": "The capital of Iceland is Reykjavik."}

        """)
      let updated = try change(["update", "--index", "index", "--data", "changed.jsonl"])
      #expect(updated.out.hasPrefix("1 passage added, 1 updated, 1 unchanged, 2 chunks"), "\(updated.out)")
      for mode in ["dense", "lexical", "hybrid"] {
        let text = try search(["--query", "capital of Norway", "-k", "50", "--mode", mode], in: folder)
        #expect(text.contains("Bergen") && !text.contains("Oslo"), "\(mode)")
        #expect(try #require(try hits(text).first?.first).id == "p2", "\(mode)")
      }
      let known = try change(["add", "--index", "index", "--data", "changed.jsonl"], 65)
      #expect(
        known.messages.count == 3
          && known.messages[0].contains(#"has the id "p2", which is in the index already"#))
      let missing = try change(["remove", "--index", "index", "--ids", "p2,none,nothing"], 64)
      #expect(
        missing.messages == [#"--ids: "none" is not in the index"#, #"--ids: "nothing" is not in the index"#])
      #expect(try search(["--query", "Norway", "--mode", "lexical"], in: folder).contains("p2"))
      _ = try change(["remove", "--index", "index", "--ids", "p2"])
      #expect(try !search(["--query", "capital of Norway", "-k", "50"], in: folder).contains("Bergen"))
      let info = try JSON.parse(try change(["info", "--index", "index", "--json"]).out)
      #expect(info["documents"]?.integer == 28 && info["state"]?.text == "complete")
      let again = try change(
        ["build", "--model", Self.encoder, "--data", "passages.jsonl", "--output", "index"], 64)
      #expect(again.messages.first?.contains("is an index already") == true)
    }

    @Test func anotherEncoderIsRefused() throws {
      let folder = try folder()
      try FileManager.default.createDirectory(
        atPath: folder.path + "/other/1_Pooling", withIntermediateDirectories: true)
      for name in try FileManager.default.contentsOfDirectory(atPath: Self.encoder) where name != "1_Pooling"
      {
        try FileManager.default.createSymbolicLink(
          atPath: folder.path + "/other/" + name,
          withDestinationPath: URL(fileURLWithPath: Self.encoder + "/" + name).standardizedFileURL.path)
      }
      try folder.file("other/1_Pooling/config.json", #"{"pooling_mode_cls_token": true}"#)
      let result = try Command.swiftdp(
        ["index", "search", "--index", "index", "--query", "x", "--model", "other"], ranks: 2, in: folder)
      #expect(result.code == 64)
      #expect(
        result.messages.first?.hasPrefix(
          "other: is not the encoder that the index was built with, which was ") == true)
    }

    @Test func answersNameTheirSources() throws {
      let folder = try folder()
      try folder.file(
        "asked.jsonl",
        #"{"prompt": "Q: capital of Norway?\nA:", "query": "capital of Norway", "answers": ["Oslo"]}"# + "\n"
          + #"{"prompt": "zzzz qqqq", "answers": []}"# + "\n")
      let options = [
        "generate", "--model", "shipped:base", "--prompts", "asked.jsonl", "--index", "index", "-k", "2",
        "--threshold", "0.3", "--max-tokens", "4",
      ]
      var written: [Data] = []
      for ranks in [nil, 2] {
        let name = "answers\(ranks ?? 1).jsonl"
        let result = try Command.swiftdp(options + ["--output", name], ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        written.append(try folder.data(name))
      }
      #expect(written[0] == written[1])
      let rows = try folder.text("answers1.jsonl").split(separator: "\n").map { try JSON.parse(String($0)) }
      #expect(rows[0]["sources"]?.elements?.first?["id"]?.text == "p2")
      #expect(rows[0]["answered"]?.bool == true && rows[1]["answered"]?.bool == false)
      #expect(rows[1]["completion"]?.text == "No answer in the passages.")
      let measured = try Command.swiftdp(
        ["index", "evaluate", "--answers", "answers1.jsonl", "--json"], in: folder)
      #expect(try JSON.parse(measured.out)["no_answer"]?.double == 0.5, "\(measured.err)")
      try folder.file(
        "relevant.jsonl",
        #"{"query": "capital of Norway", "relevant": ["p2"]}"# + "\n"
          + #"{"query": "symbol of silver", "relevant": {"p23": 2, "p0": 0}}"# + "\n")
      let found = try Command.swiftdp(
        ["index", "evaluate", "--index", "index", "--queries", "relevant.jsonl", "-k", "5", "--json"],
        in: folder)
      let numbers = try JSON.parse(found.out)
      #expect(numbers["recall_1"]?.double == 1 && numbers["ndcg_cut_5"]?.double == 1, "\(found.out)")
    }

    /// Passages stand in the last question of a chat, by the user's template; the answer's passage is among them.
    @Test func chatsAreTrainedWithPassages() throws {
      let folder = try folder()
      try folder.file(
        "chats.jsonl",
        """
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is the capital of Norway?"}, {"role": "assistant", "content": "Oslo"}]}
        {"messages": [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi"}, {"role": "user", "content": "Who wrote Hamlet?"}, {"role": "assistant", "content": "Shakespeare"}]}

        """)
      try folder.file(
        "own.jinja", "{% for passage in passages %}<{{ passage.id }}>{% endfor %} {{ question | upper }}")
      let train = [
        "train", "model=shipped:base", "data.train=chats.jsonl", "data.template=chatml", "data.validation=0",
        "data.packing=false", "data.sequence_length=256", "training.steps=1", "training.batch_size=2",
        "training.micro_batch_size=1",
      ]
      let result = try Command.swiftdp(
        train + ["output=run", "data.retrieval={index: index, passages: 2, template: own.jinja}"], ranks: 2,
        in: folder)
      try #require(result.code == 0, "\(result.out)\(result.err)")
      let name = try #require(folder.names(in: "run/retrieved").first)
      let rows = try folder.text("run/retrieved/" + name).split(separator: "\n").map {
        try JSON.parse(String($0))
      }
      let contents = rows.map { ($0["messages"]?.elements ?? []).compactMap { $0["content"]?.text } }
      #expect(contents.count == 2 && contents.first?.count == 3 && contents.last?.count == 4)
      #expect(contents.first?[0] == "Be brief." && contents.first?[2] == "Oslo")
      // Passages stand in an order that is drawn.
      #expect(
        contents.first?[1].contains("<p2>") == true
          && contents.first?[1].hasSuffix("> WHAT IS THE CAPITAL OF NORWAY?") == true, "\(contents)")
      #expect(contents.last?[0] == "Hello" && contents.last?[2].contains("<p10>") == true, "\(contents)")
      try folder.file("broken.jinja", "{% for passage in passages %}")
      let broken = try Command.swiftdp(
        [
          "generate", "--model", "shipped:base", "--prompt", "x", "--index", "index", "--passage-template",
          "broken.jinja",
        ],
        in: folder)
      #expect(
        broken.code == 65 && broken.messages.count == 1 && broken.messages[0].hasPrefix("broken.jinja:1: "),
        "\(broken.err)")
    }

    /// A question that the encoder cannot read to its end is told of; one that the model has no room for is refused.
    @Test func longQuestionsAreToldOf() throws {
      let folder = try folder()
      let long = String(repeating: "capital of Norway ", count: 400)
      let found = try Command.swiftdp(
        ["index", "search", "--index", "index", "--query", long, "-k", "1"], in: folder)
      #expect(
        found.code == 0 && found.err.contains("note: 1 query longer than the encoder reads"), "\(found.err)")
      try folder.file("asked.jsonl", JSON.object(["prompt": .string(long)]).encoded() + "\n")
      let asked = try Command.swiftdp(
        [
          "generate", "--model", "shipped:base", "--prompts", "asked.jsonl", "--output", "out.jsonl",
          "--index", "index",
        ],
        in: folder)
      #expect(
        asked.code == 65 && asked.messages.last?.hasPrefix("asked.jsonl:1: has 7201 tokens") == true,
        "\(asked.err)")
      #expect(!folder.exists("out.jsonl"))
    }

    @Test func hardNegativesAreNoAnswers() throws {
      let folder = try folder()
      try folder.file(
        "pairs.jsonl",
        #"{"anchor": "capital of Norway?", "positive": "The capital of Norway is Oslo."}"# + "\n")
      let result = try Command.swiftdp(
        [
          "index", "mine", "--index", "index", "--data", "pairs.jsonl", "--output", "mined.jsonl",
          "--negatives", "2",
        ],
        ranks: 2, in: folder)
      #expect(result.code == 0 && result.out.hasPrefix("2 rows of 1 pair"), "\(result.err)")
      for line in try folder.text("mined.jsonl").split(separator: "\n") {
        let row = try JSON.parse(String(line))
        #expect(
          row["negative"]?.text?.hasPrefix("The capital of ") == true && row["negative"] != row["positive"])
      }
    }
  }
}
