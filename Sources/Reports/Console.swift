// What a user sees: the facts of the run, a progress bar, and one line for each event.
import Base
import Datasets
import Foundation
import Objectives
import Training

/// Writes to standard output: a bar that is redrawn on a terminal, lines elsewhere.
package final class Console: Observer {
  private let isTerminal: Bool
  private let binding: String
  private var steps = 0
  private var ranks = 1
  private var start = Date()
  private var firstStep = 0
  private var bar: ProgressBar
  private var barIsDrawn = false
  private var isLossTold = false

  /// - Parameters:
  ///   - columns: the width of the terminal, or nil if there is none.
  ///   - binding: how ranks are bound to cores, printed after the number of threads; may be empty.
  package init(columns: Int?, binding: String = "") {
    self.binding = binding
    isTerminal = columns != nil
    bar = ProgressBar(columns: columns)
  }

  package func began(_ run: RunSummary) {
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
      "\(grouped(run.steps)) steps of \(recipe.training.batchSize) sequences · "
        + "\(counted(run.ranks, "rank"))\(hosts) × \(counted(run.threads, "thread"))\(binding) · "
        + "ZeRO \(recipe.parallel.zero.rawValue) · OpenBLAS \(run.kernelName)")
    say("output", run.output)
    if let resumed = run.resumed {
      say("resume", "step \(resumed.step) of \(run.steps), from \(resumed.path)")
    }
    steps = run.steps
    ranks = run.ranks
    firstStep = run.resumed?.step ?? 0
    start = Date()
  }

  package func validated(_ evaluation: Evaluation) {
    if let words = words(evaluation) { note("\(words) before the first step") }
  }

  package func stepped(_ report: StepReport, validation: Evaluation?) {
    // What came before the first step comes once.
    if report.step == firstStep + 1 { start = Date().addingTimeInterval(-report.seconds) }
    let left = Date().timeIntervalSince(start) / Double(report.step - firstStep) * Double(steps - report.step)
    let rate = Double(report.tokens) / report.seconds
    let facts =
      "loss \(report.loss.map { decimals($0) } ?? "none")\(words(report.scalars, between: "  "))  lr \(scientific(report.learningRate))  "
      + "\(grouped(Int(rate))) tokens/s  \(exchange(report))\(duration(left)) left"
    if let words = validation.flatMap(words) { note("step \(report.step): \(words)") }
    guard let text = bar.text(report.step, of: steps, label: isTerminal ? "" : "step ", facts: facts) else {
      return
    }
    write(text)
    barIsDrawn = isTerminal
    if report.step == steps { endBar() }
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

  package func saved(step: Int, path: String) { note("step \(step): checkpoint \(path)") }

  package func ended(_ end: RunEnd) {
    guard end.steps > 0 else { return note("nothing to do: all steps are done · model in \(end.model)") }
    let memory = (end.memory.peaks?.max()).map { "at most \(megabytes($0)) MB a rank · " } ?? ""
    let audits = end.audits.map { "\(counted($0, "micro-batch", "micro-batches")) audited · " } ?? ""
    note(
      "done: \(grouped(end.steps)) steps in \(duration(end.seconds)), "
        + "\(grouped(Int(Double(end.tokens) / max(end.seconds, 1e-9)))) tokens/s · \(memory)\(audits)model in \(end.model)"
    )
  }

  private func megabytes(_ bytes: Int) -> String { grouped(Int((Double(bytes) / 1e6).rounded())) }

  package func noted(_ text: String) { note("note: " + text) }

  /// A line above the bar.
  package func note(_ text: String) {
    endBar()
    write(text + "\n")
  }

  private func endBar() {
    if barIsDrawn { write("\n") }
    barIsDrawn = false
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
