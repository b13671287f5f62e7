// Beam search: of several answers that are continued side by side, the one whose log-probability, over a power of its
// length, is the largest. It takes the steps of transformers' `_beam_search`, in fp32 as that does.
import Base
import Foundation
import Graph
import Kernels

package struct BeamSearch: Sendable, Equatable {
  /// How many answers are continued, and how many complete ones are kept.
  package var beams: Int
  /// The power of the length: above 0 longer answers are preferred.
  package var lengthPenalty: Double
  /// Whether the search ends with as many complete answers as there are beams, even if another could still be better.
  package var stopsEarly: Bool

  package init(beams: Int, lengthPenalty: Double = 1, stopsEarly: Bool = false) {
    self.beams = beams
    self.lengthPenalty = lengthPenalty
    self.stopsEarly = stopsEarly
  }

  /// The score of nothing, as in transformers.
  fileprivate static let none: Float = -1e9

  /// A score over the power of a length.
  fileprivate func normalised(_ score: Float, length: Int) -> Float {
    score / Float(pow(Double(length), lengthPenalty))
  }
}

/// The answers to one prompt.
struct BeamAnswers {
  struct Running {
    var tokens: [Int32]
    var score: Float
  }

  private struct Complete {
    var tokens: [Int32]
    var score: Float
    var isReal: Bool
  }

  /// A continuation of one of the running answers.
  private struct Candidate {
    var beam: Int
    var token: Int32
    var score: Float
  }

  private let search: BeamSearch
  /// Tokens that end an answer, and the most tokens that it may have.
  private let ends: [Int32]
  private let longest: Int
  private(set) var running: [Running]
  private var complete: [Complete]
  private var mayImprove = true
  private(set) var isDone = false

  init(_ search: BeamSearch, ends: [Int32], longest: Int) {
    self.search = search
    self.ends = ends
    self.longest = longest
    // The first step continues one answer, since all are alike.
    running = (0..<search.beams).map { Running(tokens: [], score: $0 == 0 ? 0 : BeamSearch.none) }
    complete = (0..<search.beams).map { _ in Complete(tokens: [], score: BeamSearch.none, isReal: false) }
  }

  /// The best answer, with the token that ends it.
  var best: [Int32] { complete[0].tokens }

  /// Continues all answers by one token.
  /// - Parameter logits: [beams, V].
  /// - Returns: the answer that each new one continues; nil if the logits are not finite.
  mutating func advance(_ logits: UnsafeBufferPointer<Float>) -> [Int]? {
    guard let candidates = candidates(logits) else { return nil }
    let length = running[0].tokens.count + 1
    let hits = candidates.map { ends.contains($0.token) || length >= longest }
    let next = candidates.indices.sorted {
      let (a, b) = (hits[$0] ? 1 : 0, hits[$1] ? 1 : 0)
      return (a, $0) < (b, $1)
    }.prefix(search.beams)
    take(candidates, hits, length: length)
    let beams = next.map { candidates[$0].beam }
    running = next.map { place in
      let candidate = candidates[place]
      return Running(
        tokens: running[candidate.beam].tokens + [candidate.token],
        score: hits[place] ? BeamSearch.none : candidate.score)
    }
    let areComplete = complete.allSatisfy(\.isReal)
    let worst = complete.reduce(Float.infinity) { min($0, $1.score) }
    mayImprove =
      mayImprove && (!areComplete || search.normalised(running[0].score, length: length) > worst)
    isDone = !mayImprove || areComplete && search.stopsEarly || hits.allSatisfy { $0 }
    return beams
  }

  /// The best continuations, so many that enough are left if all that can end do.
  private func candidates(_ logits: UnsafeBufferPointer<Float>) -> [Candidate]? {
    let vocabulary = logits.count / search.beams
    let kept = min(max(2, 1 + ends.count) * search.beams, logits.count)
    var best: [Candidate] = []
    for (beam, answer) in running.enumerated() {
      let row = UnsafeBufferPointer(rebasing: logits[beam * vocabulary..<(beam + 1) * vocabulary])
      guard let logSum = logSum(of: row) else { return nil }
      for (token, logit) in row.enumerated() {
        let score = (logit - logSum) + answer.score
        if best.count == kept, score <= best[kept - 1].score { continue }
        let place = best.firstIndex { score > $0.score } ?? best.count
        best.insert(Candidate(beam: beam, token: Int32(token), score: score), at: place)
        if best.count > kept { best.removeLast() }
      }
    }
    return best
  }

