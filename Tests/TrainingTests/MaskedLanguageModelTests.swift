// Which tokens a masked language model hides, and what it reads in their places, as transformers'
// `DataCollatorForWholeWordMask` has it.
import Base
import Datasets
import Foundation
import Objectives
import Testing
import Tokenizers

/// Words of one to three pieces; every number is a token.
private struct NumberEncoding: TextEncoding {
  func encode(_ text: [UInt8], addSpecialTokens: Bool) -> [Int32] {
    text.split(separator: 32).map { Int32(String(decoding: $0, as: UTF8.self))! }
  }
}

@Suite struct MaskedLanguageModelTests {
  /// [PAD] to [MASK], then 100 pieces that begin a word, and 100 that go on.
  private static let vocabulary =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + (0..<100).map { "w\($0)" }
    + (0..<100).map { "##p\($0)" }
  private static let mask: Int32 = 4
  private static func goesOn(_ token: Int32) -> Bool { token >= 105 }

  private static func tokenizer() throws -> Tokenizer {
    let ids = vocabulary.enumerated().map { "\"\($0.element)\": \($0.offset)" }.joined(separator: ", ")
    let added = vocabulary[..<5].enumerated().map {
      #"{"id": \#($0.offset), "content": "\#($0.element)", "single_word": false, "lstrip": false, "rstrip": false, "#
        + #""normalized": false, "special": true}"#
    }.joined(separator: ", ")
    let text = ###"""
      {"added_tokens": [\###(added)], "model": {"type": "WordPiece", "unk_token": "[UNK]",
      "continuing_subword_prefix": "##", "max_input_chars_per_word": 100, "vocab": {\###(ids)}}}
      """###
    return try Tokenizer(json: try JSON.parse(text), path: "tokenizer.json")
  }

  private static func objective(_ settings: [JSON.Member] = []) throws -> any Objective {
    let name = JSON.Member(key: Array("name".utf8), value: .string(MaskedLanguageModel.name))
    let task = JSON.Member(key: Array("task".utf8), value: .object([name] + settings))
    let problems = Problems()
    let top = Section(.object([task]), file: nil, code: .usage, problems: problems)
    let objective = TaskRecipe(top).objective
    try problems.throwIfAny()
    return try objective.settled { try tokenizer() }
  }

  /// 400 rows of [CLS], words of one to three pieces, and [SEP].
  private static func sequences() throws -> TokenSequences {
    var stream = PhiloxStream(seed: 5, stream: 9)
    let rows = (0..<400).map { _ in
      let words = (0..<20 + stream.below(20)).map { _ in
        (["\(5 + stream.below(100))"] + (0..<stream.below(3)).map { _ in "\(105 + stream.below(100))" })
          .joined(separator: " ")
      }
      return #"{"text": "2 \#(words.joined(separator: " ")) 3"}"#
    }
    let file = FileManager.default.temporaryDirectory.path + "/swiftdp-hidden-\(UUID().uuidString).jsonl"
    try Data(rows.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file))
    defer { try? FileManager.default.removeItem(atPath: file) }
    return try Dataset(
      DataOptions(train: [file], packing: false, sequenceLength: 128, seed: 0),
      encoder: DocumentEncoder(encoding: NumberEncoding(), endOfText: nil)
    ).train
  }

  private static func batch(
    _ objective: any Objective, _ sequences: TokenSequences, _ rows: Range<Int>, step: Int
  ) -> Batch {
    var batch = Batch()
    objective.fill(
      &batch, with: MicroBatch(sequences: Array(rows), firstSample: rows.lowerBound), of: sequences,
      mask: .none, BatchDraw(seed: 7, step: step))
    return batch
  }

  @Test func sharesAreThoseOfTheCollator() throws {
    let sequences = try Self.sequences()
    let objective = try Self.objective()
    var (hidden, masked, other, kept, ordinary) = (0, 0, 0, 0, 0)
    for step in 1...5 {
      let batch = Self.batch(objective, sequences, 0..<400, step: step)
      let plain = sequences.batch(
        MicroBatch(sequences: Array(0..<400), firstSample: 0), mask: .none)
      for row in 0..<400 {
        let places = (0..<Int(batch.lengths[row])).map { row * batch.length + $0 }
        let ofRow = places.filter { batch.targets[$0] != Batch.noTarget }
        let count = places.count - 2
        // Whole words fill the share as far as they fit.
        let most = max(1, Int((Double(count) * 0.15).rounded()))
        #expect(ofRow.count <= most && ofRow.count >= most - 2, "row \(row)")
        ordinary += count
        hidden += ofRow.count
        for place in places {
          guard ofRow.contains(place) else {
            #expect(batch.tokens[place] == plain.tokens[place])
            continue
          }
          #expect(batch.targets[place] == plain.tokens[place] && plain.tokens[place] >= 5)
          switch batch.tokens[place] {
          case Self.mask: masked += 1
          case plain.tokens[place]: kept += 1
          default:
            #expect(batch.tokens[place] >= 5)
            other += 1
          }
          // A word is hidden as a whole.
          if Self.goesOn(plain.tokens[place]) { #expect(batch.targets[place - 1] != Batch.noTarget) }
          if place + 1 < places.last!, Self.goesOn(plain.tokens[place + 1]) {
            #expect(batch.targets[place + 1] != Batch.noTarget)
          }
        }
      }
      #expect(batch.targetCount == (0..<batch.targets.count).count { batch.targets[$0] != Batch.noTarget })
    }
    // Four standard deviations of the draws.
    let draws = Double(hidden)
    func expectShare(_ count: Int, _ want: Double) {
      #expect(abs(Double(count) / draws - want) <= 4 * (want * (1 - want) / draws).squareRoot(), "\(want)")
    }
    #expect(draws > 15_000)
    #expect(abs(draws / Double(ordinary) - 0.15) <= 0.01)
    expectShare(masked, 0.8)
    // A random token is the token itself once in 200 times.
    expectShare(other, 0.1 * 199 / 200)
    expectShare(kept, 0.1 + 0.1 / 200)
  }

  @Test func singleTokensAreHiddenWhereWordsNeedNotBeWhole() throws {
    let sequences = try Self.sequences()
    let single = JSON.Member(key: Array("whole_words".utf8), value: .bool(false))
    let batch = Self.batch(try Self.objective([single]), sequences, 0..<400, step: 1)
    let parted = (1..<batch.tokens.count).count {
      batch.targets[$0] != Batch.noTarget && Self.goesOn(batch.targets[$0])
        && batch.targets[$0 - 1] == Batch.noTarget
    }
    #expect(parted > 100)
  }

  /// What is hidden follows from seed, step and sample, however samples are cut into micro-batches.
  @Test func cutsDoNotMatter() throws {
    let sequences = try Self.sequences()
    let objective = try Self.objective()
    var pairs = 0
    for step in 1...2 {
      let whole = Self.batch(objective, sequences, 0..<24, step: step)
      for start in stride(from: 0, to: 24, by: 5) {
        let rows = start..<min(start + 5, 24)
        let part = Self.batch(objective, sequences, rows, step: step)
        for row in rows {
          for place in 0..<Int(part.lengths[row - start]) {
            let (one, other) = (row * whole.length + place, (row - start) * part.length + place)
            #expect(whole.tokens[one] == part.tokens[other] && whole.targets[one] == part.targets[other])
            pairs += 1
          }
        }
      }
      let units = objective.units(
        of: [MicroBatch(sequences: Array(0..<24), firstSample: 0)], in: sequences,
        BatchDraw(seed: 7, step: step))
      #expect(units == whole.targetCount && units > 0)
    }
    #expect(pairs > 1000)
    #expect(
      Self.batch(objective, sequences, 0..<24, step: 1).targets
        != Self.batch(objective, sequences, 0..<24, step: 2).targets)
  }
}
