// `swiftdp top`: a run as its files show it, drawn again and again.
import Base
import Foundation

package struct TopPicture {
  private var lines = LiveLines()

  package init() {}

  /// What to write to show a folder as it is now in the place of the last picture.
  package mutating func text(_ run: RunFolder, _ form: TerminalForm) -> String {
    let name =
      "\(run.path)\(form.takesUnicode ? " · " : "  ")\((run.start["model"] ?? run.recipe["model"])?.text ?? "")"
    let title = String(name.printable(4 * form.columns).prefix(max(form.columns - 1, 8)))
    return lines.text([title] + LiveBlock(LiveFacts(run), form).lines, columns: form.columns)
  }
}
