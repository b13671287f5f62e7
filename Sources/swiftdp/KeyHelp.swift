// swiftdp help KEY: what a key of a recipe means, from the page that lists them all.
import Base
import Foundation

struct KeyHelp {
  /// A row of a table of docs/configuration.md.
  struct Key {
    var path: String
    var usual: String
    var text: String
  }

  let keys: [Key]

  /// The text for the words of a command line; nil where they do not ask for a key.
  /// - Throws: where they ask for one that there is not.
  static func text(_ words: [String], commands: [String]) throws -> String? {
    guard words.count == 2, words[0] == "help", !commands.contains(words[1]) else { return nil }
    let help = try KeyHelp(page: String(decoding: OpenFile.contents(file()), as: UTF8.self))
    if let text = help.text(of: words[1]) { return text }
    // A command that is written wrong is told by the parser.
    guard words[1].contains(".") || nearest(to: words[1], among: commands) == nil else { return nil }
    let near = nearest(to: words[1], among: help.keys.map(\.path))
    throw UserError(
      .usage, "there is no key \(words[1].quoted)", at: "help",
      hint: near.map { "did you mean \($0)?" } ?? "docs/configuration.md lists all")
  }

  /// The page: where launch/install puts it, or in the project that this binary was built in.
  private static func file() throws -> String {
    let binary = Shipped.binary.deletingLastPathComponent()
    let page = "docs/configuration.md"
    var places = [binary.path + "/../../share/swiftdp/" + page, binary.path + "/../share/swiftdp/" + page]
    var folder = binary
    for _ in 0..<4 {
      folder = folder.deletingLastPathComponent()
      places.append(folder.path + "/" + page)
    }
    guard let found = places.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
      throw UserError(.usage, "docs/configuration.md is not there, which explains keys", at: "help")
    }
    return found
  }

  /// Reads the tables whose first column is `key`. The headings above them are their sections.
  init(page: String) {
    var keys: [Key] = []
    var section = ""
    var isTable = false
    for line in page.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("## ") {
        let title = line.dropFirst(3)
        section = title == "Top level" ? "" : title + "."
        isTable = false
      } else if line.hasPrefix("| key | default |") {
        isTable = true
      } else if !line.hasPrefix("|") {
        isTable = false
      } else if isTable, !line.hasPrefix("| ---") {
        let cells = Self.cells(line)
        guard cells.count >= 3 else { continue }
        for name in cells[0].split(separator: ",") {
          let name = name.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
          keys.append(
            Key(path: section + name, usual: Self.plain(cells[1]), text: Self.plain(cells[2])))
        }
      }
    }
    self.keys = keys
  }

  /// The keys of a section, or one key with its default.
  func text(of path: String) -> String? {
    if let key = keys.first(where: { $0.path == path }) {
      let usual = key.usual.isEmpty ? "" : "\ndefault: \(key.usual)"
      return "\(key.path)\(usual)\n\n\(Self.wrapped(key.text, 96))\n"
    }
    let inner = keys.filter { $0.path.hasPrefix(path + ".") }
    guard !inner.isEmpty else { return nil }
    let width = (inner.map(\.path.count).max() ?? 0) + 2
    return inner.map { key in
      cell(key.path, width: width) + key.text.prefix(90) + (key.text.count > 90 ? "…" : "") + "\n"
    }.joined()
  }

  private static func cells(_ line: Substring) -> [String] {
    var cells = [""]
    var isEscaped = false
    for character in line.dropFirst() {
      if character == "|", !isEscaped { cells.append("") } else { cells[cells.count - 1].append(character) }
      isEscaped = character == "\\"
    }
    return cells.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// Markdown as text: a link is its words, and the page behind them.
  private static func plain(_ text: String) -> String {
    var out = text.replacing("`", with: "").replacing("\\|", with: "|")
    while let middle = out.range(of: "]("), let open = out[..<middle.lowerBound].lastIndex(of: "["),
      let close = out[middle.upperBound...].firstIndex(of: ")")
    {
      let (words, target) = (out[out.index(after: open)..<middle.lowerBound], out[middle.upperBound..<close])
      let page = target.hasPrefix("http") ? String(target) : target.hasPrefix("#") ? "" : "docs/\(target)"
      out.replaceSubrange(open...close, with: page.isEmpty ? String(words) : "\(words): \(page)")
    }
    return out
  }

  private static func wrapped(_ text: String, _ width: Int) -> String {
    var lines = [""]
    for word in text.split(separator: " ") {
      if !lines[lines.count - 1].isEmpty, lines[lines.count - 1].count + word.count + 1 > width {
        lines.append("")
      }
      lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
    }
    return lines.joined(separator: "\n")
  }
}
