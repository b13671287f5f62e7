// Continues many texts in one batch: those that end leave it, and waiting ones move in.
import Base
import Graph
import Kernels
import Models

package struct Generator {
  /// A text to continue, or a source to answer to.
  package struct Prompt {
    /// At least one; checked by `ModelDescription.check(prompt:)`.
    package var tokens: [Int32]
    /// Its number among all samples, over all ranks: the key of its random draws.
    package var sample: Int

    package init(_ tokens: [Int32], sample: Int) {
      self.tokens = tokens
      self.sample = sample
    }
  }

  /// Tokens of prompts that are read at once, at most.
  private static let mostRead = 2048
  /// Tokens of one prompt that are read at once, at most.
  private static let longestPart = 512

  private let description: ModelDescription
  private let weights: WeightStore
  private let engine: Engine

  package init(_ description: ModelDescription, weights: WeightStore, engine: Engine) {
    self.description = description
    self.weights = weights
    self.engine = engine
  }

  /// A text of the batch.
  private struct Row {
    let prompt: Int
    let sample: Int
    /// The length of the text, and the most that it may have.
    var length: Int
    let longest: Int
    /// The last token, which the model has not read yet.
    var last: Int32
  }

  /// Continues texts. What each gets does not depend on the others, their order, or the size of the batch.
  /// - Parameters:
  ///   - batchSize: the most texts at once.
  ///   - maximum: the most tokens of an answer; the model's longest sequence ends a text too.
  ///   - each: called with every new token of a prompt, except one that ends the text; returns whether to go on.
  ///   - ended: called when the answer to a prompt is complete, with the token that ended it, if one did.
  /// - Throws: what the closures throw, or if the model gives logits that are not finite.
  package func run(
    _ prompts: [Prompt], batchSize: Int = 1, maximum: Int, sampling: Sampling,
    each: (_ prompt: Int, _ token: Int32) throws -> Bool,
    ended: (_ prompt: Int, _ end: Int32?) throws -> Void = { _, _ in }
  ) throws {
    guard !prompts.isEmpty else { return }
    let size = min(batchSize, prompts.count)
    let texts = continuations(of: prompts, maximum: maximum, texts: size)
    // The longest come first, so that prompts that are read together are of about one length.
    var waiting = prompts.indices.sorted {
      (prompts[$0].tokens.count, $0) < (prompts[$1].tokens.count, $1)
    }
    var rows: [Row] = []

    /// Takes the logits of some rows, from the back, so that rows which end leave the others at their places.
    /// - Parameter places: where the logits of each row stand; nil for one behind the other.
    func take(_ logits: UnsafeBufferPointer<Float>, from first: Int, at places: [Int]? = nil) throws {
      let tokens = choose(logits, Array(rows[first...]), at: places, sampling)
      for place in tokens.indices.reversed() {
        let row = first + place
        guard let token = tokens[place] else { throw notFinite }
        rows[row].length += 1
        rows[row].last = token
        let prompt = rows[row].prompt
        let isEnd = ends.contains(token)
        if try !isEnd && each(prompt, token) && rows[row].length < rows[row].longest { continue }
        try ended(prompt, isEnd ? token : nil)
        texts.end(row, of: rows.count)
        rows.swapAt(row, rows.count - 1)
        rows.removeLast()
      }
    }

    while !rows.isEmpty || !waiting.isEmpty {
      // A few at a time: a product of one row takes as long as one of several.
      if !waiting.isEmpty, size - rows.count >= min((size + 7) / 8, waiting.count) {
        let first = rows.count
        var parts: [[Int32]] = []
        // Several texts may begin with one prompt, which is read once.
        var known: [[Int32]: Int] = [:]
        var others: [(row: Row, part: Int)] = []
        while let next = waiting.last, first + parts.count + others.count < size {
          let tokens = prompts[next].tokens
          let row = Row(
            prompt: next, sample: prompts[next].sample, length: start(of: prompts[next]).count,
            longest: longest(prompts[next], maximum: maximum), last: 0)
          if let part = known[tokens] {
            others.append((row, part))
          } else {
            let length = max(parts.first?.count ?? 0, tokens.count)
            if !parts.isEmpty, length > Self.longestPart || (parts.count + 1) * length > Self.mostRead {
              break
            }
            known[tokens] = parts.count
            parts.append(tokens)
            rows.append(row)
          }
          waiting.removeLast()
        }
        let logits = read(parts, texts, first: first)
        for (row, part) in others {
          texts.copy(first + part, to: rows.count)
          rows.append(row)
        }
        try take(logits, from: first, at: Array(parts.indices) + others.map(\.part))
        continue
      }
      try take(texts.read(rows.map { [$0.last] }), from: 0)
    }
  }

  /// Tokens that end an answer.
  var ends: [Int32] { description.endOfGeneration }

  var notFinite: UserError {
    UserError(
      .data, "gives logits that are not finite", at: description.folder,
      hint: "check it with swiftdp checkpoint verify \(description.folder)")
  }

  /// The tokens that the text of an answer begins with: the prompt, or the one that answers to sources begin with.
  func start(of prompt: Prompt) -> [Int32] { description.answerStart.map { [$0] } ?? prompt.tokens }

  /// The most tokens of a prompt's text, with those that it begins with.
  func longest(_ prompt: Prompt, maximum: Int) -> Int {
    let count = start(of: prompt).count
    return count + min(maximum, description.longestText - count)
  }

  /// Room for texts that begin with any of the prompts.
  func continuations(of prompts: [Prompt], maximum: Int, texts: Int) -> Continuations {
    Continuations(
      description, weights: weights, engine: engine, texts: texts,
      capacity: prompts.reduce(0) { max($0, longest($1, maximum: maximum)) },
      sourceCapacity: description.answerStart == nil ? 0 : prompts.reduce(0) { max($0, $1.tokens.count) })
  }

  /// Reads whole prompts; a long one, which is alone, in parts. Sources are read at once.
  func read(_ prompts: [[Int32]], _ texts: Continuations, first: Int) -> UnsafeBufferPointer<Float> {
    if let start = description.answerStart {
      return texts.read(prompts.map { _ in [start] }, sources: prompts, first: first)
    }
    var start = 0
    while prompts.count == 1, prompts[0].count - start > Self.longestPart {
      _ = texts.read([prompts[0][start..<start + Self.longestPart]], first: first)
      start += Self.longestPart
    }
    return texts.read(prompts.map { $0[start...] }, first: first)
  }

  /// The next token of each row; nil where logits are not finite.
  private func choose(
    _ logits: UnsafeBufferPointer<Float>, _ rows: [Row], at places: [Int]?, _ sampling: Sampling
  ) -> [Int32?] {
    let width = logits.count / (places.map { ($0.max() ?? 0) + 1 } ?? rows.count)
    return [Int32?](unsafeUninitializedCapacity: rows.count) { tokens, count in
      let base = tokens.baseAddress!
      engine.pool.run(rows.count) { row, _ in
        let place = places?[row] ?? row
        (base + row).initialize(
          to: sampling.choose(
            UnsafeBufferPointer(rebasing: logits[place * width..<(place + 1) * width]),
            sample: rows[row].sample, position: rows[row].length))
      }
      count = rows.count
    }
  }
}
