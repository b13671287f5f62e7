// Documents in one packed block, kept apart: they have exactly the losses and gradients of the unpacked documents.
import Base
import Checkpoints
import Datasets
import Foundation
import Kernels
import Models
import Testing
import Training

/// Printable characters as tokens; the space is token 0, which also pads rows.
private struct PrintableEncoding: TextEncoding {
  func encode(_ text: [UInt8], addSpecialTokens: Bool) -> [Int32] { text.map { Int32($0) - 32 } }
}

/// A small model, and data from temporary files.
private final class PackedCase {
  static let models = ["gpt2-tiny", "llama-bias"]
  static let endOfText: Int32 = 0

  let replica: Replica
  private let folder = FileManager.default.temporaryDirectory.path + "/swiftdp-packed-" + UUID().uuidString

  init(_ model: String) throws {
    let model = Fixtures.root + "/Tests/Fixtures/parity/" + model
    let description = try ModelDescription(folder: model)
    replica = Replica(description, engine: try Engine(threads: 1))
    try replica.fill(from: try FolderWeights(folder: model, description, layout: replica.layout))
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }

  func sequences(_ rows: [String], packing: Bool, mask: PackingMask, length: Int = 32) throws
    -> TokenSequences
  {
    let file = folder + "/rows.jsonl"
    try Data(rows.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: file))
    return try Dataset(
      DataOptions(train: [file], packing: packing, packingMask: mask, sequenceLength: length, seed: 0),
      encoder: DocumentEncoder(encoding: PrintableEncoding(), endOfText: Self.endOfText)
    ).train
  }

  func batch(_ sequences: TokenSequences, mask: PackingMask) -> Batch {
    sequences.batch(MicroBatch(sequences: Array(0..<sequences.count), firstSample: 0), mask: mask)
  }

  /// The sum of losses, and the gradient of the mean.
  func train(_ batch: Batch) -> (loss: Double, gradient: [Float]) {
    var gradient = [Float](repeating: .nan, count: replica.layout.trainedCount)
    let loss = replica.train(batch, dividedBy: batch.targetCount, seed: 0, step: 0) { segment, values in
      let range = replica.layout.segments[segment].range
      gradient.replaceSubrange(range, with: UnsafeBufferPointer(start: values, count: range.count))
    }
    return (loss, gradient)
  }
}

@Suite struct PackedDocumentTests {
  private func row(_ prompt: String, _ answer: String) -> String {
    #"{"prompt": "\#(prompt)", "completion": "\#(answer)"}"#
  }

