// WikiText: undoes the set's tokens; words and bytes are those of the page as it stands.
import Base
import Templates

struct WikiTextStep: TaskStep {
  static let name = "wikitext"

  private enum Change {
    case text(String, String)
    case pattern(String, String)
  }

  private static let changes: [Change] = [
    .text("s '", "s'"), .pattern(#"/' [0-9]/"#, "/'[0-9]/"), .text(" @-@ ", "-"), .text(" @,@ ", ","),
    .text(" @.@ ", "."), .text(" : ", ": "), .text(" ; ", "; "), .text(" . ", ". "), .text(" ! ", "! "),
    .text(" ? ", "? "), .text(" , ", ", "), .pattern(#"\(\s*([^\)]*?)\s*\)"#, #"(\1)"#),
    .pattern(#"\[\s*([^\]]*?)\s*\]"#, #"[\1]"#), .pattern(#"{\s*([^}]*?)\s*}"#, #"{\1}"#),
    .pattern(#""\s*([^"]*?)\s*""#, #""\1""#), .pattern(#"'\s*([^']*?)\s*'"#, #"'\1'"#),
    .text("= = = =", "===="), .text("= = =", "==="), .text("= =", "=="), .text(" \u{B0} ", "\u{B0}"),
    .text(" \n", "\n"), .text("\n ", "\n"), .text(" N ", " 1 "), .text(" 's", "'s"),
  ]

  private static func page(_ doc: JSON) throws(StepMistake) -> String {
    if let page = doc["page"]?.text { return page }
    return try doc.needed("text")
  }

  func target(_ doc: JSON) throws(StepMistake) -> JSON? {
    var text = try Self.page(doc)
    for change in Self.changes {
      switch change {
      case .text(let old, let new): text = LiteralText.replacing(old, in: text, by: new)
      case .pattern(let pattern, let new):
        do throws(PatternMistake) { text = try Pattern(pattern).replacing(text, by: new) } catch {
          throw StepMistake(what: error.what)
        }
      }
    }
    return .string(text)
  }

  func countedText(_ doc: JSON) throws(StepMistake) -> [UInt8]? { Array(try Self.page(doc).utf8) }
}
