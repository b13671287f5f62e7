// clean: texts in one form of Unicode, without control characters, HTML and needless white space.
import Base
import Tokenizers

package final class Clean: RowStep, TextStep {
  package static let name = "clean"
  package let record = StepRecord()
  let columns: TextColumns

  private enum Form: String, CaseIterable { case nfc, nfd, nfkc, nfkd, keep }
  private enum Control: String, CaseIterable { case drop, keep }
  private enum Markup: String, CaseIterable { case strip, keep }
  private enum Space: String, CaseIterable { case collapse, trim, keep }

  private let form: UnicodeForm?
  private let control: Control
  private let markup: Markup
  private let space: Space

  package init(_ section: Section, _ facts: StepFacts) {
    form = UnicodeForm(rawValue: section.choice("unicode", default: Form.nfc).rawValue)
    control = section.choice("control", default: .drop)
    markup = section.choice("html", default: .keep)
    space = section.choice("whitespace", default: .keep)
    columns = TextColumns(section)
  }

  package func cleaned(_ text: [UInt8]) -> [UInt8] {
    var text = text
    if markup == .strip { text = HTMLText.stripped(text) }
    if control == .drop { text = PlainText.withoutControls(text) }
    if let form { text = form.normalized(text) }
    switch space {
    case .collapse: text = PlainText.collapsed(text)
    case .trim: text = PlainText.trimmed(text)
    case .keep: break
    }
    return text
  }

  package func apply(to row: PreparedRow) throws -> [PreparedRow] {
    var difference: (old: [UInt8], new: [UInt8])?
    // A row with texts that were empty before is not emptied here.
    var (had, has) = (false, false)
    let json = columns.mapped(row.json) { text in
      let new = cleaned(text)
      had = had || !text.isEmpty
      has = has || !new.isEmpty
      guard new != text else { return nil }
      difference = difference ?? (text, new)
      return new
    }
    guard !had || has else {
      record.remove(row, "nothing left")
      return []
    }
    guard let difference else { return [row] }
    record.change(row, from: difference.old, to: difference.new)
    var row = row
    row.json = json
    return [row]
  }
}
