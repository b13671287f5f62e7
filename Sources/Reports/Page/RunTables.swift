// The tables of the report that say what ranks did, what data there was, and what a model answers.
import Base
import Foundation

/// How long each rank computed and waited.
struct RankTable {
  private let runs: [RunFolder]
  private let names: [String]

  init(_ runs: [RunFolder], _ names: [String]) { (self.runs, self.names) = (runs, names) }

  /// The most rows of a run; of more ranks, those that computed longest and shortest.
  private static let mostRows = 16

  var html: String {
    runs.indices.map { place in
      guard let end = runs[place].end,
        let steps = end["rank_step_seconds"]?.elements?.compactMap(\.double), !steps.isEmpty,
        let exchange = end["rank_exchange_seconds"]?.elements?.compactMap(\.double),
        exchange.count == steps.count
      else { return "" }
      let peaks = end["peak_rss_bytes"]?.elements?.compactMap(\.amount) ?? []
      var ranks = Array(steps.indices)
      if ranks.count > Self.mostRows {
        ranks.sort { steps[$0] - exchange[$0] > steps[$1] - exchange[$1] }
        ranks = Array(ranks.prefix(Self.mostRows / 2) + ranks.suffix(Self.mostRows / 2))
      }
      let longest = max(steps.max()!, 1e-9)
      let rows = ranks.map { rank in
        let computing = max(steps[rank] - exchange[rank], 0)
        func bar(_ seconds: Double, _ kind: String) -> String {
          String(format: "<span class=\"bar%@\" style=\"width:%.2fem\"></span>", kind, 14 * seconds / longest)
        }
        let memory = rank < peaks.count ? fileSize(peaks[rank]) : ""
        return "<tr><th scope=\"row\">\(rank)</th><td class=\"number\">\(decimals(computing, 2))</td>"
          + "<td class=\"number\">\(decimals(exchange[rank], 2))</td><td class=\"number\">\(memory)</td>"
          + "<td>\(bar(computing, ""))\(bar(exchange[rank], " wait"))</td></tr>\n"
      }
      let heading = runs.count == 1 ? "" : "<h3>\(HTMLPage.escaped(names[place]))</h3>\n"
      let left = steps.count - ranks.count
      let note =
        left > 0 ? "<p>\(grouped(left)) ranks between the slowest and the fastest are left out.</p>\n" : ""
      let head =
        "<thead><tr><th scope=\"col\">rank</th><th scope=\"col\" class=\"number\">computing, s</th>"
        + "<th scope=\"col\" class=\"number\">exchange and waiting, s</th><th scope=\"col\" class=\"number\">memory</th>"
        + "<th scope=\"col\">share</th></tr></thead>"
      return heading + HTMLPage.wide("<table>\n\(head)\n\(rows.joined())</table>") + note
    }.joined()
  }
}

/// The files that runs read.
struct DataTable {
  private let runs: [RunFolder]
  private let names: [String]

  init(_ runs: [RunFolder], _ names: [String]) { (self.runs, self.names) = (runs, names) }

  var html: String {
    runs.indices.map { place in
      let start = runs[place].start
      guard let files = start["data"]?.elements, !files.isEmpty else { return "" }
      let columns = ["rows", "tokens", "cut_rows", "empty_rows", "rows_without_targets"]
      let rows = files.prefix(50).map { file in
        "<tr><td>\(HTMLPage.escaped((file["file"]?.text ?? "").printable(400)))</td>"
          + "<td class=\"short\">\(HTMLPage.escaped((file["format"]?.text ?? "").printable()))</td>"
          + columns.map { "<td class=\"number\">\(file[$0]?.amount.map { grouped($0) } ?? "")</td>" }.joined()
          + "</tr>\n"
      }
      let head = (["file", "format"] + columns.map { $0.split(separator: "_").joined(separator: " ") })
        .enumerated().map {
          "<th scope=\"col\"\($0.offset > 1 ? " class=\"number\"" : "")>\($0.element)</th>"
        }
      let parts = ["train", "validation"].compactMap { part -> String? in
        guard let facts = start[part], let count = facts["sequences"]?.amount else { return nil }
        return "\(part): \(grouped(count)) sequences, \(grouped(facts["tokens"]?.amount ?? 0)) tokens, "
          + "\(grouped(facts["targets"]?.amount ?? 0)) of them learned"
      }
      let heading = runs.count == 1 ? "" : "<h3>\(HTMLPage.escaped(names[place]))</h3>\n"
      let more = files.count > 50 ? "<p>\(grouped(files.count - 50)) more files.</p>\n" : ""
      return heading
        + HTMLPage.wide("<table>\n<thead><tr>\(head.joined())</tr></thead>\n\(rows.joined())</table>")
        + "\(more)<p>\(parts.joined(separator: "; ")).</p>\n"
    }.joined()
  }
}

