// The lines that show how a run stands, cut to the width of a terminal.
import Base
import Foundation

/// What a terminal can show.
package struct TerminalForm: Sendable {
  package var columns: Int
  /// Whether it shows blocks and dots, or ASCII only.
  package var takesUnicode: Bool
  package var takesColors: Bool

  package init(columns: Int, takesUnicode: Bool, takesColors: Bool) {
    (self.columns, self.takesUnicode, self.takesColors) = (columns, takesUnicode, takesColors)
  }
}

struct LiveBlock {
  private let facts: LiveFacts
  private let form: TerminalForm

  init(_ facts: LiveFacts, _ form: TerminalForm) { (self.facts, self.form) = (facts, form) }

  /// The last column stays free: some terminals begin a new line when it is filled.
  private var width: Int { max(form.columns - 1, 8) }

  /// Lines without line ends, none wider than the terminal.
  var lines: [String] {
    var lines: [String] = []
    if let state = facts.state { lines.append(fitted([state])) }
    lines.append(progress)
    lines += wrapped(numbers)
    lines += wrapped(machine)
    return lines
  }

  private var between: String { form.takesUnicode ? " · " : "  " }

  private var progress: String {
    let steps = facts.steps ?? facts.step
    var words = ["step \(grouped(facts.step))\(facts.steps.map { "/" + grouped($0) } ?? "")"]
    if let epoch = facts.epoch { words.append("epoch \(decimals(epoch, 2))") }
    if let left = facts.secondsLeft { words.append("\(duration(left)) left") }
    let text = words.joined(separator: between)
    let cells = min(width - text.count - 2, 40)
    guard facts.steps != nil, cells >= 5 else { return String(text.prefix(width)) }
    let full = min(cells, cells * facts.step / max(steps, 1))
    let (done, open) = form.takesUnicode ? ("█", "░") : ("#", "-")
    let bar = String(repeating: done, count: full)
    let rest = String(repeating: open, count: cells - full)
    return text + "  "
      + (form.takesColors ? "\u{1B}[36m\(bar)\u{1B}[0m\u{1B}[2m\(rest)\u{1B}[0m" : bar + rest)
  }

  private var numbers: [String] {
    var words = ["loss \(facts.losses.last.map { $0.isNaN ? "none" : decimals($0) } ?? "none")"]
    let curve = Sparkline(facts.losses, takesUnicode: form.takesUnicode).text(min(24, width / 4))
    if !curve.isEmpty { words[0] += " " + curve }
    if let validation = facts.validation {
      words.append("validation \(decimals(validation.loss)) (step \(grouped(validation.step)))")
    }
    words += facts.scalars.map { "\($0.name) \(decimals($0.value))" }
    if let rate = facts.learningRate { words.append("lr \(scientific(rate))") }
    return words
  }

  private var machine: [String] {
    var words: [String] = []
    if let rate = facts.tokensPerSecond { words.append("\(wholeNumber(rate)) tokens/s") }
    if let share = facts.peakShare { words.append("\(decimals(100 * share, 0)) % of the peak") }
    if let share = facts.exchangeShare { words.append("exchange \(decimals(100 * share, 1)) %") }
    if let memory = facts.memory { words.append(fileSize(memory)) }
    if let checkpoint = facts.checkpoint { words.append("checkpoint \(grouped(checkpoint))") }
    if facts.skipped > 0 { words.append("\(counted(facts.skipped, "update")) skipped") }
    if let slow = facts.straggler {
      words.append("rank \(slow.rank) computes \(decimals(100 * slow.more, 0)) % longer")
    }
    return words
  }

  /// As many words as fit into a line; the last ones are left out.
  private func fitted(_ words: [String]) -> String {
    String(words.joined(separator: between).printable(4 * width).prefix(width))
  }

  /// Words in lines, three at most.
  private func wrapped(_ words: [String]) -> [String] {
    var lines: [String] = []
    for word in words {
      if let last = lines.last, last.count + between.count + word.count <= width {
        lines[lines.count - 1] = last + between + word
      } else {
        lines.append(String(word.prefix(width)))
      }
    }
    return Array(lines.prefix(3))
  }
}

/// Numbers as a curve of one line.
struct Sparkline {
  private let values: [Double]
  private let levels: [Character]

  init(_ values: [Double], takesUnicode: Bool) {
    // A file may hold any number; sums and differences stay finite.
    self.values = values.filter(\.isFinite).map { min(max($0, -1e30), 1e30) }
    levels = Array(takesUnicode ? "▁▂▃▄▅▆▇█" : "_.-~=+*#")
  }

  /// - Parameter columns: how many characters there are room for; each is a mean. Empty for fewer than two numbers.
  func text(_ columns: Int) -> String {
    let count = min(columns, values.count)
    guard count >= 2 else { return "" }
    let means = (0..<count).map { column in
      let part = values[values.count * column / count..<values.count * (column + 1) / count]
      return part.reduce(0, +) / Double(part.count)
    }
    let (low, high) = (means.min()!, means.max()!)
    return String(
      means.map { mean in
        let place = high > low ? (mean - low) / (high - low) * Double(levels.count - 1) : 0
        return levels[Int(place.rounded())]
      })
  }
}

/// Redraws some lines where they stand.
package struct LiveLines {
  private var drawn: [Int] = []

  package init() {}

  /// What to write to replace the lines that stand there. A terminal that became narrower shows a line in several rows.
  mutating func text(_ lines: [String], columns: Int) -> String {
    let erase = erased(columns: columns)
    drawn = lines.map(Self.width)
    return erase + lines.map { $0 + "\n" }.joined()
  }

  /// What to write to remove them.
  mutating func erased(columns: Int) -> String {
    let rows = drawn.reduce(0) { $0 + max(1, ($1 + columns - 1) / max(columns, 1)) }
    drawn = []
    return rows == 0 ? "" : "\u{1B}[\(rows)A\r\u{1B}[J"
  }

  /// Leaves the lines where they are.
  mutating func forget() { drawn = [] }

  /// The columns of a line, in which only colours are escaped.
  private static func width(_ line: String) -> Int {
    var count = 0
    var isEscape = false
    for character in line {
      if character == "\u{1B}" { isEscape = true }
      if !isEscape { count += 1 }
      if isEscape, character == "m" { isEscape = false }
    }
    return count
  }
}
