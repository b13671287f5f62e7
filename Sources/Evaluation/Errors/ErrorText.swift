// A report as plain text.
import Base

extension ErrorAnalysis {
  package var text: String {
    parts.map { part in
      switch part {
      case .heading(let text):
        "\n" + text.printable(300) + "\n" + String(repeating: "-", count: min(text.count, 80))
      case .text(let text): text.printable(2000)
      case .table(let header, let rows): Self.table([header] + rows)
      case .answers(let answers): answers.map(Self.answer).joined(separator: "\n")
      case .reliability(let reliability): Self.plot(reliability)
      }
    }.joined(separator: "\n")
  }

  private static func table(_ rows: [[String]]) -> String {
    let shown = rows.map { $0.map { $0.printable(60) } }
    let widths = shown[0].indices.map { column in shown.map { $0[column].count }.max() ?? 0 }
    return shown.map { row in
      row.enumerated().map { column, text in
        let space = String(repeating: " ", count: widths[column] - text.count)
        return column == 0 ? text + space : space + text
      }.joined(separator: "  ")
    }.joined(separator: "\n")
  }

  private static func answer(_ answer: ShownAnswer) -> String {
    "* \(answer.title)\n    asked  …\(String(answer.question.suffix(200)).printable(400))\n"
      + "    right  \(answer.gold.printable(200))\n    given  \(answer.given.printable(200))"
  }

  private static func plot(_ reliability: Reliability) -> String {
    let lines = reliability.bins.enumerated().map { place, bin in
      let right = bin.rows == 0 ? 0 : Double(bin.right) / Double(bin.rows)
      let bar = String(repeating: "#", count: Int((right * 40).rounded()))
      let range = "\(decimals(Double(place) / 10, 1)) to \(decimals(Double(place + 1) / 10, 1))"
      return "\(range)  \(bar)" + (bin.rows == 0 ? "" : " \(decimals(right, 3)) of \(bin.rows)")
    }
    return (["probability  share of right answers"] + lines).joined(separator: "\n")
  }
}
