// swiftdp report and swiftdp top, on runs of every fate.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct ReportTests {
    private static let recipe = "model: llama\ntraining:\n  batch_size: 8\n  seed: 1\n"

    /// An output folder as a run leaves it, without running one.
    private func run(_ name: String, _ lines: [String], in folder: Workspace, recipe: String = recipe) throws
    {
      try folder.file(name + "/config.yaml", recipe)
      try folder.file(name + "/metrics.jsonl", lines.joined(separator: "\n") + "\n")
    }

    private func line(_ step: Int, _ loss: String = "2.5", _ more: String = "") -> String {
      #"{"step": \#(step), "loss": \#(loss), "grad_norm": 1.5, "learning_rate": 0.001, "tokens": 100, "tokens_per_second": 1000.0, "seconds": 0.1, "exchange_seconds": 0.01\#(more)}"#
    }

    private func page(_ folders: [String], in folder: Workspace) throws -> String {
      let result = try Command.swiftdp(["report"] + folders, in: folder)
      try #require(result.code == 0, "\(result.err)")
      #expect(result.out == folders[0] + "/report.html\n")
      let page = try folder.text(folders[0] + "/report.html")
      #expect(page.utf8.count < 200_000)
      #expect(page.hasPrefix("<!DOCTYPE html>") && page.hasSuffix("</html>\n"))
      // Nothing is fetched.
      #expect(!page.contains("src=") && !page.contains("href=") && !page.contains("url("))
      return page
    }

    @Test func aWholeRunIsShown() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let run = try train(
        RankCountTests.text + ["training.micro_batch_size=2", "checkpoint.every=10"], output: "run", ranks: 2,
        in: folder)
      let page = try page(["run"], in: folder)
      let last = try #require(try run.numbers("loss").last)
      for words in [
        "<title>Run run</title>", "done · step 20 of 20 · loss \(String(format: "%.5g", last))",
        "gradient norm", "learning rate", "throughput", "checkpoint of step 10", "text.txt",
        "exchange and waiting", "training.batch_size".split(separator: ".")[1] + ":", "OpenBLAS", "llama",
        "swiftdp train", "Open MPI",
      ] { #expect(page.contains(words), "\(words)") }
      let other = try Command.swiftdp(["report", "run", "--output", "elsewhere.html"], in: folder)
      #expect(other.out == "elsewhere.html\n" && folder.exists("elsewhere.html"))
      let top = try Command.swiftdp(["top", "run"], in: folder)
      #expect(top.code == 0 && top.out.contains("step 20/20") && top.out.contains("done"))
    }

    @Test func whatWentWrongIsTold() throws {
      let folder = try Workspace()
      // Steps 3 to 5 were done again; one step has no number and one was skipped; a line is damaged, the last is cut.
      let lines =
        (1...5).map { line($0) } + (3...8).map { line($0, "1.25") } + ["{\"step\": 9, \"lo"]
        + [line(9, "null"), line(10, "3.5", #", "skipped": true"#), "{\"step\""]
      try run("run", lines, in: folder)
      let page = try page(["run"], in: folder)
      for words in [
        "3 steps stood twice", "2 lines of metrics.jsonl could not be read",
        "updates not applied: 1 step (10)",
        "not a number: 1 step (9)", "ended without a word after step 10",
      ] { #expect(page.contains(words), "\(words)") }
      // The line of the loss has a gap at step 9, and what was done again counts.
      #expect(page.contains("M1 2.5L2 2.5L3 1.25L4 1.25"))
      #expect(page.contains("L8 1.25M10 3.5L10 3.5\""))
    }

    @Test func tenThousandStepsAreThinned() throws {
      let folder = try Workspace()
      var lines = (1...10_000).map { line($0, "\(3 + sin(Double($0)) / 10)") }
      lines[4999] = line(5000, "77.125")
      try run("run", lines, in: folder)
      let page = try page(["run"], in: folder)
      // A spike of one step stays.
      #expect(page.contains("5000 77.125"))
      let several = (1...6).map { "run\($0)" }
      for name in several { try run(name, lines, in: folder) }
      _ = try self.page(several, in: folder)
    }

    @Test func differencesOfRecipesAreMarked() throws {
      let folder = try Workspace()
      try run("a", [line(1)], in: folder)
      try run("b", [line(1)], in: folder, recipe: Self.recipe.replacing("seed: 1", with: "seed: 2"))
      let page = try page(["a", "b"], in: folder)
      #expect(
        page.contains("<tr class=\"differs\"><th scope=\"row\">training.seed</th><td>1</td><td>2</td></tr>"))
      #expect(!page.contains("<th scope=\"row\">training.batch_size</th>"))
    }

    @Test func hostileFilesAreText() throws {
      let folder = try Workspace()
      let hostile = #"</script><script>alert(1)</script><img src=x onerror=alert(1)>"#
      try run(
        "run", [line(1, "1", #", "\#(hostile.replacing("\"", with: ""))": 4"#)], in: folder,
        recipe: "model: \"\(hostile)\"\n")
      try folder.file(
        "run/history.jsonl",
        #"{"event": "start", "time": 1e300, "command": ["\#(hostile)"], "steps": 99999999999999, "ranks": -5}"#
          + "\n"
          + #"{"event": "note", "time": -1e300, "text": "\#(hostile)"}"# + "\nrubbish\n")
      try folder.file("run/evaluation.json", #"{"\#(hostile)": "\#(hostile)"}"#)
      let result = try Command.swiftdp(["report", "run"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let top = try Command.swiftdp(["top", "run"], in: folder)
      #expect(top.code == 0, "\(top.err)")
      let page = try folder.text("run/report.html")
      #expect(page.components(separatedBy: "<script>").count == 2)
      #expect(!page.contains("<img"))
    }

    @Test func aFolderWithoutARunIsRefused() throws {
      let folder = try Workspace()
      try folder.file("other/file.txt", "text")
      let result = try Command.swiftdp(["report", "other", "nothere"], in: folder)
      #expect(result.code == 64)
      #expect(
        result.messages == [
          "other: has no config.yaml, so no run has begun here (the output folder of a run is meant)",
          "there is no folder nothere (the output folder of a run is meant)",
        ])
    }

    @Test func otherFormsOfTheConsole() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = RankCountTests.text + ["training.micro_batch_size=2"]
      let quiet = try Command.swiftdp(["train", "--quiet"] + settings + ["output=quiet"], in: folder)
      #expect(quiet.code == 0 && quiet.out.isEmpty, "\(quiet.out)")
      // More threads than cores are worth a note otherwise.
      let noted = try Command.swiftdp(
        ["train", "--quiet", "output=noted"] + settings.map { $0.replacing("threads=1", with: "threads=5") },
        in: folder)
      #expect(noted.code == 0 && noted.out.isEmpty && noted.err.isEmpty, "\(noted.out)\(noted.err)")
      let json = try Command.swiftdp(["train", "--json"] + settings + ["output=json"], in: folder)
      let events = json.out.split(separator: "\n").compactMap { try? JSON.parse(String($0)) }
      #expect(events.count == json.out.split(separator: "\n").count)
      let losses = events.filter { $0["event"]?.text == "step" }.compactMap { $0["loss"]?.double }
      #expect(losses == (try RunOutput(folder: folder, name: "json").numbers("loss")))
      #expect(events.last?["event"]?.text == "end")
      let ranks = try Command.swiftdp(
        ["train", "--log-ranks"] + settings + ["output=ranks"], ranks: 2, in: folder)
      #expect(ranks.out.contains("\n  rank 1  computing "))
    }
  }
}
