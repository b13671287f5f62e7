// results.html: what came of a search, as lines through one axis for each setting, and how much each setting matters.
import Base
import Foundation

package struct ResultPage {
  private let space: SearchSpace
  private let results: [TrialResult]
  /// Those whose loss can be compared: trials that came to their end, or all that have one.
  private let compared: [TrialResult]
  private let name: String

  /// - Parameter name: what the page is about.
  package init(_ space: SearchSpace, _ results: [TrialResult], name: String) {
    (self.space, self.results, self.name) = (space, results, name)
    let measured = results.filter { $0.loss?.isFinite == true }
    let done = measured.filter { $0.state == .done }
    compared = (done.isEmpty ? measured : done).sorted(by: TrialResult.better)
  }

  package var html: String {
    HTMLPage(title: "Search: \(name)", body: body, style: Self.style).text
  }

  private static let style = """
    body { max-width: 75rem; } h2 { margin: 2rem 0 .4rem; }
    svg { width: 100%; height: auto; font: 12px system-ui, sans-serif; } svg text { fill: var(--ink); }
    svg .axis { stroke: var(--soft); } svg polyline { fill: none; stroke-width: 1.5; stroke-opacity: 0.7; }
    svg polyline:hover { stroke-width: 4; stroke-opacity: 1; }
    .bar { display: inline-block; height: 0.7em; background: var(--note); }
    """

  private var body: String {
    let shares = importances.map {
      "<tr><th scope=\"row\">\(HTMLPage.escaped($0.key))</th><td>\(String(format: "%.2f", $0.share)) "
        + "<span class=\"bar\" style=\"width:\(Int($0.share * 200))px\"></span></td></tr>"
    }
    let columns =
      ["trial"] + space.settings.map(\.key) + ["validation loss", "state", "steps", "seconds"]
    let head = columns.map { "<th scope=\"col\">\(HTMLPage.escaped($0))</th>" }.joined()
    let rows = results.sorted(by: TrialResult.better).map(row).joined(separator: "\n")
    return """
      <p>\(compared.count) of \(results.count) trials can be compared. Each line is one of them; the best are blue, the worst red.</p>
      \(lines)
      <h2>What matters</h2>
      <p>The share of the order of trials by their loss that a setting explains by itself: the correlation ratio over four groups
      of its values, or one for each choice. Few trials make it too large.</p>
      \(HTMLPage.wide("<table><thead><tr><th scope=\"col\">setting</th><th scope=\"col\">share</th></tr></thead>\n\(shares.joined(separator: "\n"))</table>"))
      <h2>All trials</h2>
      \(HTMLPage.wide("<table><thead><tr>\(head)</tr></thead>\n\(rows)</table>"))
      """
  }

  private func row(_ result: TrialResult) -> String {
    let cells = space.settings.map { value($0.key, of: result).map(Self.words) ?? "" }
    let loss = result.loss.map { String(format: "%.4f", $0) } ?? ""
    let all =
      ["\(result.trial.number)"] + cells + [loss, result.state.rawValue, "\(result.steps)"]
      + [String(format: "%.1f", result.seconds)]
    return "<tr>" + all.map { "<td>\(HTMLPage.escaped($0))</td>" }.joined() + "</tr>"
  }

  private func value(_ key: String, of result: TrialResult) -> JSON? {
    result.trial.settings.first { $0.key == key }?.value
  }

  // MARK: parallel coordinates

  private static let (width, top, bottom) = (1000.0, 40.0, 300.0)

  private var lines: String {
    let axes = space.settings.count + 1
    func x(_ axis: Int) -> Double { 60 + (Self.width - 120) * Double(axis) / Double(max(axes - 1, 1)) }
    func y(_ share: Double) -> Double { Self.bottom - share * (Self.bottom - Self.top) }
    func at(_ value: Double) -> String { String(format: "%.1f", value) }
    var parts: [String] = []
    let losses = compared.compactMap(\.loss)
    let (low, high) = (losses.first ?? 0, losses.last ?? 1)
    for axis in 0..<axes {
      let setting = axis < axes - 1 ? space.settings[axis] : nil
      let ends = setting.map(Self.ends) ?? (String(format: "%.4f", low), String(format: "%.4f", high))
      let place = at(x(axis))
      // Names at the edges may be longer than the room beside their axis.
      let (end, anchor) = axis == 0 ? ("8", "start") : axis == axes - 1 ? ("992", "end") : (place, "middle")
      parts.append(
        "<line class=\"axis\" x1=\"\(place)\" x2=\"\(place)\" y1=\"\(Self.top)\" y2=\"\(Self.bottom)\"/>"
          + "<text x=\"\(end)\" y=\"18\" text-anchor=\"\(anchor)\">\(HTMLPage.escaped(setting?.key ?? "validation loss"))</text>"
          + "<text x=\"\(end)\" y=\"34\" text-anchor=\"\(anchor)\">\(HTMLPage.escaped(ends.1))</text>"
          + "<text x=\"\(end)\" y=\"318\" text-anchor=\"\(anchor)\">\(HTMLPage.escaped(ends.0))</text>")
    }
    for (rank, result) in compared.enumerated().reversed() {
      var points: [String] = []
      for (axis, setting) in space.settings.enumerated() {
        guard let value = value(setting.key, of: result) else { continue }
        points.append("\(at(x(axis))),\(at(y(Self.share(value, setting.range))))")
      }
      let loss = result.loss ?? low
      points.append("\(at(x(axes - 1))),\(at(y(high > low ? (loss - low) / (high - low) : 0.5)))")
      let hue = 215 - 215 * Double(rank) / Double(max(compared.count - 1, 1))
      parts.append(
        "<polyline stroke=\"hsl(\(Int(hue)), 75%, 50%)\" points=\"\(points.joined(separator: " "))\"><title>"
          + HTMLPage.escaped(
            "trial \(result.trial.number): \(String(format: "%.4f", loss)) · \(result.trial.words)")
          + "</title></polyline>")
    }
    return "<svg viewBox=\"0 0 1000 330\" role=\"img\" aria-label=\"settings and loss of each trial\">\n"
      + parts.joined(separator: "\n") + "\n</svg>"
  }

  /// Where a value lies between the ends of its range.
  static func share(_ value: JSON, _ range: SettingRange) -> Double {
    func part(_ low: Double, _ high: Double, _ x: Double) -> Double {
      high > low ? min(max((x - low) / (high - low), 0), 1) : 0.5
    }
    let x = value.double ?? .nan
    switch range {
    case .uniform(let range): return part(range.lowerBound, range.upperBound, x)
    case .log(let range): return part(log(range.lowerBound), log(range.upperBound), log(x))
    case .int(let range): return part(Double(range.lowerBound), Double(range.upperBound), x)
    case .choice(let values):
      return part(0, Double(values.count - 1), Double(values.firstIndex(of: value) ?? 0))
    }
  }

  private static func ends(_ setting: SearchedSetting) -> (String, String) {
    func short(_ value: Double) -> String { String(format: "%.3g", value) }
    switch setting.range {
    case .uniform(let range), .log(let range): return (short(range.lowerBound), short(range.upperBound))
    case .int(let range): return ("\(range.lowerBound)", "\(range.upperBound)")
    case .choice(let values): return (values.first.map(words) ?? "", values.last.map(words) ?? "")
    }
  }

  private static func words(_ value: JSON) -> String {
    if case .number(let number) = value { return String(format: "%.4g", number) }
    return value.text ?? value.encoded()
  }

  // MARK: importance

  /// Of each setting, the largest first.
  package var importances: [(key: String, share: Double)] {
    space.settings.map { setting in
      let placed = compared.enumerated().compactMap { rank, result in
        value(setting.key, of: result).map { (rank: Double(rank), value: $0) }
      }
      return (setting.key, Self.ratio(placed, setting.range))
    }.sorted { ($1.share, $0.key) < ($0.share, $1.key) }
  }

  /// The share of the variance of ranks that lies between groups of values.
  private static func ratio(_ placed: [(rank: Double, value: JSON)], _ range: SettingRange) -> Double {
    var groups: [[Double]]
    if case .choice(let values) = range {
      groups = values.map { value in placed.filter { $0.value == value }.map(\.rank) }
    } else {
      let sorted = placed.sorted { share($0.value, range) < share($1.value, range) }
      groups = (0..<4).map { part in
        sorted[sorted.count * part / 4..<sorted.count * (part + 1) / 4].map(\.rank)
      }
    }
    groups.removeAll(where: \.isEmpty)
    let all = placed.map(\.rank)
    guard all.count > 1 else { return 0 }
    let mean = all.reduce(0, +) / Double(all.count)
    let whole = all.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    let between = groups.reduce(0) { sum, group in
      let own = group.reduce(0, +) / Double(group.count)
      return sum + Double(group.count) * (own - mean) * (own - mean)
    }
    return whole > 0 ? between / whole : 0
  }
}
