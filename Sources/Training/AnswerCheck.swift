// A model's answers to prompts whose right answer is known, over all ranks.
import Base
import Collectives
import Tasks
import Tokenizers

/// Prompts with their right answers, from rows of prompt and completion.
package struct AnswerCheck {
  package let rows: [(prompt: String, answer: String)]

  package struct Result {
    /// The share of answers that were right.
    package var share: Double
    /// The answers to the first prompts.
    package var examples: [String]
  }

  /// - Parameter file: JSONL with `prompt` and `completion`.
  package init(file: String) throws {
    let lines = try OpenFile.contents(file).split(separator: UInt8(ascii: "\n"))
    rows = try lines.enumerated().map { index, line in
      let row = try? JSON.parse(Array(line))
      guard let prompt = row?["prompt"]?.text, let answer = row?["completion"]?.text else {
        throw UserError(.data, "is no prompt with a completion", at: "\(file):\(index + 1)")
      }
      return (prompt, answer)
    }
  }

  /// Answers every prompt greedily; each rank takes every N-th. Collective.
  package func measure(
    _ replica: Replica, _ tokenizer: Tokenizer, ranks: Ranks, examples: Int
  ) throws -> Result {
    let longest = rows.map { $0.answer.utf8.count }.max() ?? 0
    func answer(_ prompt: String) throws -> String {
      try replica.answer(prompt, tokenizer: tokenizer, maximum: longest + 1)
    }
    let (right, answers) = try ranks.together { () throws -> ([Double], [String]) in
      let right = try stride(from: ranks.rank, to: rows.count, by: ranks.count).map { index in
        ExactMatch.agrees(try answer(rows[index].prompt), with: rows[index].answer) ? 1.0 : 0
      }
      return (right, try rows.prefix(ranks.isFirst ? examples : 0).map { try answer($0.prompt) })
    }
    let total = inOrder(ranks.gather(right)).reduce(0, +)
    return Result(share: total / Double(max(rows.count, 1)), examples: answers)
  }
}
