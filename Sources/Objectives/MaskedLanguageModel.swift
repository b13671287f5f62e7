// Predicting tokens that are hidden (Devlin et al. 2019): of 15 % of the tokens, 80 % are replaced by the mask, 10 % by a
// token of the vocabulary, and 10 % stay. All tokens of a word are hidden together, as transformers'
// `DataCollatorForWholeWordMask` has it.
import Base
import Datasets
import Foundation
import Graph
import Models
import Tokenizers

package struct MaskedLanguageModel: Objective {
  package static let name = "masked_language_model"
  package static let unit = LossUnit.targetTokens
  /// Of the tokens of a sequence, without special ones.
  private let share: Double
  private let wholeWords: Bool
  private var vocabulary: MaskVocabulary?

  package init(_ settings: Section) {
    share = settings.number("share", default: 0.15, in: 0.001...0.9)
    wholeWords = settings.bool("whole_words", default: true)
  }

  package init?(evaluating model: ModelDescription) {
    guard model.head == .maskedLanguageModel else { return nil }
    (share, wholeWords) = (0.15, true)
  }

  package var settings: JSON? {
    .object(["name": .string(Self.name), "share": .number(share), "whole_words": .bool(wholeWords)])
  }

  package var head: Head { .maskedLanguageModel }

  package func settled(by tokenizer: () throws -> Tokenizer) throws -> MaskedLanguageModel {
    var settled = self
    settled.vocabulary = try MaskVocabulary(tokenizer())
    return settled
  }

  package func record(_ hidden: Value, of model: ModelDescription, on graph: Graph) {
    _ = head.record(hidden, of: model.family, on: graph)
  }

  package func scalars(of evaluated: Evaluated) -> [Scalar] {
    evaluated.sums.meanLoss.map { [Scalar("perplexity", exp($0))] } ?? []
  }

  package var mistakeOutputs: OutputForm { .perToken }
  package func mistakes(of evaluated: Evaluated) -> [Mistake] { evaluated.highestLosses(ofNext: false) }

  package func units(of microBatches: [MicroBatch], in sequences: TokenSequences, _ draw: BatchDraw) -> Int {
    var units = 0
    for microBatch in microBatches {
      for (row, sequence) in microBatch.sequences.enumerated() {
        let tokens = sequences.tokens[sequences.tokenRange(of: sequence)]
        units += hidden(of: tokens, sample: microBatch.firstSample + row, draw).count
      }
    }
    return units
  }

  package static var keepsTokens: Bool { false }

  package func mark(_ batch: inout Batch, _ draw: BatchDraw) {
    batch.targetCount = 0
    for place in batch.targets.indices { batch.targets[place] = Batch.noTarget }
    for row in 0..<batch.rows {
      let start = row * batch.length
      let tokens = batch.tokens[start..<start + Int(batch.lengths[row])]
      for (place, replacement) in hidden(of: tokens, sample: Int(batch.sampleIDs[row]), draw) {
        batch.targets[place] = batch.tokens[place]
        batch.tokens[place] = replacement
        batch.targetCount += 1
      }
    }
  }

  /// The places that are hidden in a sequence, and what the model reads there: a function of seed, step and sample.
  private func hidden(
    of tokens: ArraySlice<Int32>, sample: Int, _ draw: BatchDraw
  ) -> [(place: Int, replacement: Int32)] {
    guard let vocabulary else { preconditionFailure("the tokenizer is not known yet") }
    var stream = PhiloxStream(
      seed: draw.seed,
      stream: UInt64(truncatingIfNeeded: draw.step) << 32 ^ UInt64(sample) ^ 0x6D61_736B << 16)
    var words = vocabulary.words(of: tokens, whole: wholeWords)
    let most = max(1, Int((Double(words.reduce(0) { $0 + $1.count }) * share).rounded()))
    var hidden: [(place: Int, replacement: Int32)] = []
    while !words.isEmpty, hidden.count < most {
      let chosen = stream.below(words.count)
      let word = words[chosen]
      words.swapAt(chosen, words.count - 1)
      words.removeLast()
      // A word that is too long for the rest leaves it to shorter ones.
      guard hidden.count + word.count <= most || hidden.isEmpty && words.isEmpty else { continue }
      for place in word {
        let kind = stream.unit()
        let other = vocabulary.ordinary[stream.below(vocabulary.ordinary.count)]
        hidden.append((place, kind < 0.8 ? vocabulary.mask : kind < 0.9 ? other : tokens[place]))
      }
    }
    return hidden
  }
}

/// What hiding tokens needs of a tokenizer.
private struct MaskVocabulary: Sendable {
  let mask: Int32
  /// Tokens that are not special.
  let ordinary: [Int32]
  private let isSpecial: [Bool]
  /// Whether a token goes on with the word before it.
  private let goesOn: [Bool]

  init(_ tokenizer: Tokenizer) throws {
    guard let mask = tokenizer.id(of: "[MASK]") ?? tokenizer.id(of: "<mask>") else {
      throw UserError(
        .data, "has no token for a mask ([MASK] or <mask>)", at: tokenizer.path,
        hint: "task=masked_language_model is for encoders")
    }
    self.mask = mask
    let ids = 0..<Int32(tokenizer.vocabularySize)
    isSpecial = ids.map { tokenizer.isSpecial($0) || tokenizer.piece($0) == nil }
    ordinary = ids.filter { [isSpecial] in !isSpecial[Int($0)] }
    let pieces = ids.map { tokenizer.piece($0) ?? "" }
    // WordPiece marks pieces that go on, others those that begin.
    let marksRest = pieces.contains { $0.hasPrefix("##") }
    goesOn = pieces.map { marksRest ? $0.hasPrefix("##") : !["Ġ", "▁", "Ċ"].contains($0.prefix(1)) }
  }

  /// The places of the tokens of each word, in the indices of the slice.
  func words(of tokens: ArraySlice<Int32>, whole: Bool) -> [Range<Int>] {
    var words: [Range<Int>] = []
    for place in tokens.indices {
      let token = Int(tokens[place])
      guard !isSpecial[token] else { continue }
      if whole, goesOn[token], let last = words.last, last.upperBound == place {
        words[words.count - 1] = last.lowerBound..<place + 1
      } else {
        words.append(place..<place + 1)
      }
    }
    return words
  }
}