  private func logSum(of row: UnsafeBufferPointer<Float>) -> Float? {
    let peak = row.reduce(-Float.infinity, max)
    let sum = row.reduce(0.0) { $0 + exp(Double($1 - peak)) }
    return sum.isFinite && peak.isFinite ? peak + Float(log(sum)) : nil
  }

  /// Keeps the best of the complete answers and of those that the best candidates complete.
  private mutating func take(_ candidates: [Candidate], _ hits: [Bool], length: Int) {
    guard mayImprove, !(search.stopsEarly && complete.allSatisfy(\.isReal)) else { return }
    var merged = complete
    for (place, candidate) in candidates.enumerated().prefix(search.beams) where hits[place] {
      merged.append(
        Complete(
          tokens: running[candidate.beam].tokens + [candidate.token],
          score: search.normalised(candidate.score, length: length), isReal: true))
    }
    let order = merged.indices.sorted { (merged[$0].score, $1) > (merged[$1].score, $0) }
    complete = order.prefix(search.beams).map { merged[$0] }
  }
}

extension Generator {
  /// Searches the answers to prompts. What each gets does not depend on the others, their order, or the size of the
  /// batch.
  /// - Parameters:
  ///   - batchSize: the most answers that are continued at once, of all prompts together.
  ///   - maximum: the most tokens of an answer.
  ///   - ended: called with the answer to a prompt, without the token that ends it.
  package func run(
    _ prompts: [Prompt], search: BeamSearch, batchSize: Int = 1, maximum: Int,
    ended: (_ prompt: Int, _ answer: [Int32]) throws -> Void
  ) throws {
    guard !prompts.isEmpty else { return }
    let width = search.beams
    let size = min(max(batchSize / width, 1), prompts.count)
    // One place more, through which answers change places.
    let texts = continuations(of: prompts, maximum: maximum, texts: size * width + 1)
    var waiting = prompts.indices.sorted { (prompts[$0].tokens.count, $0) < (prompts[$1].tokens.count, $1) }
    var places: [(prompt: Int, answers: BeamAnswers)] = []

    /// Takes the logits of the answers at one place.
    func take(_ logits: UnsafeBufferPointer<Float>, at place: Int) throws {
      guard let beams = places[place].answers.advance(logits) else { throw notFinite }
      if places[place].answers.isDone { return }
      texts.rearrange(beams.map { place * width + $0 }, from: place * width)
    }

    while !places.isEmpty || !waiting.isEmpty {
      while places.count < size, let prompt = waiting.popLast() {
        let first = places.count * width
        let logits = read([prompts[prompt].tokens], texts, first: first)
        for beam in 1..<width { texts.copy(first, to: first + beam) }
        let longest = longest(prompts[prompt], maximum: maximum) - start(of: prompts[prompt]).count
        places.append((prompt, BeamAnswers(search, ends: ends, longest: longest)))
        // All answers are alike yet.
        let rows = (0..<width).flatMap { _ in logits }
        try rows.withUnsafeBufferPointer { try take($0, at: places.count - 1) }
      }
      for place in places.indices.reversed() where places[place].answers.isDone {
        let answer = places[place].answers.best
        try ended(places[place].prompt, answer.last.map(ends.contains) == true ? answer.dropLast() : answer)
        let last = places.count - 1
        for beam in 0..<width where place != last {
          texts.copy(last * width + beam, to: place * width + beam)
        }
        for beam in 0..<width { texts.clear(last * width + beam) }
        places.swapAt(place, last)
        places.removeLast()
      }
      guard !places.isEmpty else { continue }
      let logits = texts.read(places.flatMap { $0.answers.running.map { [$0.tokens[$0.tokens.count - 1]] } })
      let count = logits.count / places.count
      for place in places.indices {
        try take(UnsafeBufferPointer(rebasing: logits[place * count..<(place + 1) * count]), at: place)
      }
    }
  }
}
