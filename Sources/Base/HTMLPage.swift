// A page of its own: one file of HTML, with nothing from elsewhere.

/// The frame and the style that the pages of swiftdp share; dark or light as the reader has it.
package struct HTMLPage {
  private let title: String
  private let body: String
  private let style: String
  private let script: String

  /// - Parameters:
  ///   - title: as text, which comes from anywhere.
  ///   - body: as HTML, which begins with what stands under the title.
  ///   - style: rules of this page beside the shared ones.
  ///   - script: JavaScript, which the page must be whole without; empty for none.
  package init(title: String, body: String, style: String = "", script: String = "") {
    self.title = Self.escaped(title.printable(200))
    self.body = body
    self.style = style
    self.script = script
  }

  package var text: String {
    """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>\(title)</title>
    <style>
    \(Self.sharedStyle)\(style.isEmpty ? "" : "\n" + style)
    </style>
    </head>
    <body>
    <main>
    <h1>\(title)</h1>
    \(body)</main>
    \(script.isEmpty ? "" : "<script>\n\(script)\n</script>\n")</body>
    </html>

    """
  }

  /// A table, as HTML, that scrolls by itself where the window is too narrow for it, with keys too.
  package static func wide(_ table: String) -> String {
    "<div class=\"wide\" tabindex=\"0\">\(table)</div>\n"
  }

  /// A text as HTML shows it, in elements and in quoted attributes.
  package static func escaped(_ text: String) -> String {
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

  private static let sharedStyle = """
    :root { color-scheme: light dark; --ink: #1c1e21; --paper: #fbfbfa; --line: #d9d9d4; --soft: #6a6d70;
      --mistake: #b3261e; --warning: #8a5a00; --note: #2f5d8a; }
    @media (prefers-color-scheme: dark) { :root { --ink: #e4e4e1; --paper: #191a1b; --line: #3a3c3e; --soft: #a0a3a6;
      --mistake: #f2857d; --warning: #e3b341; --note: #8ab4e8; } }
    body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
      margin: 2rem auto; padding: 0 1rem; }
    h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 0; }
    .summary, details, .advice { color: var(--soft); }
    table { border-collapse: collapse; width: 100%; font: 14px/1.45 ui-monospace, monospace; }
    td, th { border-top: 1px solid var(--line); padding: .25rem .6rem .25rem 0; vertical-align: top; overflow-wrap: anywhere; }
    th { text-align: left; font-weight: 600; } thead th { border-top: 0; color: var(--soft); font-weight: 400; }
    td.short { white-space: nowrap; width: 1%; padding-right: 1.2rem; } .wide { overflow-x: auto; } .wide:focus-visible { outline: 2px solid var(--note); outline-offset: 2px; }
    """
}
