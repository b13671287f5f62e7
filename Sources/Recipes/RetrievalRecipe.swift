// `data.retrieval`: questions of the data have passages of an index before them.
import Base

package struct RetrievalRecipe: Sendable {
  package let index: String
  /// Passages before each question, and how many of these are drawn from what is not found first.
  package let passages: Int
  package let distractors: Int
  /// The share of rows from which the passage that answers is taken out.
  package let dropGold: Double
  package let mode: Mode
  /// A Jinja file; nil for the usual template.
  package let template: String?

  package enum Mode: String, CaseIterable, Sendable { case dense, lexical, hybrid }

  /// - Returns: nil where it is not given.
  package init?(_ data: Section) {
    guard data.has("retrieval") else { return nil }
    let section = data.section("retrieval")
    index = section.filePath("index")
    passages = section.integer("passages", default: 4, in: 1...1000)
    distractors = section.integer("distractors", default: 2, in: 0...1000)
    dropGold = section.number("drop_gold", default: 0.2, in: 0...1)
    mode = section.choice("mode", default: .dense)
    template = section.has("template") ? section.filePath("template") : nil
    if distractors > passages {
      section.fail("distractors", "is \(distractors), and there are \(counted(passages, "passage"))")
    }
    if !index.isEmpty, let mistake = UserError.noModelFolder(index) {
      section.fail("index", mistake.what, hint: "swiftdp index build makes one")
    }
  }
}
