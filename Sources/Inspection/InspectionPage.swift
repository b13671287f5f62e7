// The report as a page of its own, without a script.
import Base

extension InspectionReport {
  /// HTML, dark or light as the reader has it.
  /// - Parameter title: what was looked at.
  package func page(title: String) -> String {
    let body = findings.map(Self.section).joined()
    let nothing = findings.isEmpty ? "<p>Nothing was found.</p>\n" : ""
    return HTMLPage(
      title: title,
      body: """
        <p class="summary">\(HTMLPage.escaped(summary))</p>
        \(body)\(nothing)<details><summary>The checks that were made</summary>
        <p>\(checks.map(HTMLPage.escaped).joined(separator: ", "))</p></details>

        """, style: Self.style
    ).text
  }

  private static func section(_ finding: Finding) -> String {
    let rows = finding.examples.filter { !($0.place.isEmpty && $0.text.isEmpty) }.map {
      "<tr><td>\(HTMLPage.escaped($0.place.printable(4200)))</td><td>\(HTMLPage.escaped($0.text))</td></tr>\n"
    }
    let examples = rows.isEmpty ? "" : "<table>\n\(rows.joined())</table>\n"
    return """
      <section class="\(finding.severity.rawValue)">
      <h2><span>\(finding.severity.rawValue)</span> \(HTMLPage.escaped(finding.name))</h2>
      <p>\(HTMLPage.escaped(finding.sentence))</p>
      \(examples)<p class="advice">\(HTMLPage.escaped(finding.advice))</p>
      </section>

      """
  }

  private static let style = """
    section { border-left: 4px solid var(--line); padding: .2rem 1rem; margin: 1.4rem 0; }
    section p { margin: .4rem 0; }
    h2 span { text-transform: uppercase; font-size: .75rem; letter-spacing: .06em; margin-right: .5rem; }
    .mistake { border-color: var(--mistake); } .mistake span { color: var(--mistake); }
    .warning { border-color: var(--warning); } .warning span { color: var(--warning); }
    .note { border-color: var(--note); } .note span { color: var(--note); }
    td:first-child { color: var(--soft); width: 16rem; }
    .advice::before { content: "→ "; }
    """
}
