// A report as one page that needs nothing else.
import Base

extension ErrorAnalysis {
  package var page: String {
    """
    <!DOCTYPE html>
    <html lang="en"><head><meta charset="utf-8"><title>Mistakes</title>
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <style>
    body { font: 15px/1.5 system-ui, sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
    table { border-collapse: collapse; margin: 1em 0 } th, td { padding: .2em .8em; border-bottom: 1px solid #ddd; text-align: right }
    th:first-child, td:first-child { text-align: left }
    details { margin: .5em 0; border-left: 3px solid #b33; padding-left: .8em } pre { white-space: pre-wrap; margin: .3em 0 }
    </style></head><body>
    \(parts.map(Self.html).joined(separator: "\n"))
    </body></html>

    """
  }

  private static func html(_ part: ReportPart) -> String {
    switch part {
    case .heading(let text): return "<h2>\(escaped(text))</h2>"
    case .text(let text): return "<p>\(escaped(text))</p>"
    case .table(let header, let rows):
      let head = header.map { "<th>\(escaped($0))</th>" }.joined()
      let body = rows.map { "<tr>" + $0.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>" }.joined(
        separator: "\n")
      return "<table><tr>\(head)</tr>\n\(body)</table>"
    case .answers(let answers):
      return answers.map { answer in
        "<details open><summary>\(escaped(answer.title))</summary><pre>\(escaped(answer.question))</pre>"
          + "<p>right: <b>\(escaped(answer.gold))</b><br>given: <b>\(escaped(answer.given))</b></p></details>"
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
        "<rect x=\"\(40 + place * 30)\" y=\"\(decimals(310 - right * 300, 1))\" width=\"28\" height=\"\(height)\" fill=\"#47a\"><title>\(title)</title></rect>"
    }.joined(separator: "\n")
    let labels = [0, 5, 10].map { tick in
      "<text x=\"\(40 + tick * 30)\" y=\"328\" text-anchor=\"middle\">\(decimals(Double(tick) / 10, 1))</text>"
        + "<text x=\"34\" y=\"\(314 - tick * 30)\" text-anchor=\"end\">\(decimals(Double(tick) / 10, 1))</text>"
    }.joined()
    return """
      <svg width="360" height="350" viewBox="0 0 360 350" role="img" aria-label="share of right answers by probability" font-size="12">
      \(bars)
      <path d="M40 310 L340 10" stroke="#b33" fill="none"/><path d="M40 10 L40 310 L340 310" stroke="#222" fill="none"/>
      \(labels)<text x="190" y="345" text-anchor="middle">probability of the answer</text>
      </svg>
      """
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;").replacing(
      "\"", with: "&quot;")
  }
}
