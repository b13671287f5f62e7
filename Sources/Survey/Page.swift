// docs/survey.html: plots, claims, and how each row was run, in one file.
import Base
import Foundation

struct Page {
  let results: [TaskResult]
  /// The processor, the ranks and the version, for the reader.
  let machine: String

  var html: String {
    HTMLPage(
      title: "Every way to fine-tune, compared",
      body: """
        <p>Each method of swiftdp was trained on the same base with the same rows, seed and number of steps. \(HTMLPage.escaped(machine))
        <code>launch/survey</code> makes this page and the tables of <a href="methods.md">methods.md</a>.</p>
        \(results.map(section).joined(separator: "\n"))

        """, style: Self.style
    ).text
  }

  private static let style = """
    body { max-width: 75rem; } h2 { margin: 3rem 0 .4rem; }
    .plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
    svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; fill: var(--soft); }
    svg .grid { stroke: var(--line); } svg .axis { font-size: 12px; fill: var(--ink); }
    svg circle { fill: var(--note); fill-opacity: 0.75; } svg .point text { fill: var(--ink); font-weight: 600; }
    .wide td, .wide th { text-align: right; white-space: nowrap; padding-left: .6rem; }
    .wide td:nth-child(2), .wide th:nth-child(2) { text-align: left; }
    code { font-size: 0.8rem; overflow-wrap: anywhere; } .yes, .no { font-weight: 600; } summary { cursor: pointer; }
    """

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
    let rows = result.rows.enumerated().map { row($0.offset + 1, result.cells($0.element)) }
    return """
      <h2>\(HTMLPage.escaped(result.task.title))</h2>
      <div class="plots">
      \(plot("memory of the host in MB") { Double($0.host) / 1e6 })
      \(plot("seconds of training") { $0.trainingSeconds })
      </div>
      \(HTMLPage.wide("<table><thead><tr>\(header(quality))</tr></thead>\n\(rows.joined(separator: "\n"))</table>"))
      <p>rank: the most memory that a rank had; host: all ranks together after the last step, where what they share counts
      once; exchange: what a host sends in a step with the ranks on two hosts, as <code>swiftdp plan</code> counts it;
      forgetting: the rise of the \(HTMLPage.escaped(result.task.generalWords)).</p>
      \(result.failures.map { "<p>\(HTMLPage.escaped($0.method)) failed: \(HTMLPage.escaped($0.reason))</p>" }.joined())
      <h3>What surveys say, and what was seen here</h3>
      <ul>
      \(Claim.all(result.rows, result.task).map(item).joined(separator: "\n"))
      </ul>
      <details><summary>How each row was run</summary>
      \(result.rows.map { "<p>\(HTMLPage.escaped($0.method))<br><code>\(HTMLPage.escaped($0.command))</code></p>" }.joined(separator: "\n"))
      </details>
      """
  }

  private func header(_ quality: String) -> String {
    (["number", "method", quality] + TaskResult.columns.dropFirst(2)).map { "<th scope=\"col\">\($0)</th>" }
      .joined()
  }

  private func row(_ number: Int, _ cells: [String]) -> String {
    "<tr><td>\(number)</td>" + cells.map { "<td>\(HTMLPage.escaped($0))</td>" }.joined() + "</tr>"
  }

  private func item(_ claim: Claim) -> String {
    let verdict =
      switch claim.holds {
      case true?: "<span class=\"yes\">It holds here.</span>"
      case false?: "<span class=\"no\">It does not hold here.</span>"
      case nil: "It was not measured."
      }
    return "<li>\(HTMLPage.escaped(claim.statement)) \(verdict) \(HTMLPage.escaped(claim.evidence))</li>"
  }
}
