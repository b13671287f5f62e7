// search: the same table however many ranks there are, trials that fail alone, a search that goes on, successive halving.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct SearchTests {
    private static let space = """
      optimizer.learning_rate: {log: [1.0e-4, 1.0e-1]}
      schedule.warmup_steps: {int: [0, 2]}
      method.name: {choice: [full, lora]}
      method.rank: {choice: [2, 4], when: {method.name: lora}}

      """

    private func folder(_ others: [String] = []) throws -> (Workspace, [String]) {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeRows("rows.jsonl", count: 40)
      try folder.file("space.yaml", Self.space)
      return (
        folder,
        [
          "model=llama", "weights=random", "method=full", "data.train=rows.jsonl", "data.validation=0.2",
          "data.sequence_length=32", "data.check=off", "training.batch_size=4", "training.micro_batch_size=2",
          "training.steps=6", "parallel.threads=1", "output=found",
        ] + others
      )
    }

    private func search(
      _ settings: [String], _ options: [String], ranks: Int? = nil, in folder: Workspace
    ) throws -> CommandResult {
      try Command.swiftdp(
        ["search"] + settings + ["--space", "space.yaml"] + options, ranks: ranks, in: folder)
    }

    /// The table without seconds.
    private func table(_ folder: Workspace, _ output: String = "found") throws -> [[String]] {
      try folder.text("\(output)/results.csv").split(separator: "\n").map { line in
        var fields = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        fields.remove(at: 6)
        return fields
      }
    }

    /// Trials follow from what came of earlier ones, and not from what ran beside them.
    @Test func parzenTrialsAreTheSameOnAnyRanks() throws {
      let (folder, settings) = try folder()
      let options = ["--method", "tpe", "--trials", "14", "--at-once", "3", "--seed", "1"]
      let short = settings + ["training.steps=2"]
      let one = try search(short, options, in: folder)
      #expect(one.code == 0, "\(one.err)")
      let three = try search(short + ["output=three"], options, ranks: 3, in: folder)
      #expect(three.code == 0, "\(three.err)")
      let (mine, theirs) = (try table(folder), try table(folder, "three"))
      #expect(mine == theirs && mine.count == 15)
      // Killed behind its twelfth trial, as it were.
      for number in 12...13 { try folder.remove("three/trials/00\(number)") }
      let rest = try search(short + ["output=three"], options, ranks: 2, in: folder)
      #expect(rest.code == 0, "\(rest.err)")
      #expect(try table(folder, "three") == mine)
      let page = try folder.text("found/results.html")
      #expect(page.contains("<polyline") && page.contains("optimizer.learning_rate"))
    }

    @Test func rangeOfRates() throws {
      let (folder, settings) = try folder()
      try folder.file("space.yaml", "optimizer.learning_rate: {log: [1.0e-5, 10.0]}\n")
      let result = try search(
        settings + ["training.steps=40"], ["--method", "range", "--budget", "1h"], in: folder)
      #expect(result.code == 0 && result.out.contains("begin with"), "\(result.err)")
      let lines = try folder.text("found/range.csv").split(separator: "\n")
      #expect(lines[0] == "step,learning_rate,loss,smoothed_loss" && lines.count > 10)
      let first = lines[1].split(separator: ",")
      #expect(first[0] == "1" && abs((Double(first[1]) ?? .nan) / 1e-5 - 1) < 1e-12, "\(lines[1])")
      #expect(try folder.text("found/best.yaml").contains("learning_rate"))
      try folder.file("space.yaml", "optimizer.weight_decay: {uniform: [0, 1]}\n")
      let wrong = try search(settings + ["output=other"], ["--method", "range"], in: folder)
      #expect(
        wrong.code == 64 && wrong.err.contains("a log range of optimizer.learning_rate"), "\(wrong.err)")
    }

    @Test func aBudgetSizesASearch() throws {
      let (folder, settings) = try folder()
      let result = try search(settings, ["--trials", "2", "--budget", "10m"], in: folder)
      #expect(result.code == 0 && result.err.contains("2 trials fit into 10m"), "\(result.err)")
      let none = try search(settings + ["output=none"], ["--budget", "soon"], in: folder)
      #expect(none.code == 64 && none.err.contains("which is no time"), "\(none.err)")
    }

    @Test func anyNumberOfRanksGivesTheSameTable() throws {
      let (folder, settings) = try folder()
      let options = ["--trials", "6", "--seed", "3"]
      let one = try search(settings, options, in: folder)
      #expect(one.code == 0, "\(one.err)")
      let table = try table(folder)
      #expect(
        table[0] == [
          "trial", "optimizer.learning_rate", "schedule.warmup_steps", "method.name", "method.rank",
          "validation_loss", "state", "steps", "reason",
        ])
      #expect(table.count == 7)
      for row in table.dropFirst() {
        #expect(row[6] == "done" && row[7] == "6", "\(row)")
        let rate = try #require(Double(row[1]))
        #expect(rate >= 1e-4 && rate <= 1e-1)
        #expect(row[4].isEmpty == (row[3] == "full"))
      }
      #expect(Set(table.dropFirst().map { $0[1] }).count == 6)
      for (ranks, each) in [(2, "1"), (4, "2")] {
        try folder.remove("found")
        let result = try search(settings, options + ["--ranks-per-trial", each], ranks: ranks, in: folder)
        #expect(result.code == 0, "\(result.err)")
        #expect(try self.table(folder) == table, "\(ranks) ranks")
      }
      // The recipe of the best gives the best again; one model is left.
      let best = try #require(table.dropFirst().min { (Double($0[5]) ?? .nan) < (Double($1[5]) ?? .nan) })
      let left = folder.names(in: "found/trials").filter { folder.exists("found/trials/\($0)/model") }
      #expect(left.count == 1 && Int(left.first ?? "") == Int(best[0]))
      let again = try Command.swiftdp(["train", "found/best.yaml"], in: folder)
      #expect(again.code == 0, "\(again.err)")
      let summary = try JSON.parse(try folder.text("found/best/summary.json"))
      #expect(summary["validation_loss"]?.double == Double(best[5]))
      #expect(
        try folder.data("found/best/model/config.json")
          == folder.data("found/trials/\(left[0])/model/config.json"))
    }

    /// What was done stays as it is; what was cut off goes on.
    @Test func goesOn() throws {
      let (folder, settings) = try folder()
      let options = ["--trials", "4", "--seed", "5"]
      #expect(try search(settings, options, ranks: 2, in: folder).code == 0)
      let whole = try table(folder)
      let first = try folder.data("found/trials/0001/trial.json")
      for gone in ["trials/0000", "trials/0002/trial.json", "results.csv"] {
        try folder.remove("found/\(gone)")
      }
      let again = try search(settings, options, ranks: 2, in: folder)
      #expect(again.code == 0, "\(again.err)")
      #expect(try table(folder) == whole)
      #expect(try folder.data("found/trials/0001/trial.json") == first)
      let other = try search(settings, ["--trials", "4", "--seed", "6"], in: folder)
      #expect(other.code != 0 && other.err.contains("is a trial of another search"), "\(other.err)")
    }

    /// What does not work in one trial is that trial's own.
    @Test func aTrialFailsAlone() throws {
      let (folder, settings) = try folder()
      // The model reads 64 tokens at most.
      try folder.file("space.yaml", "data.sequence_length: {choice: [32, 4096]}\n")
      let result = try search(settings, ["--method", "grid", "--ranks-per-trial", "2"], ranks: 4, in: folder)
      #expect(result.code == 0, "\(result.err)")
      let lines = try folder.text("found/results.csv").split(separator: "\n")
      #expect(lines.count == 3 && lines[1].contains(",done,") && lines[2].contains(",failed,"), "\(lines)")
      #expect(result.err.contains("trial 1: failed: "))
    }

    /// The groups of other trials do not wait for the one that cannot write its result.
    @Test func aGroupThatCannotGoOnEndsAll() throws {
      let (folder, settings) = try folder()
      try FileManager.default.createDirectory(
        atPath: folder.path + "/found/trials", withIntermediateDirectories: true)
      try FileManager.default.createSymbolicLink(
        atPath: folder.path + "/found/trials/0001", withDestinationPath: "/proc/none")
      let result = try search(settings, ["--trials", "3"], ranks: 3, in: folder)
      #expect(result.code == 74, "\(result.err)")
      let messages = result.messages.filter { !$0.hasPrefix("trial ") }
      #expect(messages.count == 1 && messages.first?.contains("found/trials/0001") == true, "\(result.err)")
    }

    @Test func halving() throws {
      let (folder, settings) = try folder(["training.steps=9"])
      let options = ["--method", "halving", "--trials", "9"]
      let one = try search(settings, options, in: folder)
      #expect(one.code == 0, "\(one.err)")
      let table = try table(folder)
      let steps = table.dropFirst().compactMap { Int($0[7]) }
      #expect(steps.sorted() == [3, 3, 3, 3, 3, 3, 9, 9, 9])
      // The three that went on were the best after three steps.
      #expect(table.dropFirst().filter { $0[6] == "stopped" }.count == 6)
      try folder.remove("found")
      #expect(try search(settings, options, ranks: 3, in: folder).code == 0)
      #expect(try self.table(folder) == table)
    }

    @Test(arguments: [
      ("optimizer.learning_rate: {log: [0, 1]}", [], "has no logarithm"),
      ("optimizer.learning_rate: {log: [1, 0.1]}", [], "low at most high"),
      ("optimizer.learning_rate: {lag: [0.1, 1]}", [], "names no kind of range"),
      ("optimizer.lr: {choice: [0.1]}", [], "optimizer.lr: is not a key of swiftdp"),
      ("schedule.warmup_steps: {int: [0.5, 2]}", [], "no whole numbers"),
      ("output: {choice: [a]}", [], "cannot be searched"),
      ("{}", [], "names no setting"),
      ("optimizer.learning_rate: {choice: [0.1]}", ["data.validation=0"], "data.validation: is 0"),
    ])
    func mistakes(_ space: String, _ others: [String], _ expected: String) throws {
      let (folder, settings) = try folder(others)
      try folder.file("space.yaml", space + "\n")
      let result = try search(settings, ["--trials", "2"], ranks: 2, in: folder)
      #expect(result.code != 0 && result.err.contains(expected), "\(result.err)")
      #expect(!folder.exists("found"))
    }
  }
}