  private func document(_ text: String) -> String { #"{"text": "\#(text)"}"# }

  /// Fails if attention or positions continue from one document into the next, as they do with `none`.
  @Test(arguments: PackedCase.models) func packedRowsAreTheUnpackedOnes(_ model: String) throws {
    let test = try PackedCase(model)
    let rows = [
      row("2+2=", "4"), row("the sky is", "blue or grey"), row("a", "b"), row("name a city:", "Oslo"),
      row("to be or not", "to be"), row("one two three", "four five six"), row("x", "y"),
    ]
    let single = try test.sequences(rows, packing: false, mask: .document)
    let packed = try test.sequences(rows, packing: true, mask: .document)
    #expect(single.count == 7 && packed.count == 4, "\(packed.count) blocks")
    #expect(single.targetCount == packed.targetCount)
    let (want, slope) = test.train(test.batch(single, mask: .document))
    let (loss, gradient) = test.train(test.batch(packed, mask: .document))
    #expect(abs(loss / want - 1) <= 1e-5)
    #expect(relativeError(gradient, slope) <= 1e-5)
    #expect(abs(test.replica.loss(test.batch(packed, mask: .document)) / want - 1) <= 1e-5)
    // The usual joined block gives other numbers, so a mistake would show.
    let joined = test.train(test.batch(packed, mask: .none))
    #expect(abs(joined.loss / want - 1) > 1e-4)
    #expect(relativeError(joined.gradient, slope) > 1e-2)
  }

  /// Fails if the end of a document predicts the start of the next, or if a document sees the one before it.
  @Test(arguments: PackedCase.models) func joinedTextKeptApartIsTheUnpackedDocuments(_ model: String) throws {
    let test = try PackedCase(model)
    // With their end-of-text tokens: 10 + 22, 32, 5 + 11 + 16 tokens.
    let rows: [String] = [9, 21, 31, 4, 10, 15].map { (count: Int) -> String in
      let letters = (0..<count).map { (place: Int) -> UInt8 in UInt8(97 + (place * place + count) % 26) }
      return document(String(decoding: letters, as: UTF8.self))
    }
    let single = try test.sequences(rows, packing: false, mask: .document)
    let blocks = try test.sequences(rows, packing: true, mask: .document)
    #expect(single.count == 6 && blocks.count == 3)
    #expect(blocks.targetCount == single.targetCount && single.targetCount == 96 - 6)
    #expect(blocks.targetCounts == [30, 31, 29])
    let (want, slope) = test.train(test.batch(single, mask: .document))
    let (loss, gradient) = test.train(test.batch(blocks, mask: .document))
    #expect(abs(loss / want - 1) <= 1e-5)
    #expect(relativeError(gradient, slope) <= 1e-5)
    // The usual joined block: every token but the last has a target, and sees everything before it.
    let usual = try test.sequences(rows, packing: true, mask: .none)
    #expect(usual.targetCounts == [31, 31, 31])
    let joined = test.train(test.batch(usual, mask: .none))
    let (mean, apart) = (joined.loss / 93, want / 90)
    #expect(abs(mean / apart - 1) > 1e-4)
    #expect(relativeError(joined.gradient, slope) > 1e-2)
  }

  /// Other tokens in one document leave the losses of the others as they were, to the bit.
  @Test(arguments: PackedCase.models) func documentsOfABlockDoNotSeeEachOther(_ model: String) throws {
    let test = try PackedCase(model)
    let rows = ["first text", "second one", "another", "and so on"].map(document)
    var compared = 0
    for mask in PackingMask.allCases {
      let blocks = try test.sequences(rows, packing: true, mask: mask)
      let whole = test.batch(blocks, mask: mask)
      // Ordered by the place in the block: documents follow each other span by span.
      let documents = blocks.spans(of: 0).enumerated().flatMap { document, span in
        blocks.tokenRange(ofSpan: span).map { _ in Int32(document) }
      }
      #expect(whole.rows == 1 && documents.last == 3 && documents.count == whole.length)
      for changed in 0..<2 as Range<Int32> {
        for watched in 0..<3 as Range<Int32> where watched != changed {
          // The losses of one document only.
          var batch = whole
          for place in batch.targets.indices where documents[place] != watched {
            batch.targets[place] = Batch.noTarget
          }
          batch.targetCount = batch.targets.count { $0 != Batch.noTarget }
          let before = test.replica.loss(batch)
          for place in batch.tokens.indices where documents[place] == changed {
            batch.tokens[place] = (batch.tokens[place] + 17) % 96
          }
          let after = test.replica.loss(batch)
          #expect(before > 0)
          if mask == .document || watched < changed {
            #expect(before.bitPattern == after.bitPattern, "\(mask): \(changed) changes \(watched)")
          } else {
            #expect(abs(after / before - 1) > 1e-6, "\(mask): \(changed) does not change \(watched)")
          }
          compared += 1
        }
      }
    }
    #expect(compared == 2 * 2 * 2)
  }

  /// The end-of-text token is predicted although rows are padded with the same token. Fails if targets are masked by
  /// the id of the padding token, which also masks the end of text, or if padding is predicted.
  @Test(arguments: PackedCase.models) func endOfTextStaysATargetBesidePaddingOfTheSameToken(
    _ model: String
  ) throws {
    #expect(PackedCase.endOfText == Batch.paddingToken)
    let test = try PackedCase(model)
    let rows = [row("ab", "cd"), row("a-longer-prompt", "and-its-answer"), row("x", "")]
    let sequences = try test.sequences(rows, packing: false, mask: .none)
    let batch = test.batch(sequences, mask: .none)
    #expect(batch.length == 30 && sequences.targetCounts == [3, 15, 1])
    #expect(batch.targets.count { $0 == PackedCase.endOfText } == 3)
    #expect(batch.targetCount == 19)
    let together = test.replica.loss(batch)
    var apart = 0.0
    var ends = 0.0
    for index in 0..<3 {
      var single = sequences.batch(MicroBatch(sequences: [index], firstSample: 0), mask: .none)
      #expect(!single.tokens.dropLast().contains(0), "no padding in a batch of one")
      apart += test.replica.loss(single)
      for place in single.targets.indices where single.targets[place] != PackedCase.endOfText {
        single.targets[place] = Batch.noTarget
      }
      single.targetCount = 1
      ends += test.replica.loss(single)
    }
    #expect(abs(together / apart - 1) <= 1e-5)
    #expect(ends / apart > 0.01, "an end of text that is left out would show")
  }
}
