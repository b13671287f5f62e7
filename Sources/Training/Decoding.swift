// Generates text from a model, one token at a time.
import Base
import Foundation

/// How the next token is chosen.
package struct Sampling: Sendable {
  /// 0: the likeliest token. Otherwise logits are divided by it.
  package var temperature: Double
  /// The next token is drawn from the smallest set of likeliest tokens with this much probability (Holtzman et al.
  /// 2020).
  package var topP: Double
  package var seed: UInt64

  package init(temperature: Double = 0, topP: Double = 1, seed: UInt64 = 0) {
    self.temperature = temperature
    self.topP = topP
    self.seed = seed
  }

  /// - Parameters:
  ///   - draw: a uniform number in 0..<1.
  func choose(_ logits: UnsafeBufferPointer<Float>, draw: Double) -> Int32 {
    var best = 0
    for index in logits.indices where logits[index] > logits[best] { best = index }
    if temperature == 0 { return Int32(best) }
    let peak = Double(logits[best])
    var weights = logits.indices.map { (index: $0, weight: exp((Double(logits[$0]) - peak) / temperature)) }
    let total = weights.reduce(0) { $0 + $1.weight }
    if topP < 1 {
      weights.sort { ($0.weight, $1.index) > ($1.weight, $0.index) }
      var sum = 0.0
      let count =
        (weights.firstIndex {
          sum += $0.weight
          return sum >= topP * total
        } ?? weights.count - 1) + 1
      weights = Array(weights.prefix(count))
    }
    var left = draw * weights.reduce(0) { $0 + $1.weight }
    for candidate in weights {
      left -= candidate.weight
      if left < 0 { return Int32(candidate.index) }
    }
    return Int32(weights[weights.count - 1].index)
  }
}

extension Replica {
  /// Continues a text.
  /// - Parameters:
  ///   - prompt: at least one token.
  ///   - maximum: the most tokens to generate; the model's longest sequence ends the text too.
  ///   - each: called with every new token except one that ends the text; returns whether to go on.
  /// - Throws: if something is wrong with the prompt, or if the model gives logits that are not finite.
  package func generate(
    _ prompt: [Int32], maximum: Int, sampling: Sampling, each: (Int32) throws -> Bool
  ) throws {
    try checkPrompt(prompt)
    let count = min(maximum, description.family.maximumLength - prompt.count)
    let text = Continuation(self, capacity: prompt.count + count)
    var stream = PhiloxStream(seed: sampling.seed, stream: 0x67656E)
    var tokens = prompt
    for _ in 0..<count {
      let logits = text.read(tokens)
      guard logits.allSatisfy(\.isFinite) else {
        throw UserError(
          .data, "gives logits that are not finite", at: description.folder,
          hint: "check it with swiftdp checkpoint verify \(description.folder)")
      }
      let next = sampling.choose(logits, draw: stream.unit())
      if description.endOfGeneration.contains(next) { return }
      if try !each(next) { return }
      tokens = [next]
    }
  }

  /// - Throws: if the prompt is empty, leaves no room for a token, or holds one that the model has no row for.
  package func checkPrompt(_ prompt: [Int32]) throws {
    let limit = description.family.maximumLength
    guard !prompt.isEmpty else {
      throw UserError(.usage, "is empty, and the tokenizer adds no beginning of text", at: "--prompt")
    }
    guard prompt.count < limit else {
      throw UserError(
        .usage, "has \(prompt.count) tokens, but the model reads at most \(limit)", at: "--prompt",
        hint: "at least one must be left for the answer")
    }
    try description.check(prompt)
  }
}
