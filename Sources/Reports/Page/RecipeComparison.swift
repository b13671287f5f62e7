// The recipes of runs, and in what they differ.
import Base
import Recipes

struct RecipeComparison {
  private let runs: [RunFolder]
  private let names: [String]

  init(_ runs: [RunFolder], _ names: [String]) { (self.runs, self.names) = (runs, names) }

  var html: String {
    var html = ""
    let all = runs.map { Self.leaves($0.recipe, at: "") }
    if runs.count > 1 {
      var keys: [String] = []
      for leaves in all { for leaf in leaves where !keys.contains(leaf.key) { keys.append(leaf.key) } }
      let rows = keys.compactMap { key -> String? in
        let values = all.map { leaves in leaves.first { $0.key == key }?.value ?? "" }
        guard Set(values).count > 1 else { return nil }
        return "<tr class=\"differs\"><th scope=\"row\">\(HTMLPage.escaped(key))</th>"
          + values.map { "<td>\(HTMLPage.escaped($0.printable(400)))</td>" }.joined() + "</tr>\n"
      }
      html +=
        rows.isEmpty
        ? "<p>All recipes are the same.</p>\n"
        : "<p>The keys in which they differ:</p>\n"
          + HTMLPage.wide(
            "<table>\n\(RunFacts.head(names, isShown: true, first: "key"))\(rows.joined())</table>")
    }
    for (place, run) in runs.enumerated() where !run.recipe.isNull {
      let title = runs.count == 1 ? "The whole recipe" : "The whole recipe of \(names[place])"
      // A recipe may name a hundred thousand files.
      let text = run.recipe.yaml()
      let shown = text.count > 12_000 / runs.count ? String(text.prefix(12_000 / runs.count)) + "…\n" : text
      html +=
        "<details><summary>\(HTMLPage.escaped(title))</summary>\n<pre>\(HTMLPage.escaped(shown))</pre></details>\n"
    }
    return html
  }

  private static func leaves(_ json: JSON, at path: String) -> [(key: String, value: String)] {
    guard let members = json.members else { return [(path, json.text ?? json.encoded())] }
    return members.flatMap { member in
      let key = String(decoding: member.key, as: UTF8.self)
      return leaves(member.value, at: path.isEmpty ? key : path + "." + key)
    }
  }
}
