// A model's answers to prompts whose right answer is known, over all ranks.
import Base
import Collectives
import Generation
import Metrics
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
    let (right, answers) = try ranks.together { () throws -> ([Double], [String]) in
      let own = Array(stride(from: ranks.rank, to: rows.count, by: ranks.count))
      let answers = try self.answers(to: own, replica, tokenizer)
      let right = zip(own, answers).map { ExactMatch.agrees($1, with: rows[$0].answer) ? 1.0 : 0 }
      let shown = Array(rows.indices.prefix(ranks.isFirst ? examples : 0))
      return (right, try self.answers(to: shown, replica, tokenizer))
    }
    // Whole numbers: any order of additions gives the same.
    let total = ranks.gather(right).joined().reduce(0, +)
    return Result(share: total / Double(max(rows.count, 1)), examples: answers)
  }

  private func answers(to indices: [Int], _ replica: Replica, _ tokenizer: Tokenizer) throws -> [String] {
    var ids = [[Int32]](repeating: [], count: indices.count)
    let prompts = indices.map {
      Generator.Prompt(tokenizer.encode(rows[$0].prompt, addSpecialTokens: true), sample: $0)
    }
    for (prompt, index) in zip(prompts, indices) {
      try replica.description.check(prompt: prompt.tokens, at: "prompt \(index + 1)")
    }
    let longest = rows.map { $0.answer.utf8.count }.max() ?? 0
    try replica.generator.run(prompts, batchSize: 32, maximum: longest + 1, sampling: Sampling()) {
      ids[$0].append($1)
      return true
    }
    return ids.map { tokenizer.decode($0, skipSpecialTokens: true) }
  }
}
