// Texts in batches: each gets the numbers that it has alone, bit by bit.
import Base
import Collectives
import Datasets
import Kernels
import Models
import Objectives
import Testing
import Training

@Suite struct TextBatchTests {
  /// Rows of several lengths, with padding behind the shorter ones.
  private func batch(_ rows: [[Int32]], length: Int) -> Batch {
    var tokens: [Int32] = []
    for row in rows {
      tokens += row
      tokens += [Int32](repeating: Batch.paddingToken, count: length - row.count)
    }
    let places: [Int32] = tokens.indices.map { Int32($0 % length) }
    return Batch(
      rows: rows.count, length: length, tokens: tokens,
      targets: [Int32](repeating: Batch.noTarget, count: tokens.count),
      positions: places, lengths: rows.map { Int32($0.count) },
      numbers: [Float](repeating: 0, count: rows.count), sampleIDs: rows.indices.map { Int32($0) },
      sequences: Array(rows.indices), targetCount: rows.count)
  }

  @Test(arguments: [
    "bert-labels", "deberta-labels", "distilbert-labels", "electra-labels", "modernbert-mean-labels",
    "roberta-labels", "xlm-roberta-labels", "gpt2-labels", "llama-labels",
  ])
  func neighboursAndPaddingChangeNoBit(_ name: String) throws {
    let fixture = try ParityCase(name)
    let replica = try fixture.replica()
    let longest = min(12, replica.description.longestText)
    let lengths: [Int] = [longest, 5, 1, longest - 1, 3, 7]
    let rows: [[Int32]] = lengths.map { count in
      (0..<count).map { place -> Int32 in
        let number = 3 + (place * 7 + count) % 20
        return Int32(number)
      }
    }
    let together = replica.logits(batch(rows, length: longest), byRow: true)
    let width = together.count / rows.count
    #expect(width >= 1 && together.allSatisfy(\.isFinite))
    var compared = 0
    for (row, tokens) in rows.enumerated() {
      let alone = replica.logits(batch([tokens], length: tokens.count), byRow: true)
      #expect(alone == Array(together[row * width..<(row + 1) * width]), "row \(row) of \(name)")
      compared += 1
    }
    #expect(compared == 6)
  }
}
