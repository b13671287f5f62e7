// What virtual tokens and prefixes change of sequences and batches.
import Base
import Datasets
import Testing

@Suite struct VirtualTokenTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  private func data(_ virtual: VirtualPositions, length: Int, readsWhole: Bool = false) throws -> Dataset {
    let texts = try folder.write("t.jsonl", #"{"text": "abcdef"}"# + "\n" + #"{"text": "g"}"#)
    let answers = try folder.write("a.jsonl", #"{"prompt": "xy", "completion": "z"}"#)
    var options = DataOptions.of([texts, answers], packing: false, length: length)
    options.virtual = virtual
    options.readsWhole = readsWhole
    return try Dataset(options, encoder: .bytes())
  }

  /// Three of seven positions are virtual: a long text goes on behind other virtual tokens, and none of it is cut.
  @Test func rowsStandBehindThem() throws {
    let data = try data(VirtualPositions(rows: 3), length: 7)
    #expect(data.train.allSpelled == ["abcd", "ef>", "g>", "xyz>"])
    #expect(data.summary.trainFiles.files[0].cutTokens == 0)
    // The first token of a text is a target, as the last virtual token predicts it; that of a prompt is none.
    #expect(data.train.targetCounts == [4, 3, 2, 2])
    let batch = data.train.batch(of: [0, 2, 3])
    #expect(batch.length == 7 && data.train.longestRow == 7)
    #expect(batch.lengths == [7, 5, 7])
    #expect(batch.tokens.enumerated().allSatisfy { $0 % 7 >= 3 || $1 == Batch.paddingToken })
    #expect(batch.positions == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6])
    let targets = (0..<3).map { row in spelled(Array(batch.targets[row * 7..<(row + 1) * 7])) }
    #expect(targets == ["..abcd.", "..g>...", "....z>."])
    #expect(batch.targetCount == 8)
  }

  /// A prefix takes positions and no rows.
  @Test func positionsCountBehindAPrefix() throws {
    let data = try data(VirtualPositions(keys: 3), length: 7)
    #expect(data.train.allSpelled == ["abcd", "ef>", "g>", "xyz>"])
    #expect(data.train.targetCounts == [3, 2, 1, 2])
    let batch = data.train.batch(of: [0, 2])
    #expect(batch.length == 4 && batch.lengths == [4, 2])
    #expect(batch.positions == [3, 4, 5, 6, 3, 4, 5, 6])
    #expect(spelled(batch.targets) == "bcd.>...")
  }

  @Test func whatLeavesNoRoomIsRefused() throws {
    let texts = try folder.write("t.jsonl", #"{"text": "abcdef"}"#)
    var options = DataOptions.of([texts], packing: true, length: 7)
    options.virtual = VirtualPositions(rows: 6)
    #expect(
      folder.errors(options)
        == "data.sequence_length: must be at least 8 with 6 virtual tokens, but is 7 "
        + "(virtual tokens count as others do)\n"
        + "data.packing: is true, and virtual tokens stand before each row (leave it out)")
  }
}
