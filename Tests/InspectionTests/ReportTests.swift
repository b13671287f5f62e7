// The report: names that docs know, secrets that it does not tell, and its three forms.
import Base
import Datasets
import Foundation
import Inspection
import Testing

@Suite struct ReportTests {
  private func report() throws -> InspectionReport {
    let rows = [
      row([
        "prompt": .string("<script>alert(1)</script>\u{1B}[31m?"),
        "completion": .string(" password: \"q8Zr2LmX94vTkP0w\""),
      ]),
      row([
        "prompt": .string("<s>Is it here?"), "completion": .string(" Yes, at https://ana:h7Kq92xLm@db.lan/x"),
      ]),
    ]
    return try Setting().inspect(rows + Clean.completions)
  }

  @Test func checksHaveNamesOfTheirOwnThatDocsTell() throws {
    let names = Checks.all.map { $0.name }
    #expect(Set(names).count == names.count && names.count == 36)
    let page = try String(contentsOfFile: Project.root + "/docs/data-check.md", encoding: .utf8)
    for name in names { #expect(page.contains("`\(name)`"), "\(name) is not in docs/data-check.md") }
  }

  @Test func noFormTellsASecret() throws {
    let report = try report()
    #expect(report.finding("secrets")?.rows?.found == 2, "\(report.text)")
    for form in [report.text, report.json.encoded(), report.page(title: "rows")] {
      #expect(!form.contains("LmX94") && !form.contains("q92xLm"))
      #expect(!form.contains("\u{1B}"))
    }
  }

  @Test func thePageStandsAlone() throws {
    let page = try report().page(title: "rows <x>")
    #expect(page.hasPrefix("<!DOCTYPE html>") && page.contains("<title>rows &lt;x&gt;</title>"))
    #expect(page.contains("prefers-color-scheme: dark"))
    #expect(
      !page.contains("<script") && !page.contains("src=") && !page.contains("href=") && !page.contains("url(")
    )
    #expect(page.contains("alert(1)&lt;/script&gt;"))
    #expect(page.contains("<section class=\"mistake\">") && page.contains("doubled_beginning"))
  }

  @Test func jsonHoldsEveryFinding() throws {
    let report = try report()
    let json = try JSON.parse(report.json.encoded())
    #expect(json["findings"]?.elements?.count == report.findings.count)
    #expect(json["rows"]?.integer == 82 && json["mistakes"]?.integer == 1)
    let first = json["findings"]?.elements?.first
    #expect(first?["name"]?.text == "doubled_beginning" && first?["severity"]?.text == "mistake")
    #expect(first?["rows"]?.integer == 1 && first?["of"]?.integer == 82)
    #expect(first?["examples"]?.elements?.first?["at"]?.text?.hasSuffix("/rows.jsonl:2") == true)
    #expect(first?["advice"]?.text?.isEmpty == false)
  }

  @Test func wordsAreAligned() throws {
    let lines = try report().text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(
      lines.first?.hasPrefix(
        "mistake  doubled_beginning             rows that begin with <s> twice: 1 of 82 (1.2 %)")
        == true, "\(lines.first ?? "")")
    #expect(lines.last?.hasPrefix("82 rows, 25 checks: 1 mistake, ") == true, "\(lines.last ?? "")")
    // Mistakes come before warnings, and these before notes.
    let order = lines.compactMap { line in
      ["mistake  ", "warning  ", "note     "].firstIndex { line.hasPrefix($0) }
    }
    #expect(order == order.sorted() && Set(order) == [0, 1, 2])
  }
}
