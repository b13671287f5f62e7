// What a user sees: the facts of the run, how it goes, and one line for each event.
import Base
import Datasets
import Foundation
import Objectives
import Training

/// Writes to standard output: a block that is redrawn on a terminal, lines elsewhere.
package final class Console: Observer {
  /// How much is said.
  package enum Amount: Sendable {
    case all
    /// Nothing but what is wrong.
    case quiet
    /// An object for each event, a line each.
    case json
  }

  /// Seconds between two pictures of the block.
  private static let interval = 0.1
  /// From how much more time than the middle rank on a rank is called slow.
  private static let slow = 0.25

  private let amount: Amount
  /// What the terminal shows now; nil where there is none.
  private let terminal: () -> TerminalForm?
  private let logsRanks: Bool
  /// Operations per second of matrix products that the first rank could reach; nil where nobody has measured it.
  package var peak: Double?
  private let binding: String
  private var facts = LiveFacts()
  private var ranks = 1
  private var batchSequences = 0
  private var sequences = 0
  private var unit = LossUnit.targetTokens
  private var start = Date()
  private var firstStep = 0
  private var bar = ProgressBar(columns: nil)
  private var lines = LiveLines()
  private var lastPicture = Date.distantPast
  private var isLossTold = false

  /// - Parameters:
  ///   - terminal: what the terminal can show, asked again for each picture; gives nil if there is none.
  ///   - binding: how ranks are bound to cores, printed after the number of threads; may be empty.
  ///   - logsRanks: whether lines for the ranks stand behind that of a step.
  package init(
    _ amount: Amount = .all, terminal: @escaping () -> TerminalForm?, binding: String = "",
    logsRanks: Bool = false
  ) {
    self.amount = amount
    self.terminal = amount == .all ? terminal : { nil }
    self.binding = binding
    self.logsRanks = logsRanks
  }

  package func began(_ run: RunSummary) {
    unit = run.unit
    facts.steps = run.steps
    ranks = run.ranks
    firstStep = run.resumed?.step ?? 0
    facts.checkpoint = run.resumed?.step
    batchSequences = run.recipe.stepSequences
    sequences = run.data.train.sequences
    start = Date()
    switch amount {
    case .quiet: return
    case .json: tell("start", [("steps", .integer(run.steps)), ("output", .string(run.output))])
    case .all: introduce(run)
    }
  }

  private func introduce(_ run: RunSummary) {
    let recipe = run.recipe
    say(
      "model",
      "\(recipe.name(of: recipe.model)) · \(run.family) · \(grouped(run.parameters)) parameters"
        + (run.trained < run.parameters || run.method != "full"
          ? " · \(run.method) trains \(grouped(run.trained))" : ""))
    for file in run.data.files {
      let rows = file.format == .text && file.rows == 1 ? "1 document" : counted(file.rows, "row")
      var line =
        "\(recipe.name(of: file.path)) · \(file.format.rawValue) · \(rows) · \(grouped(file.tokens)) tokens"
      if file.cutRows > 0 {
        line += " · \(counted(file.cutRows, "row")) cut at \(recipe.data.sequenceLength)"
      }
      if file.emptyRows > 0 { line += " · \(counted(file.emptyRows, "empty row")) left out" }
      if file.rowsWithoutTargets > 0 {
        line += " · \(counted(file.rowsWithoutTargets, "row")) without anything to learn"
      }
      say("data", line)
      if let warning = file.mergeWarning { say("", warning) }
    }
    let train = run.data.train
    var line = "train \(grouped(train.sequences)) sequences, \(grouped(train.targets)) \(run.unit.words)"
    if let validation = run.data.validation {
      line += " · validation \(grouped(validation.sequences)), \(grouped(validation.targets))"
    }
    if run.data.droppedTokens > 0 {
      line += " · \(grouped(run.data.droppedTokens)) tokens at the end dropped"
    }
    say("", line)
    let hosts = run.hosts > 1 ? " on \(run.hosts) hosts" : ""
    say(
      "run",
      "\(grouped(run.steps)) steps of \(recipe.stepSequences) sequences · "
        + "\(counted(run.ranks, "rank"))\(hosts) × \(counted(run.threads, "thread"))\(binding) · "
        + "ZeRO \(recipe.parallel.zero.rawValue) · \(run.matrixLibrary)")
    say("output", run.output)
    if let resumed = run.resumed {
      say("resume", "step \(resumed.step) of \(run.steps), from \(resumed.path)")
    }
  }

  package func validated(_ evaluation: Evaluation) {
    if amount == .json {
      return tell("step", StepRecord(before: evaluation, unit: unit).members)
    }
    if let loss = evaluation.loss { facts.validation = (loss, 0) }
    if let words = words(evaluation) { event("\(words) before the first step") }
  }

  package func stepped(_ report: StepReport, validation: Evaluation?) {
    // What came before the first step comes once.
    if report.step == firstStep + 1 { start = Date().addingTimeInterval(-report.seconds) }
    take(report, validation)
    switch amount {
    case .quiet: return
    case .json: return tell("step", StepRecord(report, validation: validation, unit: unit).members)
    case .all: break
    }
    if let words = validation.flatMap(words) { event("step \(report.step): \(words)") }
    guard let form = terminal() else { return line(report) }
    guard Date().timeIntervalSince(lastPicture) > Self.interval || report.step == facts.steps else { return }
    lastPicture = Date()
    facts.memory = residentBytes()
    write(lines.text(LiveBlock(facts, form).lines, columns: form.columns))
    if report.step == facts.steps { lines.forget() }
  }

  private func take(_ report: StepReport, _ validation: Evaluation?) {
    let steps = facts.steps ?? report.step
    facts.step = report.step
    facts.secondsLeft =
      Date().timeIntervalSince(start) / Double(report.step - firstStep) * Double(steps - report.step)
    facts.losses.append(report.loss ?? .nan)
    if facts.losses.count > 400 { facts.losses.removeFirst(facts.losses.count - 400) }
    if let loss = validation?.loss { facts.validation = (loss, report.step) }
    facts.scalars = report.scalars.filter { !$0.isDetail }.compactMap { scalar in
      scalar.number.map { (scalar.name, $0) }
    }
    facts.learningRate = report.learningRate
    facts.tokensPerSecond = Double(report.tokens) / report.seconds
    facts.peakShare = peak.flatMap {
      $0 > 0 && report.operations > 0 ? report.operations / report.seconds / $0 : nil
    }
    facts.exchangeShare = ranks > 1 ? report.exchangeSeconds / report.seconds : nil
    facts.epoch = sequences > 0 ? Double(report.step * batchSequences) / Double(sequences) : nil
    if report.finding?.isWithheld == true { facts.skipped += 1 }
    if !report.ranks.isEmpty { facts.straggler = Self.straggler(report.ranks) }
  }

  private static func straggler(_ ranks: [RankSeconds]) -> (rank: Int, more: Double)? {
    let times = ranks.map(\.computing)
    guard times.count > 1, let longest = times.max(), let rank = times.firstIndex(of: longest) else {
      return nil
    }
    let middle = times.sorted()[(times.count - 1) / 2]
    guard middle > 0, longest > middle * (1 + slow) else { return nil }
    return (rank, longest / middle - 1)
  }

  /// The line of a step where there is no terminal.
  private func line(_ report: StepReport) {
    let words = [
      "loss \(report.loss.map { decimals($0) } ?? "none")\(words(report.scalars, between: "  "))",
      "lr \(scientific(report.learningRate))",
      "\(wholeNumber(Double(report.tokens) / report.seconds)) tokens/s",
      "\(exchange(report))\(duration(facts.secondsLeft ?? 0)) left",
    ]
    let text = bar.text(
      report.step, of: facts.steps ?? report.step, label: "step ", facts: words.joined(separator: "  "))
    guard let text else { return }
    write(text)
    guard logsRanks else { return }
    for (rank, seconds) in report.ranks.enumerated() {
      let (computing, exchange) = (decimals(seconds.computing, 3), decimals(seconds.exchange, 3))
      write("  rank \(rank)  computing \(computing) s  exchange and waiting \(exchange) s\n")
    }
  }

  private func words(_ evaluation: Evaluation) -> String? {
    let parts =
      evaluation.loss.map { ["validation loss \(decimals($0))\(words(evaluation.scalars, between: ", "))"] }
      ?? []
    let all = parts + (evaluation.general.map { ["general loss \(decimals($0))"] } ?? [])
    return all.isEmpty ? nil : all.joined(separator: ", ")
  }

  private func words(_ scalars: [Scalar], between: String) -> String {
    scalars.filter { !$0.isDetail }.compactMap { scalar in
      scalar.number.map { "\(between)\(scalar.name) \(decimals($0))" }
    }.joined()
  }

  /// The part of the exchange that computation does not hide, if there is an exchange.
  private func exchange(_ report: StepReport) -> String {
    ranks == 1 ? "" : "exchange \(decimals(100 * report.exchangeSeconds / report.seconds, 1)) %  "
  }

  package func saved(step: Int, path: String) {
    facts.checkpoint = step
    if amount == .json {
      return tell("checkpoint", [("step", .integer(step)), ("path", .string(path))])
    }
    event("step \(step): checkpoint \(path)")
  }

  package func ended(_ end: RunEnd) {
    if amount == .json {
      return tell(
        "end",
        [
          ("steps", .integer(end.steps)), ("seconds", .number(end.seconds)), ("model", .string(end.model)),
        ])
    }
    guard end.steps > 0 else { return event("nothing to do: all steps are done · model in \(end.model)") }
    let memory = (end.memory.peaks?.max()).map { "at most \(megabytes($0)) MB a rank · " } ?? ""
    let audits = end.audits.map { "\(counted($0, "micro-batch", "micro-batches")) audited · " } ?? ""
    event(
      "done: \(grouped(end.steps)) steps in \(duration(end.seconds)), "
        + "\(grouped(Int(Double(end.tokens) / max(end.seconds, 1e-9)))) tokens/s · \(memory)\(audits)model in \(end.model)"
    )
  }

  private func megabytes(_ bytes: Int) -> String { grouped(Int((Double(bytes) / 1e6).rounded())) }

  package func noted(_ text: String) { if amount != .quiet { warned(text) } }

  package func warned(_ text: String) {
    if amount == .json { return tell("note", [("text", .string(text))]) }
    note("note: " + text)
  }

  /// A line above the block.
  package func note(_ text: String) {
    write(lines.erased(columns: terminal()?.columns ?? 80) + text + "\n")
  }

  /// What `quiet` leaves out.
  private func event(_ text: String) { if amount == .all { note(text) } }

  private func tell(_ event: String, _ members: [(String, JSON)]) {
    tell(event, members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) })
  }

  private func tell(_ event: String, _ members: [JSON.Member]) {
    let name = JSON.Member(key: Array("event".utf8), value: .string(event))
    write(JSON.object([name] + members).encoded() + "\n")
  }

  private func say(_ label: String, _ text: String) {
    write(cell(label, width: 8) + text + "\n")
  }

  /// What cannot be written is lost: a reader that has left, or a full disk behind a log, is no reason to end a run.
  private func write(_ text: String) {
    let code = StandardStream.output.write(text)
    guard code != 0, !isLossTold else { return }
    isLossTold = true
    let error = StandardStream.output.failure(code)
    StandardStream.error.write("swiftdp: \(error); the run goes on (its metrics.jsonl has every step)\n")
  }
}
