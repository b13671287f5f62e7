// docs/survey.html: plots, claims, and how each row was run, in one file.
import Base
import Foundation

struct Page {
  let results: [TaskResult]
  /// The processor, the ranks and the version, for the reader.
  let machine: String

  var html: String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>Every way to fine-tune, compared</title>
    <style>
    :root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6878; --line: #d9dee6; --paper: #ffffff; --mark: #1f6feb; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e4e9f0; --soft: #98a3b3; --line: #333c49; --paper: #12161c; --mark: #6ea8fe; } }
    body { margin: 0 auto; padding: 2rem 1rem 4rem; max-width: 75rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
    h1, h2 { line-height: 1.2; } h2 { margin-top: 3rem; }
    .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
    svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--soft); }
    svg .grid { stroke: var(--line); } svg .axis { font-size: 12px; fill: var(--ink); }
    svg circle { fill: var(--mark); fill-opacity: 0.75; } svg .point text { fill: var(--ink); font-weight: 600; }
    .scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.85rem; width: 100%; }
    th, td { padding: 0.3rem 0.6rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
    th:nth-child(2), td:nth-child(2) { text-align: left; }
    code { font-size: 0.8rem; overflow-wrap: anywhere; } .yes, .no { font-weight: 600; } summary { cursor: pointer; }
    </style>
    </head>
    <body>
    <h1>Every way to fine-tune, compared</h1>
    <p>Each method of swiftdp was trained on the same base with the same rows, seed and number of steps. \(escaped(machine))
    <code>launch/survey</code> makes this page and the tables of <a href="methods.md">methods.md</a>.</p>
    \(results.map(section).joined(separator: "\n"))
    </body>
    </html>

    """
  }

  private func section(_ result: TaskResult) -> String {
    let quality = result.task.quality.name.replacing("_", with: " ")
    func plot(_ name: String, _ x: (RowResult) -> Double) -> String {
      Plot(
        xName: name, yName: quality + " in %",
        points: result.rows.enumerated().map {
          Plot.Point(
            number: $0.offset + 1, name: $0.element.method, x: x($0.element), y: $0.element.quality * 100)
        }
      ).svg
    }
    return """
      <h2>\(escaped(result.task.title))</h2>
      <div class="plots">
      \(plot("memory of the host in MB") { Double($0.host) / 1e6 })
      \(plot("seconds of training") { $0.trainingSeconds })
      </div>
      <div class="scroll"><table>
      <tr><th></th><th>method</th>\(header(quality))</tr>
      \(result.rows.enumerated().map { row($0.offset + 1, result.cells($0.element)) }.joined(separator: "\n"))
      </table></div>
      <p>rank: the most memory that a rank had; host: all ranks together after the last step, where what they share counts
      once; exchange: what a host sends in a step with the ranks on two hosts, as <code>swiftdp plan</code> counts it;
      forgetting: the rise of the \(escaped(result.task.generalWords)).</p>
      \(result.failures.map { "<p>\(escaped($0.method)) failed: \(escaped($0.reason))</p>" }.joined())
      <h3>What surveys say, and what was seen here</h3>
      <ul>
      \(Claim.all(result.rows, result.task).map(item).joined(separator: "\n"))
      </ul>
      <details><summary>How each row was run</summary>
      \(result.rows.map { "<p>\(escaped($0.method))<br><code>\(escaped($0.command))</code></p>" }.joined(separator: "\n"))
      </details>
      """
  }

  private func header(_ quality: String) -> String {
    ([quality] + TaskResult.columns.dropFirst(2)).map { "<th>\($0)</th>" }.joined()
  }

  private func row(_ number: Int, _ cells: [String]) -> String {
    "<tr><td>\(number)</td>" + cells.map { "<td>\(escaped($0))</td>" }.joined() + "</tr>"
  }

  private func item(_ claim: Claim) -> String {
    let verdict =
      switch claim.holds {
      case true?: "<span class=\"yes\">It holds here.</span>"
      case false?: "<span class=\"no\">It does not hold here.</span>"
      case nil: "It was not measured."
      }
    return "<li>\(escaped(claim.statement)) \(verdict) \(escaped(claim.evidence))</li>"
  }
}
