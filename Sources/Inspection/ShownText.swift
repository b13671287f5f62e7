// Sequences as coloured text, or as plain text with marks.
import Base

package struct ShownText {
  /// What colours tell.
  package enum Coloring: String, CaseIterable, Sendable {
    case loss
    case document
    case role
  }

  /// nil for plain text.
  private let coloring: Coloring?

  /// - Parameter coloring: nil where the reader is no terminal: then marks tell what colours would.
  package init(_ coloring: Coloring?) { self.coloring = coloring }

  /// What colours or marks mean.
  package var legend: String {
    switch coloring {
    case .loss: paint("learned", Self.green) + ", " + paint("read only", Self.faint)
    case .document: "each document in another colour than the one before it"
    case .role: "each role in a colour of its own"
    case nil: "⟦learned⟧, ⟨role⟩, ⏎ line end"
    }
  }

  /// Some lines for a sequence: each of its documents with its place, the roles, and the text.
  /// - Parameter number: of the sequence, from 1.
  package func text(_ sequence: ShownSequence, number: Int) -> String {
    let targets = sequence.tokens.count(where: \.isTarget)
    var head =
      "sequence \(number): \(counted(sequence.tokens.count, "token"))"
      + (targets > 0 ? ", \(grouped(targets)) learned" : "")
    if sequence.padding > 0 { head += ", \(grouped(sequence.padding)) of padding behind them" }
    if !sequence.label.isEmpty { head += " · label \(sequence.label.printable(80))" }
    var lines = [paint(head, Self.bold)]
    if !sequence.answered.isEmpty { lines.append("⟨source⟩" + Self.visible(sequence.answered)) }
    for (document, place) in sequence.places.enumerated() {
      lines.append(paint("── \(place.printable(4200))", Self.faint))
      lines.append(body(sequence.tokens.filter { $0.document == document }))
    }
    return lines.joined(separator: "\n")
  }

  /// The text of a document. Tokens that are alike are painted together.
  private func body(_ tokens: [ShownSequence.Token]) -> String {
    var out = ""
    var at = 0
    var role = ""
    while at < tokens.count {
      let first = tokens[at]
      var end = at
      var text = ""
      while end < tokens.count, tokens[end].role == first.role, tokens[end].isTarget == first.isTarget,
        tokens[end].label == first.label, end == at || first.label.isEmpty
      {
        text += tokens[end].text
        end += 1
      }
      if first.role != role {
        role = first.role
        out += paint("⟨\(role.isEmpty ? " " : role.printable(40))⟩", Self.faint)
      }
      let label = first.label.isEmpty ? "" : "|" + first.label.printable(40)
      let shown = Self.visible(text) + label
      out += coloring == nil ? first.isTarget ? "⟦\(shown)⟧" : shown : paint(shown, color(first))
      at = end
    }
    return out
  }

  private func color(_ token: ShownSequence.Token) -> String {
    switch coloring {
    case .document: Self.palette[token.document % Self.palette.count]
    case .role:
      token.role.isEmpty
        ? Self.faint : Self.palette[Int(FNV1a(token.role.utf8).value >> 32) % Self.palette.count]
    default: token.isTarget ? Self.green : Self.faint
    }
  }

  private func paint(_ text: String, _ color: String) -> String {
    coloring == nil
      ? text
      : text.split(separator: "\n", omittingEmptySubsequences: false).map {
        // A colour that goes on over a line end would paint the rest of the line.
        $0.isEmpty ? "" : "\u{1B}[\(color)m\($0)\u{1B}[0m"
      }.joined(separator: "\n")
  }

  /// Line ends are shown and kept; what would move a terminal's cursor is spelled out.
  private static func visible(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).printable(.max) }
      .joined(separator: "⏎\n")
  }

  private static let green = "32"
  private static let faint = "2"
  private static let bold = "1"
  private static let palette = ["36", "33", "35", "34", "32", "31"]
}