/// Answers before and after training, from samples.json.
struct AnswerTable {
  private let runs: [RunFolder]
  private let names: [String]

  init(_ runs: [RunFolder], _ names: [String]) { (self.runs, self.names) = (runs, names) }

  private static let most = 8

  var html: String {
    runs.indices.map { place in
      let tables = samples(runs[place].path)
      guard !tables.isEmpty else { return "" }
      return (runs.count == 1 ? "" : "<h3>\(HTMLPage.escaped(names[place]))</h3>\n") + tables
    }.joined()
  }

  private func samples(_ folder: String) -> String {
    let samples = (try? OpenFile.json(folder + "/samples.json"))?["samples"]?.elements ?? []
    return Self.table(samples, ["prompt", "before", "after", "right"])
  }

  private static func table(_ rows: [JSON], _ columns: [String]) -> String {
    guard !rows.isEmpty else { return "" }
    let lines = rows.prefix(most).map { row in
      let cells = columns.map { key -> String in
        let value = row[key]
        let text = value?.text ?? value?.double.map { Curve.short($0) } ?? ""
        return "<td>\(HTMLPage.escaped(text.printable(300)))</td>"
      }
      return "<tr>\(cells.joined())</tr>\n"
    }
    let head = columns.map { "<th scope=\"col\">\($0)</th>" }.joined()
    return HTMLPage.wide("<table>\n<thead><tr>\(head)</tr></thead>\n\(lines.joined())</table>")
  }
}

/// What `swiftdp evaluate --output` left in the folder of a run or in a folder inside of it.
struct EvaluationTable {
  private let runs: [RunFolder]
  private let names: [String]

  init(_ runs: [RunFolder], _ names: [String]) { (self.runs, self.names) = (runs, names) }

  var html: String {
    runs.indices.map { place in
      let folder = runs[place].path
      let inner = ((try? Base.names(inFolder: folder)) ?? []).sorted().filter {
        $0 != "checkpoints" && $0 != "model"
      }
      let tables = ([""] + inner.map { "/" + $0 }).prefix(40).compactMap { Self.table(folder + $0) }
      guard !tables.isEmpty else { return "" }
      return (runs.count == 1 ? "" : "<h3>\(HTMLPage.escaped(names[place]))</h3>\n") + tables.joined()
    }.joined()
  }

  private static func table(_ folder: String) -> String? {
    guard let evaluation = try? OpenFile.json(folder + "/evaluation.json") else { return nil }
    let rows = (evaluation.members ?? []).prefix(40).map { member in
      "<tr><th scope=\"row\">\(HTMLPage.escaped(String(decoding: member.key, as: UTF8.self).printable()))</th>"
        + "<td>\(HTMLPage.escaped((member.value.text ?? member.value.double.map { Curve.short($0) } ?? member.value.encoded()).printable(400)))</td></tr>\n"
    }
    let errors = (try? OpenFile.json(folder + "/errors_summary.json"))?["by_class"]?.elements ?? []
    let mistakes = errors.prefix(12).map { pair in
      "<tr><td>\(HTMLPage.escaped((pair["gold"]?.text ?? pair["gold"]?.encoded() ?? "").printable()))</td>"
        + "<td>\(HTMLPage.escaped((pair["predicted"]?.text ?? pair["predicted"]?.encoded() ?? "").printable()))</td>"
        + "<td class=\"number\">\(grouped(pair["errors"]?.amount ?? 0))</td></tr>\n"
    }
    let head =
      "<thead><tr><th scope=\"col\">gold</th><th scope=\"col\">predicted</th><th scope=\"col\" class=\"number\">errors</th></tr></thead>\n"
    return "<h3>\(HTMLPage.escaped(folder.printable(400)))</h3>\n"
      + HTMLPage.wide("<table>\n\(rows.joined())</table>")
      + (mistakes.isEmpty ? "" : HTMLPage.wide("<table>\n\(head)\(mistakes.joined())</table>"))
  }
}
