// Trains trials on a group of ranks. What goes wrong in one is told, and the next one begins.
import Base
import Collectives
import Foundation
import Recipes
import Reports
import Search
import Tensors
import Training

final class TrialRunner {
  private let search: PreparedSearch
  let group: Ranks
  let number: Int
  let groups: Int
  private let threads: Int
  /// Frozen weights that all trials share; nil where none leaves any.
  private let base: SharedBase?
  /// The best of this group's trials that are done: its model stays, until another is better.
  private var best: TrialResult?

  /// - Parameters:
  ///   - number: of the group.
  ///   - groups: that there are.
  ///   - base: frozen weights that all groups share; nil for none.
  init(
    _ search: PreparedSearch, group: Ranks, number: Int, groups: Int, threads: Int, base: SharedBase?
  ) throws {
    self.base = base
    (self.search, self.group, self.number) = (search, group, number)
    (self.groups, self.threads) = (groups, threads)
  }

  /// What is known of a trial from an earlier start.
  /// - Throws: if its folder is that of other settings.
  func known(_ trial: Trial) throws -> TrialResult {
    let file = search.folder(of: trial.number) + "/trial.json"
    guard access(file, F_OK) == 0 else { return TrialResult(trial) }
    let json = try OpenFile.json(file)
    let settings = json["settings"]?.members ?? []
    guard settings.count == trial.settings.count,
      zip(settings, trial.settings).allSatisfy({ $0.key.elementsEqual($1.key.utf8) && $0.value == $1.value })
    else {
      throw UserError(
        .usage, "is a trial of another search", at: search.folder(of: trial.number),
        hint: "set output to a new folder, or search with the same space, method and seed")
    }
    return TrialResult(
      trial, state: json["state"]?.text.flatMap(TrialResult.State.init) ?? .waiting,
      loss: json["validation_loss"]?.double, seconds: json["seconds"]?.double ?? 0,
      steps: json["steps"]?.integer ?? 0, reason: json["reason"]?.text ?? "")
  }

  /// Trains a trial from where it is. Collective over the group.
  /// - Parameter end: the step to stop after; nil for the last one.
  /// - Throws: only what ends the whole search.
  func run(_ before: TrialResult, until end: Int?) throws -> TrialResult {
    var result = before
    let start = Date()
    do {
      let recipe = try group.together { try search.recipe(of: before.trial, more: search.shared) }
      let run = try Run(
        recipe, ranks: group, threads: threads,
        observers: [
          MetricsLog(output: recipe.output, note: { _ in }), SummaryFile(output: recipe.output),
        ], ledger: MemoryLedger(), base: base)
      let watch = try group.together {
        try Watch(
          group, hostName: Ranks.hostName,
          Watch.Settings(
            timeout: recipe.parallel.timeout, output: recipe.output, ports: recipe.parallel.ports))
      }
      defer { watch?.end() }
      try run.train(until: end ?? .max)
      let measured = try run.validate()
      result.loss = measured?.loss
      result.steps = min(end ?? run.data.steps, run.data.steps)
      result.state = result.steps == run.data.steps ? .done : .waiting
      if result.loss == nil {
        (result.state, result.reason) = (.failed, "there is no loss on validation data")
      }
    } catch let error where exitCode(of: error) != .tryAgain && Self.isOfRun(error) {
      result.state = .failed
      result.reason = reason(error)
    }
    result.seconds += (Date().timeIntervalSince(start) * 1000).rounded() / 1000
    try keep(&result)
    return result
  }

  /// Whether an error says that settings, data or the machine do not work, rather than that the program does not.
  static func isOfRun(_ error: any Error) -> Bool {
    error is UserError || error is UserErrors || error is Ranks.StoppedElsewhere
  }

  /// The same on all ranks of the group.
  private func reason(_ error: any Error) -> String {
    let mine = error is Ranks.StoppedElsewhere ? "" : "\(error)"
    return group.gather(mine).first { !$0.isEmpty } ?? "it failed"
  }

  /// Writes what came of a trial, and removes what is not needed any more.
  private func keep(_ result: inout TrialResult) throws {
    let isBest = result.state == .done && best.map { TrialResult.better(result, $0) } ?? true
    let folder = search.folder(of: result.trial.number)
    try group.together {
      guard group.isFirst else { return }
      try makeFolders(folder)
      try write(result)
      // One model of each group is enough.
      let gone =
        isBest ? best.map { search.folder(of: $0.trial.number) } : result.state == .done ? folder : nil
      if let gone { try removeTree(gone + "/model") }
      if result.state != .waiting { try removeTree(folder + "/checkpoints") }
    }
    if isBest { best = result }
  }

  /// Keeps that a trial does not go on.
  func end(_ result: TrialResult) throws {
    try write(result)
    try removeTree(search.folder(of: result.trial.number) + "/checkpoints")
  }

  private func write(_ result: TrialResult) throws {
    let path = search.folder(of: result.trial.number) + "/trial.json"
    do {
      try Data(ResultTable(search.space, [result]).jsonLines.utf8).write(
        to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw UserError(.disk, "cannot be written: \(systemReason(error))", at: path)
    }
  }
}
