// Questions with the passages that may answer them.
import Base
import Collectives

/// A question as a model is asked it.
package struct GroundedQuestion: Sendable {
  /// With its passages, UTF-8.
  package let prompt: [UInt8]
  /// What stands in the prompt, the best first.
  package let sources: [SearchHit]
  /// Whether a passage reaches the threshold: otherwise nothing need be asked.
  package let isAnswerable: Bool

  /// The sources as rows of answers have them: document, place, score and text.
  package var sourcesJSON: JSON {
    .array(
      sources.map { hit in
        .object([
          "id": .string(hit.chunk.id), "chunk": .integer(hit.chunk.chunk), "start": .integer(hit.chunk.start),
          "score": .number(hit.score), "text": .string(hit.chunk.text),
        ])
      })
  }

  /// - Parameters:
  ///   - hits: the best first.
  ///   - threshold: the least score of the first hit; nil to answer in any case.
  ///   - fits: whether a model has room for a prompt. Where it has not, the last passages are left out.
  package init(
    _ question: [UInt8], _ hits: [SearchHit], _ template: PassagePrompt, threshold: Double?,
    fits: ([UInt8]) -> Bool
  ) throws {
    var kept = hits
    var prompt = try template.text(question, kept)
    while !kept.isEmpty, !fits(prompt) {
      kept.removeLast()
      prompt = try template.text(question, kept)
    }
    self.prompt = prompt
    sources = kept
    isAnswerable = threshold.map { least in hits.first.map { $0.score >= least } ?? false } ?? true
  }
}

extension [GroundedQuestion] {
  /// Gives all ranks the questions of the first one, without their sources. Collective.
  package func shared(_ ranks: Ranks) throws -> [GroundedQuestion] {
    guard ranks.count > 1 else { return self }
    let text = ranks.broadcast(
      JSON.array(map { .array([.string($0.prompt), .bool($0.isAnswerable)]) }).encoded())
    guard !ranks.isFirst else { return self }
    // It is what the first rank wrote.
    return (try JSON.parse(text).elements ?? []).map { pair in
      GroundedQuestion(
        prompt: pair.elements?.first?.bytes ?? [], isAnswerable: pair.elements?.last?.bool ?? true)
    }
  }
}

extension GroundedQuestion {
  fileprivate init(prompt: [UInt8], isAnswerable: Bool) {
    (self.prompt, self.isAnswerable, sources) = (prompt, isAnswerable, [])
  }
}
