// swiftdp evaluate --tasks: what lm-evaluation-harness gives for the same tasks (Tests/Fixtures/evaluation), the same file
// in every arrangement, and what is refused.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct EvaluationTaskTests {
    private static let fixtures =
      URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().path + "/Fixtures/evaluation"
    private static let tasks = ["both", "choice_first", "gap", "word", "text", "sum"]

    /// A folder where the fixtures lie as their tasks say.
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      for name in try FileManager.default.contentsOfDirectory(atPath: Self.fixtures) {
        let data = try #require(FileManager.default.contents(atPath: Self.fixtures + "/" + name))
        try folder.file("Tests/Fixtures/evaluation/" + name, data)
      }
      return folder
    }

    private func arguments(_ names: [String], _ options: [String] = []) -> [String] {
      let files = names.map { $0.contains("/") ? $0 : "Tests/Fixtures/evaluation/\($0).yaml" }
      return ["evaluate", "--model", "shipped:base", "--tasks", files.joined(separator: ",")] + options
    }

    private func samples(_ task: String, _ output: String, in folder: Workspace) throws -> [JSON] {
      try folder.data("\(output)/samples_\(task).jsonl").split(separator: UInt8(ascii: "\n")).map {
        try JSON.parse(Array($0))
      }
    }

    @Test func numbersAndSamplesAreThoseOfTheHarness() throws {
      let folder = try folder()
      let result = try Command.swiftdp(arguments(Self.tasks, ["--output", "out"]), in: folder)
      #expect(result.code == 0, "\(result.err)")
      let expected = try JSON.parse(Array(try folder.data("Tests/Fixtures/evaluation/expected.json")))
      let results = try JSON.parse(Array(try folder.data("out/results.json")))
      var differences: [String] = []
      for key in [
        "results", "groups", "group_subtasks", "versions", "n-shot", "higher_is_better", "n-samples",
      ] {
        compare(try #require(expected[key]), results[key], key, &differences)
      }
      var compared = 0
      for member in try #require(expected["samples"]?.members) {
        let task = String(decoding: member.key, as: UTF8.self)
        let own = try samples(task, "out", in: folder)
        let others = try #require(member.value.elements)
        #expect(own.count == others.count)
        for (a, b) in zip(others, own) {
          compare(a, b, "\(task) \(a["doc_id"]?.integer ?? -1)", &differences)
        }
        compared += own.count
      }
      #expect(compared == 8 + 8 + 8 + 2 + 4 + 4 + 8)
      #expect(differences.isEmpty, "\(differences.prefix(5).joined(separator: "\n"))")
    }

    /// Numbers may differ in their last bits, also where they stand as texts.
    private func compare(_ a: JSON, _ b: JSON?, _ place: String, _ differences: inout [String]) {
      if let members = a.members {
        for member in members {
          let key = String(decoding: member.key, as: UTF8.self)
          compare(member.value, b?[key], place + "." + key, &differences)
        }
        return
      }
      if let elements = a.elements, let others = b?.elements, elements.count == others.count {
        for (x, y) in zip(elements, others) { compare(x, y, place, &differences) }
        return
      }
      if a == b { return }
      func number(_ json: JSON?) -> Double? { json?.double ?? json?.text.flatMap { Double($0) } }
      // Log-likelihoods within 1e-4, where a float32 sum is as exact; perplexities are exponentials of them.
      if let x = number(a), let y = number(b),
        abs(x - y) <= (abs(x) < 1e4 ? max(1e-4, 5e-7 * abs(x)) : 1e-4 * abs(x))
      {
        return
      }
      differences.append("\(place): \(a.encoded()) and \(b?.encoded() ?? "nothing")")
    }

    @Test func everyArrangementGivesTheSameSamples() throws {
      let folder = try folder()
      let tasks = ["choice_shots", "gap", "text", "sum"]
      func run(_ output: String, _ batchSize: Int, ranks: Int?) throws -> [Data] {
        let result = try Command.swiftdp(
          arguments(tasks, ["--output", output, "--batch-size", "\(batchSize)"]), ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        return try tasks.map { try folder.data("\(output)/samples_\($0).jsonl") }
      }
      let one = try run("one", 1, ranks: nil)
      #expect(one.allSatisfy { !$0.isEmpty })
      for (place, (batchSize, ranks)) in ([(7, nil), (64, nil), (64, 2), (7, 3)] as [(Int, Int?)])
        .enumerated()
      {
        let other = try run("other\(place)", batchSize, ranks: ranks)
        #expect(other == one, "batches of \(batchSize), \(ranks ?? 1) ranks")
      }
    }

    @Test func shotsAndLimitCount() throws {
      let folder = try folder()
      let result = try Command.swiftdp(
        arguments(["choice"], ["--shots", "1", "--limit", "3", "--seed", "5", "--output", "out", "--json"]),
        in: folder)
      #expect(result.code == 0, "\(result.err)")
      let rows = try samples("choice", "out", in: folder)
      #expect(rows.count == 3)
      let prompt = try #require(rows[0]["arguments"]?["gen_args_0"]?["arg_0"]?.text)
      #expect(prompt.components(separatedBy: "Question: ").count == 3, "\(prompt)")
      let results = try JSON.parse(Array(try folder.data("out/results.json")))
      #expect(results["n-shot"]?["choice"]?.integer == 1)
      #expect(results["n-samples"]?["choice"]?["effective"]?.integer == 3)
      #expect(try JSON.parse(result.out)["choice"]?["acc,none"]?.double != nil)
      // What is there is not written over.
      let again = try Command.swiftdp(arguments(["choice"], ["--output", "out"]), in: folder)
      #expect(again.code == 64)
    }

    @Test func mistakesOfTaskFilesAreToldAtOnce() throws {
      let folder = try folder()
      let base = try folder.text("Tests/Fixtures/evaluation/choice.yaml")
      try folder.file("python.yaml", base + "process_results: !function utils.results\n")
      try folder.file("unknown.yaml", base + "doc_to_txt: x\n")
      try expectMistake(
        ["evaluate", "--model", "shipped:base", "--tasks", "./python.yaml,./unknown.yaml,arc_eas"], 64,
        [
          "./python.yaml: process_results: names the Python function \"utils.results\", and swiftdp runs no Python "
            + "(say it in Jinja, or use a task that swiftdp ships)",
          "./unknown.yaml: doc_to_txt: is not a key of a task file (did you mean doc_to_text?)",
          "--tasks: there is no task \"arc_eas\" (did you mean arc_easy?)",
        ], in: folder)
      try expectMistake(
        ["evaluate", "--model", "shipped:base", "--tasks", "arc_easy"], 64,
        ["task arc_easy: reads the data set \"allenai/ai2_arc\" (give the folder of its files: --data DIR)"],
        in: folder)
    }

    @Test(arguments: [
      "", "[]", "task: [1, 2]", "a: &a [*a]", "task: x\ninclude: hostile.yaml",
      "task: x\ngroup: x\n", String(repeating: "[", count: 100_000), "task: ../x\ndataset_path: json\n",
      "task: x\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\noutput_type: multiple_choice\n"
        + "doc_to_text: '{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}'\n"
        + "doc_to_target: 0\ndoc_to_choice: [a, b]\n",
      "task: x\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\noutput_type: multiple_choice\n"
        + "doc_to_text: '{{ nothing }}'\ndoc_to_target: 0\ndoc_to_choice: [a, b]\n",
      "task: x\ndataset_path: json\ndataset_kwargs: {data_files: {test: rows.jsonl}}\ntest_split: test\noutput_type: multiple_choice\n"
        + "doc_to_text: '{{ \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\" | regex_replace(\"(a|a)*(a|a)*c\", \"\") }}'\n"
        + "doc_to_target: 0\ndoc_to_choice: [a, b]\n",
    ])
    func hostileTaskFilesEndInLines(_ text: String) throws {
      let folder = try Workspace()
      try folder.file("hostile.yaml", text)
      try folder.file("rows.jsonl", "{\"a\": 1}\n")
      let result = try Command.swiftdp(
        ["evaluate", "--model", "shipped:base", "--tasks", "./hostile.yaml", "--output", "out"], in: folder)
      #expect(result.code == 64 || result.code == 65, "\(result.code) \(result.err)")
      #expect((1...8).contains(result.errorLines.count), "\(result.err)")
      #expect(result.errorLines.allSatisfy { $0.hasPrefix("swiftdp: ") })
      #expect(!folder.exists("out"))
    }

    @Test func errorsShowsMistakesAndCompares() throws {
      let folder = try folder()
      // As many choices in each row: they are classes.
      try folder.file(
        "pairs.jsonl", (0..<8).map { "{\"text\": \"is \($0) odd?\", \"label\": \($0 % 2)}\n" }.joined())
      try folder.file(
        "pairs.yaml",
        """
        task: pairs
        dataset_path: json
        dataset_kwargs: {data_files: {test: pairs.jsonl}}
        output_type: multiple_choice
        test_split: test
        doc_to_text: "{{text}}"
        doc_to_target: label
        doc_to_choice: ["no", "yes"]
        metric_list: [{metric: acc}]
        """)
      let pairs = try Command.swiftdp(
        ["evaluate", "--model", "shipped:base", "--tasks", "./pairs.yaml", "--output", "pairs"], in: folder)
      #expect(pairs.code == 0, "\(pairs.err)")
      let table = try Command.swiftdp(["errors", "pairs"], in: folder)
      #expect(table.code == 0 && table.out.contains("Confusion of pairs"), "\(table.out)")
      for (name, shots) in [("a", "0"), ("b", "1")] {
        let result = try Command.swiftdp(
          arguments(["choice", "sum"], ["--output", name, "--shots", shots]), in: folder)
        #expect(result.code == 0, "\(result.err)")
      }
      let one = try Command.swiftdp(["errors", "a"], in: folder)
      #expect(one.code == 0 && one.out.contains("Calibration"), "\(one.err)")
      let two = try Command.swiftdp(["errors", "a", "b", "--html", "page.html"], in: folder)
      #expect(two.code == 0 && two.out.contains("McNemar"), "\(two.err)")
      let page = try folder.text("page.html")
      #expect(page.contains("<svg") && !page.contains("http"))
      try expectMistake(
        ["errors", "nowhere"], 64,
        ["there is no folder nowhere (give the output of swiftdp evaluate --tasks)"], in: folder)
    }
  }
}
