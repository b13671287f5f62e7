// The run without a recipe: the shipped model learns the shipped tasks, and shows what it has learned.
import Base
import Collectives
import Foundation
import Recipes
import Training

struct Quickstart {
  static let examples = 3
  let check: AnswerCheck
  let before: AnswerCheck.Result

  /// Measures the model as it is before training. Collective.
  init(_ run: Run, ranks: Ranks) throws {
    check = try ranks.together { try AnswerCheck(file: try Shipped.folder() + "/held-out.jsonl") }
    before = try check.measure(
      run.replica, run.data.tokenizer, ranks: ranks, examples: Self.examples)
  }

  /// Measures again and prints both side by side. Collective.
  func finish(_ run: Run, ranks: Ranks) throws {
    let after = try check.measure(
      run.replica, run.data.tokenizer, ranks: ranks, examples: Self.examples)
    guard ranks.isFirst else { return }
    keep(after, in: run.recipe.output)
    say("")
    row("held-out prompt", "before", "after", "right")
    for (index, pair) in zip(before.examples, after.examples).enumerated() {
      row(check.rows[index].prompt, pair.0, pair.1, check.rows[index].answer)
    }
    say(
      """

      exact match on \(check.rows.count) held-out tasks: \(percent(before.share)) before, \
      \(percent(after.share)) after

      model        \(run.recipe.output)/model (loads in transformers as it lies there)
      checkpoint   \(run.lastCheckpoint ?? "none")
      next         swiftdp generate --model \(run.recipe.output)/model --prompt '\(check.rows[0].prompt)'
                   swiftdp train model=FOLDER 'data.train=[FILE.jsonl]'
      """)
  }

  /// For `swiftdp report`. Where the file cannot be written, the page has no answers.
  private func keep(_ after: AnswerCheck.Result, in output: String) {
    let samples = zip(before.examples, after.examples).enumerated().map { index, pair in
      JSON.object([
        "prompt": .string(check.rows[index].prompt), "before": .string(pair.0), "after": .string(pair.1),
        "right": .string(check.rows[index].answer),
      ])
    }
    let json = JSON.object(["samples": .array(samples)])
    try? Data((json.encoded(indented: true) + "\n").utf8).write(
      to: URL(fileURLWithPath: output + "/samples.json"), options: .atomic)
  }

  private func say(_ text: String) { StandardStream.output.write(text + "\n") }

  private func percent(_ share: Double) -> String { decimals(share * 100, 1) + " %" }

  private func row(_ cells: String...) {
    let columns = zip(cells, [32, 20, 16, 16]).map { text, width in
      // An untrained model may write anything, but a cell has one line.
      let line = text.trimmingCharacters(in: .whitespacesAndNewlines).map { $0.isNewline ? "⏎" : $0 }
      let shown = line.count > width - 2 ? String(line.prefix(width - 3)) + "…" : String(line)
      return cell(shown, width: width)
    }
    say(columns.joined().trimmingCharacters(in: .whitespaces))
  }
}
