// A report as one page that needs nothing else.
import Base

extension ErrorAnalysis {
  package var page: String {
    HTMLPage(title: "Mistakes", body: parts.map(Self.html).joined(separator: "\n") + "\n", style: Self.style)
      .text
  }

  private static let style = """
    h2 { margin: 2rem 0 .4rem; } td, th { text-align: right; padding-left: .6rem; } td:first-child, th:first-child { text-align: left; }
    details { margin: .5em 0; border-left: 3px solid var(--mistake); padding-left: .8em; } pre { white-space: pre-wrap; margin: .3em 0; }
    pre, details b { color: var(--ink); } svg text { fill: var(--ink); font-size: 12px; } svg rect { fill: var(--note); }
    svg path { fill: none; stroke: var(--ink); } svg .calibrated { stroke: var(--mistake); }
    """

  private static func html(_ part: ReportPart) -> String {
    switch part {
    case .heading(let text): return "<h2>\(HTMLPage.escaped(text))</h2>"
    case .text(let text): return "<p>\(HTMLPage.escaped(text))</p>"
    case .table(let header, let rows):
      let head = header.map { "<th scope=\"col\">\(HTMLPage.escaped($0))</th>" }.joined()
      let body = rows.map { "<tr>" + $0.map { "<td>\(HTMLPage.escaped($0))</td>" }.joined() + "</tr>" }
        .joined(
          separator: "\n")
      return HTMLPage.wide("<table><thead><tr>\(head)</tr></thead>\n\(body)</table>")
    case .answers(let answers):
      return answers.map { answer in
        "<details open><summary>\(HTMLPage.escaped(answer.title))</summary><pre>\(HTMLPage.escaped(answer.question))</pre>"
          + "<p>right: <b>\(HTMLPage.escaped(answer.gold))</b><br>given: <b>\(HTMLPage.escaped(answer.given))</b></p></details>"
      }.joined(separator: "\n")
    case .reliability(let reliability): return plot(reliability)
    }
  }

  /// A bar for each bin, and the line on which a calibrated model's bars end.
  private static func plot(_ reliability: Reliability) -> String {
    let bars = reliability.bins.enumerated().filter { $0.element.rows > 0 }.map { place, bin in
      let right = Double(bin.right) / Double(bin.rows)
      let height = decimals(right * 300, 1)
      let title =
        "\(bin.right) of \(bin.rows) right, mean probability \(decimals(bin.confidence / Double(bin.rows), 3))"
      return
        "<rect x=\"\(40 + place * 30)\" y=\"\(decimals(310 - right * 300, 1))\" width=\"28\" height=\"\(height)\"><title>\(title)</title></rect>"
    }.joined(separator: "\n")
    let labels = [0, 5, 10].map { tick in
      "<text x=\"\(40 + tick * 30)\" y=\"328\" text-anchor=\"middle\">\(decimals(Double(tick) / 10, 1))</text>"
        + "<text x=\"34\" y=\"\(314 - tick * 30)\" text-anchor=\"end\">\(decimals(Double(tick) / 10, 1))</text>"
    }.joined()
    return """
      <svg width="360" height="350" viewBox="0 0 360 350" role="img" aria-label="share of right answers by probability">
      \(bars)
      <path class="calibrated" d="M40 310 L340 10"/><path d="M40 10 L40 310 L340 310"/>
      \(labels)<text x="190" y="345" text-anchor="middle">probability of the answer</text>
      </svg>
      """
  }
}
