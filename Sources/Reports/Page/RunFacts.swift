// What was run, on what, and what came of it: a row for each fact, a column for each run.
import Base
import Foundation

struct RunFacts {
  private let runs: [RunFolder]
  private let names: [String]

  init(_ runs: [RunFolder], _ names: [String]) { (self.runs, self.names) = (runs, names) }

  var table: String {
    let all = runs.map(Self.facts)
    var labels: [String] = []
    for facts in all { for fact in facts where !labels.contains(fact.label) { labels.append(fact.label) } }
    let rows = labels.map { label in
      let cells = all.map { facts in facts.first { $0.label == label }?.text ?? "" }
      let differs = runs.count > 1 && Set(cells).count > 1 && Self.marked.contains(label)
      return "<tr\(differs ? " class=\"differs\"" : "")><th scope=\"row\">\(HTMLPage.escaped(label))</th>"
        + cells.map { "<td>\(HTMLPage.escaped($0.printable(2000)))</td>" }.joined() + "</tr>\n"
    }
    return
      HTMLPage.wide(
        "<table>\n\(Self.head(names, isShown: runs.count > 1, first: "fact"))\(rows.joined())</table>")
  }

  /// Facts that runs which are compared should share.
  private static let marked: Set = ["model", "method", "task", "trained parameters", "arithmetic", "version"]

  static func head(_ names: [String], isShown: Bool, first: String) -> String {
    guard isShown else { return "" }
    let cells = names.map { "<th scope=\"col\">\(HTMLPage.escaped($0))</th>" }.joined()
    return "<thead><tr><th scope=\"col\">\(HTMLPage.escaped(first))</th>\(cells)</tr></thead>\n"
  }

  private static func facts(_ run: RunFolder) -> [(label: String, text: String)] {
    let start = run.start
    var facts: [(label: String, text: String)] = []
    func add(_ label: String, _ text: String?) { if let text, !text.isEmpty { facts.append((label, text)) } }
    func number(_ json: JSON, _ key: String) -> String? { json[key]?.amount.map { grouped($0) } }
    add("folder", run.path)
    add("command", start["command"]?.elements?.compactMap(\.text).joined(separator: " "))
    add("started by", start["launcher"]?.text)
    add("model", (run.recipe["model"] ?? start["model"])?.text)
    add("family", start["family"]?.text)
    add("method", start["method"]?.text)
    add("task", start["task"]?.text)
    add("parameters", number(start, "parameters"))
    add("trained parameters", number(start, "trained_parameters"))
    if let ranks = start["ranks"]?.amount, let hosts = start["hosts"]?.amount,
      let threads = start["threads"]?.amount
    {
      add(
        "ranks", "\(grouped(ranks)) on \(counted(hosts, "host")), with \(counted(threads, "thread")) each")
    }
    for key in ["host", "processor", "system", "memory", "mpi", "version", "build"] {
      add(key, start[key]?.text)
    }
    add(
      "arithmetic",
      start["fingerprint"]?.members?.map {
        "\(String(decoding: $0.key, as: UTF8.self)) \($0.value.text ?? $0.value.encoded())"
      }.joined(separator: " · "))
    add("steps", run.plannedSteps.map { grouped($0) })
    add("starts", run.events(named: "start").isEmpty ? nil : grouped(run.events(named: "start").count))
    if let end = run.end {
      add("time of the last start", end["seconds"]?.double.map(duration))
      add("tokens of the last start", number(end, "tokens"))
      let peaks = end["peak_rss_bytes"]?.elements?.compactMap(\.amount) ?? []
      add("memory of a rank", peaks.max().map { "at most " + fileSize($0) })
      add("model written to", end["model"]?.text)
    }
    let speeds = run.metrics["tokens_per_second"]?.filter { !$0.isNaN }.sorted() ?? []
    if !speeds.isEmpty { add("tokens per second", "median \(wholeNumber(speeds[speeds.count / 2]))") }
    add("last loss", run.metrics.last("loss").map { Curve.short($0) })
    for name in run.metrics.names where name.hasPrefix("validation_") && !name.contains("/") {
      add(
        "last " + name.split(separator: "_").joined(separator: " "),
        run.metrics.last(name).map { Curve.short($0) })
    }
    return facts
  }
}
