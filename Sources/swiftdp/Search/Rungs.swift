// The course of a search: all trials to their end, or rung after rung.
import Base
import Collectives
import Foundation
import Recipes
import Search
import Training

struct Rungs {
  private let search: PreparedSearch
  private let world: Ranks
  private let runner: TrialRunner

  init(_ search: PreparedSearch, world: Ranks, runner: TrialRunner) {
    (self.search, self.world, self.runner) = (search, world, runner)
  }

  /// - Returns: what to tell the user at the end.
  /// - Throws: `UserError(.tryAgain)` if the search was asked to stop.
  func run() throws -> String {
    if let parzen = search.parzen { return try rounds(parzen) }
    if search.isRange { return try rangeTest() }
    var results = try world.together { try search.trials.map { try runner.known($0) } }
    let ends = search.halving?.rungs.map { Optional($0) } ?? [nil]
    var going = search.trials.map(\.number)
    for (rung, end) in ends.enumerated() {
      results = try climb(results, going, until: rung == ends.count - 1 ? nil : end)
      guard rung < ends.count - 1, let halving = search.halving else { continue }
      let kept = halving.kept(going.map { results[$0] })
      let ended = going.filter { !kept.contains($0) && results[$0].state == .waiting }
      for number in ended { results[number].state = .stopped }
      // Of one rank alone: several would meet in the same folders.
      try world.together {
        if world.isFirst { for number in ended { try runner.end(results[number]) } }
      }
      going = kept.sorted()
      try write(results)
      if world.isFirst { Command.tell("\(counted(going.count, "trial")) of \(search.trials.count) go on") }
    }
    try write(results)
    return try finished(results)
  }

  /// Draws trials from what came of those before, round after round.
  private func rounds(_ parzen: TreeParzen) throws -> String {
    var results: [TrialResult] = []
    var next = search.trials
    while !next.isEmpty {
      results += try world.together { try next.map { try runner.known($0) } }
      results = try climb(results, next.map(\.number), until: nil)
      try write(results)
      let numbers = results.count..<min(results.count + search.atOnce, search.count)
      next = numbers.map { parzen.trial($0, after: results) }
    }
    return try finished(results)
  }

  /// One run whose learning rate rises from step to step.
  private func rangeTest() throws -> String {
    var results = try world.together { try search.trials.map { try runner.known($0) } }
    results = try climb(results, [0], until: nil)
    return try world.together {
      guard results[0].state == .done else {
        throw UserError(.data, "the run failed: \(results[0].reason)", at: search.folder(of: 0))
      }
      let metrics = String(
        decoding: try OpenFile.contents(search.folder(of: 0) + "/metrics.jsonl"), as: UTF8.self)
      guard let test = RangeTest(metrics: metrics) else {
        throw UserError(
          .data, "the loss never falls", at: search.folder(of: 0), hint: "begin at a lower rate")
      }
      if world.isFirst {
        try write(test.csv, to: "range.csv")
        let recipe = try search.recipe(
          of: Trial(number: 0, settings: [("optimizer.learning_rate", .number(test.suggestion))]),
          output: search.output + "/best")
        try write(recipe.resolved.yaml(), to: "best.yaml")
      }
      return test.words + "\n\(search.output)/best.yaml"
    }
  }

  /// Trains the trials that go on, each on one of the groups. What ends the search in one of them ends it in all.
  private func climb(_ results: [TrialResult], _ going: [Int], until end: Int?) throws -> [TrialResult] {
    var own: [TrialResult] = []
    var stop: (any Error)?
    for (place, trial) in going.enumerated() where place % runner.groups == runner.number {
      let known = results[trial]
      // Another start has been here.
      if known.state != .waiting || end.map({ known.steps >= $0 }) ?? false {
        own.append(known)
        continue
      }
      do {
        let result = try runner.run(known, until: end)
        own.append(result)
        if runner.group.isFirst { Command.tell(words(result)) }
      } catch let error where TrialRunner.isOfRun(error) {
        stop = error
        break
      }
    }
    return try gathered(own, in: results, stop: stop)
  }

  /// What all groups found, known to all ranks.
  private func gathered(
    _ own: [TrialResult], in before: [TrialResult], stop: (any Error)?
  ) throws -> [TrialResult] {
    let lines = runner.group.isFirst ? ResultTable(search.space, own).jsonLines : ""
    let isAsked = stop.map { exitCode(of: $0) == .tryAgain } ?? true
    try world.together { if let stop, !isAsked { throw stop } }
    var results = before
    for text in world.gather(lines) {
      for line in text.split(separator: "\n") {
        let json = try JSON.parse(String(line))
        guard let number = json["trial"]?.integer else { continue }
        results[number] = TrialResult(
          results[number].trial, state: json["state"]?.text.flatMap(TrialResult.State.init) ?? .failed,
          loss: json["validation_loss"]?.double, seconds: json["seconds"]?.double ?? 0,
          steps: json["steps"]?.integer ?? 0, reason: json["reason"]?.text ?? "")
      }
    }
    guard world.largest(stop == nil ? 0 : 1) == 0 else {
      try write(results)
      guard world.isFirst else { throw Ranks.StoppedElsewhere(code: .tryAgain) }
      throw UserError(
        .tryAgain,
        "stopped; \(counted(results.count { $0.state != .waiting }, "trial")) of \(results.count) are over",
        at: search.output, hint: "start again to go on")
    }
    return results
  }

  private func words(_ result: TrialResult) -> String {
    let loss = result.loss.map { "validation loss \(decimals($0))" } ?? "no loss"
    let state = result.state == .failed ? "failed: \(result.reason)" : "\(loss) after step \(result.steps)"
    return "trial \(result.trial.number): \(state) · \(result.trial.words)"
  }

  private func write(_ results: [TrialResult]) throws {
    try world.together {
      guard world.isFirst else { return }
      let table = ResultTable(search.space, results)
      let page = ResultPage(search.space, results, name: search.output).html
      for (name, text) in [
        ("results.csv", table.csv), ("results.jsonl", table.jsonLines), ("results.html", page),
      ] {
        try write(text, to: name)
      }
    }
  }

  private func write(_ text: String, to name: String) throws {
    let path = search.output + "/" + name
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: path)
    }
  }

  /// Writes the recipe of the best trial.
  private func finished(_ results: [TrialResult]) throws -> String {
    let done = results.filter { $0.state == .done && $0.loss?.isFinite == true }
    return try world.together {
      guard let best = done.min(by: TrialResult.better) else {
        throw UserError(
          .data, "no trial came to its end", at: search.output, hint: "results.csv says why each failed")
      }
      if world.isFirst {
        let recipe = try search.recipe(of: best.trial, output: search.output + "/best")
        try write(recipe.resolved.yaml(), to: "best.yaml")
        for other in done where other.trial.number != best.trial.number {
          try removeTree(search.folder(of: other.trial.number) + "/model")
        }
      }
      let counts = Dictionary(grouping: results, by: \.state).mapValues(\.count)
      let others = [TrialResult.State.failed, .stopped].compactMap { state in
        counts[state].map { "\($0) \(state.rawValue)" }
      }
      let tally = (["\(done.count) done"] + others).joined(separator: ", ")
      return "\(counted(results.count, "trial")): \(tally)  best \(best.trial.number), validation loss "
        + "\(decimals(best.loss ?? .nan)): \(best.trial.words)\n\(search.output)/best.yaml"
    }
  }
}
