// Text from a model, a token at a time, with the keys and values of earlier tokens kept.
import Base
import Datasets
import Foundation
import Graph

/// How the next token is chosen.
package struct Sampling: Sendable {
  /// 0: the likeliest token. Else logits are divided by it.
  package var temperature: Double
  /// The smallest set of likeliest tokens with this much probability is drawn from (Holtzman et al. 2020).
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
  ///   - maximum: how many tokens to make at most; the model's longest sequence ends it too.
  ///   - each: called with every new token but one that ends the text; returns whether to go on.
  package func generate(
    _ prompt: [Int32], maximum: Int, sampling: Sampling, each: (Int32) throws -> Bool
  ) throws {
    try checkPrompt(prompt)
    let capacity = min(prompt.count + maximum, description.family.maximumLength)
    let cache = KeyValueCache(capacity: capacity)
    var stream = PhiloxStream(seed: sampling.seed, stream: 0x67656E)
    var tokens = prompt
    var programs: [Int: Program] = [:]
    for _ in 0..<capacity - prompt.count {
      let program = programs[tokens.count] ?? decoding(length: tokens.count, cache: cache)
      programs[tokens.count] = program
      let next = try decode(tokens, program: program, cache: cache) {
        sampling.choose($0, draw: stream.unit())
      }
      if description.endOfText.contains(next) { return }
      if try !each(next) { return }
      tokens = [next]
    }
  }

  /// - Throws: where the prompt is empty, or leaves no room for a token.
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
  }

  private func decoding(length: Int, cache: KeyValueCache) -> Program {
    let graph = Graph(
      layout: layout, shape: BatchShape(sequences: 1, length: length), purpose: .decoding, cache: cache)
    description.record(on: graph)
    return Program(graph, threads: engine.pool.threads)
  }

  private func decode(
    _ tokens: [Int32], program: Program, cache: KeyValueCache,
    choose: (UnsafeBufferPointer<Float>) -> Int32
  ) throws -> Int32 {
    let count = tokens.count
    let batch = Batch(
      rows: 1, length: count, tokens: tokens, targets: [Int32](repeating: Batch.noTarget, count: count),
      positions: (0..<count).map { Int32(cache.count + $0) },
      sampleIDs: [0], sequences: [0], targetCount: 0)
    run(program, on: batch)
    cache.count += tokens.count
    return choose(output(of: program))
  }
}
