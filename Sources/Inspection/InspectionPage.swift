// The report as a page of its own: one file, no script, nothing from elsewhere.
import Base

extension InspectionReport {
  /// HTML, dark or light as the reader has it.
  /// - Parameter title: what was looked at.
  package func page(title: String) -> String {
    let title = Self.escaped(title.printable(200))
    let body = findings.map(Self.section).joined()
    let nothing = findings.isEmpty ? "<p>Nothing was found.</p>\n" : ""
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title>
      <style>
      \(Self.style)
      </style>
      </head>
      <body>
      <h1>\(title)</h1>
      <p class="summary">\(Self.escaped(summary))</p>
      \(body)\(nothing)<details><summary>The checks that were made</summary>
      <p>\(checks.map(Self.escaped).joined(separator: ", "))</p></details>
      </body>
      </html>

      """
  }

  private static func section(_ finding: Finding) -> String {
    let rows = finding.examples.filter { !($0.place.isEmpty && $0.text.isEmpty) }.map {
      "<tr><td>\(escaped($0.place.printable(4200)))</td><td>\(escaped($0.text))</td></tr>\n"
    }
    let examples = rows.isEmpty ? "" : "<table>\n\(rows.joined())</table>\n"
    return """
      <section class="\(finding.severity.rawValue)">
      <h2><span>\(finding.severity.rawValue)</span> \(escaped(finding.name))</h2>
      <p>\(escaped(finding.sentence))</p>
      \(examples)<p class="advice">\(escaped(finding.advice))</p>
      </section>

      """
  }

  private static func escaped(_ text: String) -> String {
    var out = ""
    for character in text.unicodeScalars {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.unicodeScalars.append(character)
      }
    }
    return out
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #1c1e21; --paper: #fbfbfa; --line: #d9d9d4; --soft: #6a6d70;
      --mistake: #b3261e; --warning: #8a5a00; --note: #2f5d8a; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e4e4e1; --paper: #191a1b; --line: #3a3c3e; --soft: #a0a3a6;
      --mistake: #f2857d; --warning: #e3b341; --note: #8ab4e8; } }
    body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
      margin: 2rem auto; padding: 0 1rem; }
    h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0; }
    .summary, details, .advice { color: var(--soft); }
    section { border-left: 4px solid var(--line); padding: .2rem 1rem; margin: 1.4rem 0; }
    section p { margin: .4rem 0; }
    h2 span { text-transform: uppercase; font-size: .75rem; letter-spacing: .06em; margin-right: .5rem; }
    .mistake { border-color: var(--mistake); } .mistake span { color: var(--mistake); }
    .warning { border-color: var(--warning); } .warning span { color: var(--warning); }
    .note { border-color: var(--note); } .note span { color: var(--note); }
    table { border-collapse: collapse; width: 100%; font: 14px/1.45 ui-monospace, monospace; }
    td { border-top: 1px solid var(--line); padding: .25rem .6rem .25rem 0; vertical-align: top; overflow-wrap: anywhere; }
    td:first-child { color: var(--soft); width: 16rem; }
    .advice::before { content: "→ "; }
    """
}
