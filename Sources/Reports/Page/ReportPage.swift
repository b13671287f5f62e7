// `swiftdp report`: one page about a run, or several beside each other.
import Base
import Foundation

package struct ReportPage {
  private let runs: [RunFolder]
  /// What each run is called, all different.
  private let names: [String]
  private let time: Date

  /// The points of all lines together: what keeps a page under 200 KB.
  private static let mostPoints = 7000

  /// - Parameter time: when the files were read.
  package init(_ runs: [RunFolder], time: Date) {
    self.runs = runs
    self.time = time
    let short = runs.map { URL(fileURLWithPath: $0.path).lastPathComponent }
    names = Set(short).count == short.count ? short : runs.map(\.path)
  }

  package var html: String {
    let sections = [
      ("", state), ("Curves", curves), (runs.count == 1 ? "The run" : "Runs", RunFacts(runs, names).table),
      (runs.count == 1 ? "The recipe" : "Recipes", RecipeComparison(runs, names).html),
      ("Time of the ranks", RankTable(runs, names).html),
      ("What happened", runs.indices.map { story(of: $0) }.joined()),
      ("Data", DataTable(runs, names).html), ("Answers", AnswerTable(runs, names).html),
      ("Rollouts", RolloutTable(runs, names).html),
      ("Evaluations", EvaluationTable(runs, names).html),
    ]
    let body = sections.filter { !$0.1.isEmpty }.map { title, html in
      title.isEmpty ? html : "<section><h2>\(title)</h2>\n\(html)</section>\n"
    }
    return HTMLPage(
      title: runs.count == 1 ? "Run \(names[0])" : "Runs \(names.joined(separator: ", "))",
      body: body.joined(), style: ReportScript.style, script: ReportScript.text
    ).text
  }

  /// How each run stands, in a sentence.
  private var state: String {
    let lines = runs.indices.map { place -> String in
      let run = runs[place]
      var words = [run.state.words]
      if let last = run.metrics.steps.last {
        words.append("step \(grouped(last))" + (run.plannedSteps.map { " of \(grouped($0))" } ?? ""))
      }
      if let loss = run.metrics.last("loss") { words.append("loss \(Curve.short(loss))") }
      if let best = run.bestValidation {
        words.append("best validation loss \(Curve.short(best.loss)) at step \(grouped(best.step))")
      }
      let name = runs.count == 1 ? "" : "<b>\(HTMLPage.escaped(names[place]))</b>: "
      return "<p class=\"summary\">\(name)\(HTMLPage.escaped(words.joined(separator: " · ")))</p>\n"
    }
    return lines.joined() + "<p class=\"summary\">As of \(Self.words(time)).</p>\n"
  }

  static func words(_ time: Date) -> String { ISO8601DateFormatter().string(from: time) }

  /// The charts, each with the lines of all runs.
  private var curves: String {
    let all = Self.charts(of: runs.flatMap(\.metrics.names))
    let lines = max(all.reduce(0) { $0 + $1.keys.count } * runs.count, 1)
    let most = min(800, Self.mostPoints / lines)
    let charts = all.compactMap { chart -> String? in
      var curves: [Curve] = []
      for (place, run) in runs.enumerated() {
        for key in chart.keys {
          guard var values = run.metrics[key.name] else { continue }
          var steps = run.metrics.steps
          // What was measured before the first step stands in the history.
          if let before = run.events(named: "validation").last?[key.name]?.double {
            steps.insert(0, at: 0)
            values.insert(before, at: 0)
          }
          // A schedule is no measurement.
          let isNoisy = key.name != "learning_rate" && values.count { !$0.isNaN } * 2 > values.count
          let name = [runs.count > 1 ? names[place] : "", chart.keys.count > 1 ? key.label : ""]
            .filter { !$0.isEmpty }.joined(separator: " ")
          curves.append(
            Curve(
              name.isEmpty ? chart.title : name, steps: steps, values: values, style: curves.count % 6,
              isNoisy: isNoisy, most: most))
        }
      }
      return Chart(chart.title, unit: chart.unit, curves)?.html
    }
    guard !charts.isEmpty else { return "<p>No step is done yet.</p>\n" }
    return """
      <p class="tools" hidden><label for="smooth">Smoothing</label><input type="range" id="smooth" min="0" max="0.99" step="0.01" value="0"><span>0</span>
      <span>Drag over a chart to zoom, double-click to go back; with the keys: arrows, + and -.</span></p>
      <div class="charts">
      \(charts.joined())</div>

      """
  }

  private struct Plan {
    var title: String
    var unit = ""
    var keys: [(name: String, label: String)]
  }

  /// Which numbers stand together: those of training and of validation with one name.
  private static func charts(of names: [String]) -> [Plan] {
    // A perplexity is the exponential of its loss.
    let hidden: Set = ["tokens", "target_tokens", "rows", "audits", "perplexity"]
    let units = [
      "loss": "nats", "tokens_per_second": "tokens/s", "seconds": "s", "exchange_seconds": "s",
    ]
    let words = [
      "grad_norm": "gradient norm", "learning_rate": "learning rate", "tokens_per_second": "throughput",
      "seconds": "time of a step", "exchange_seconds": "time of the exchange that nothing hides",
    ]
    var plans: [Plan] = []
    for name in names {
      let isValidation = name.hasPrefix("validation_")
      let base = isValidation ? String(name.dropFirst("validation_".count)) : name
      guard !hidden.contains(base), !base.hasPrefix("sources/") || base.hasSuffix("/loss") else { continue }
      let key = (name: name, label: isValidation ? "validation" : "training")
      let title = words[base] ?? base.split(separator: "_").joined(separator: " ")
      if let place = plans.firstIndex(where: { $0.title == title }) {
        if !plans[place].keys.contains(where: { $0.name == name }) { plans[place].keys.append(key) }
      } else if plans.count < 24 {
        plans.append(Plan(title: title, unit: units[base] ?? "", keys: [key]))
      }
    }
    return plans
  }

  /// Starts, checkpoints, notes and ends, and what could not be read.
  private func story(of place: Int) -> String {
    let run = runs[place]
    var rows = run.events.compactMap { event -> (time: Double, text: String, isBad: Bool)? in
      // The years 1970 to 9999.
      guard let time = event["time"]?.double, (0...253_402_300_799).contains(time),
        let name = event["event"]?.text
      else { return nil }
      switch name {
      case "start":
        let resumed = event["resumed_step"]?.amount
        return (time, resumed.map { "started again after step \(grouped($0))" } ?? "started", false)
      case "checkpoint": return (time, "checkpoint of step \(grouped(event["step"]?.amount ?? 0))", false)
      case "note": return (time, event["text"]?.text ?? "", false)
      case "end": return (time, "done", false)
      default: return nil
      }
    }
    let checkpoints = rows.count { $0.text.hasPrefix("checkpoint of") }
    // Many checkpoints say no more than their number.
    if checkpoints > 12 {
      rows.removeAll { $0.text.hasPrefix("checkpoint of") }
      rows.append((rows.last?.time ?? 0, "\(grouped(checkpoints)) checkpoints", false))
    }
    if rows.count > 60 { rows = Array(rows.prefix(30)) + Array(rows.suffix(30)) }
    var facts: [(String, Bool)] = []
    switch run.state {
    case .done, .running: break
    default: facts.append((run.state.words, true))
    }
    if !run.checkpoints.isEmpty {
      facts.append(
        (
          "checkpoints kept: " + run.checkpoints.map { "step \(grouped($0.step))" }.joined(separator: ", "),
          false
        ))
    }
    let metrics = run.metrics
    if !metrics.skipped.isEmpty { facts.append(("updates not applied: " + Self.list(metrics.skipped), true)) }
    if !metrics.withoutNumbers.isEmpty {
      facts.append(("loss or norm is not a number: " + Self.list(metrics.withoutNumbers), true))
    }
    if metrics.repeatedSteps > 0 {
      facts.append(("\(counted(metrics.repeatedSteps, "step")) stood twice; the later lines count", false))
    }
    if metrics.damagedLines > 0 {
      facts.append(("\(counted(metrics.damagedLines, "line")) of metrics.jsonl could not be read", true))
    }
    if run.damagedEvents > 0 {
      facts.append(
        ("\(counted(run.damagedEvents, "line")) of \(RunHistory.fileName) could not be read", true))
    }
    func cells(_ time: String, _ text: String, _ isBad: Bool) -> String {
      "<tr><td class=\"short\">\(time)</td><td\(isBad ? " class=\"bad\"" : "")>\(HTMLPage.escaped(text.printable(400)))</td></tr>\n"
    }
    let lines =
      rows.map { cells(Self.words(Date(timeIntervalSince1970: $0.time)), $0.text, $0.isBad) }
      + facts.map { cells("", $0.0, $0.1) }
    guard !lines.isEmpty else { return "" }
    let heading = runs.count == 1 ? "" : "<h3>\(HTMLPage.escaped(names[place]))</h3>\n"
    return heading + HTMLPage.wide("<table>\n\(lines.joined())</table>")
  }

  private static func list(_ steps: [Int]) -> String {
    "\(counted(steps.count, "step")) (\(steps.prefix(12).map { grouped($0) }.joined(separator: ", "))\(steps.count > 12 ? ", …" : ""))"
  }
}
