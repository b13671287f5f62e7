// What a model answers to prompts, over all ranks.
import Collectives
import Generation
import Objectives
import Tokenizers

package struct Answers {
  package let model: Replica
  package let ranks: Ranks
  /// nil to choose token after token.
  package var search: BeamSearch?
  package var sampling = Sampling()
  /// How many texts are continued at once.
  package var batchSize = 32
  /// The most tokens of an answer.
  package let longest: Int
  /// Called on each rank with the numbers of its prompts, of those that are answered, and of the tokens that it made.
  package var progress: (_ prompts: Int, _ answered: Int, _ tokens: Int) -> Void = { _, _, _ in }

  package init(of model: Replica, ranks: Ranks, longest: Int) {
    (self.model, self.ranks, self.longest) = (model, ranks, longest)
  }

  /// The answers to all prompts, in their order, known to all ranks. Collective.
  /// - Parameters:
  ///   - prompts: checked by `ModelDescription.check(prompt:)`.
  ///   - samples: the keys of their random draws; by default their places.
  /// - Throws: if the model gives logits that are not finite.
  package func callAsFunction(to prompts: [[Int32]], samples: [Int]? = nil) throws -> [[Int32]] {
    try ended(to: prompts, samples: samples).map(\.tokens)
  }

  /// The same, each with the token that ended it: nil where it was cut off, or found by a search.
  func ended(to prompts: [[Int32]], samples: [Int]? = nil) throws -> [(tokens: [Int32], end: Int32?)] {
    // Prompts of about one length go to all ranks in turn, so that all have about as much to do.
    let order = prompts.indices.sorted { (prompts[$0].count, $0) < (prompts[$1].count, $1) }
    let own = stride(from: ranks.rank, to: order.count, by: ranks.count).map { order[$0] }
    let answers = try ranks.together {
      try alone(own.map { Generator.Prompt(prompts[$0], sample: samples?[$0] ?? $0) })
    }
    // Each answer behind its length and what ended it.
    let all = ranks.gather(
      answers.flatMap { answer -> [Double] in
        [Double(answer.tokens.count), Double(answer.end ?? -1)] + answer.tokens.map { Double($0) }
      })
    var starts = [Int](repeating: 0, count: ranks.count)
    var result = prompts.map { _ in (tokens: [Int32](), end: Int32?.none) }
    for (place, prompt) in order.enumerated() {
      let rank = place % ranks.count
      let first = starts[rank] + 2
      let (count, last) = (Int(all[rank][first - 2]), Int32(all[rank][first - 1]))
      result[prompt] = (all[rank][first..<first + count].map { Int32($0) }, last < 0 ? nil : last)
      starts[rank] = first + count
    }
    return result
  }

  private func alone(_ prompts: [Generator.Prompt]) throws -> [(tokens: [Int32], end: Int32?)] {
    var answers = prompts.map { _ in (tokens: [Int32](), end: Int32?.none) }
    var (ended, made) = (0, 0)
    func end() {
      ended += 1
      progress(prompts.count, ended, made)
    }
    if let search {
      try model.generator.run(prompts, search: search, batchSize: batchSize, maximum: longest) {
        answers[$0].tokens = $1
        made += $1.count
        end()
      }
    } else {
      try model.generator.run(prompts, batchSize: batchSize, maximum: longest, sampling: sampling) {
        answers[$0].tokens.append($1)
        made += 1
        return true
      } ended: {
        answers[$0].end = $1
        end()
      }
    }
    return answers
  }
}

extension Tokenizer {
  /// An answer as it stands behind its prompt: without it, the first piece would lose the space before it.
  /// - Parameter prompt: empty where answers are texts of their own.
  package func text(of answer: [Int32], after prompt: [Int32]) -> String {
    var decoder = StreamingDecoder(self, skipSpecialTokens: true)
    for token in prompt { _ = decoder.append(token) }
    return answer.map { decoder.append($0) }.joined() + decoder.finish()
  }
}
