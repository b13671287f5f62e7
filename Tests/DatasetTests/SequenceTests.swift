import Base
import Datasets
import Testing

/// Documents and answers as tokens and targets, each expected value written out by hand.
@Suite struct SequenceTests {
  let folder: Folder

  init() throws { folder = try Folder() }

  func texts(_ texts: String...) throws -> String {
    try folder.write("t.jsonl", texts.map { "{\"text\": \"\($0)\"}" }.joined(separator: "\n"))
  }

  func answers(_ rows: (String, String)...) throws -> String {
    let lines = rows.map { "{\"prompt\": \"\($0.0)\", \"completion\": \"\($0.1)\"}" }
    return try folder.write("a.jsonl", lines.joined(separator: "\n"))
  }

  @Test func packedTextIsOneStream() throws {
    let data = try Dataset(
      .of([try texts("abc", "defg", "h")], packing: true, length: 4), encoder: .bytes(begin: true))
    // <abc> <defg> <h> is 14 tokens: three blocks and two dropped.
    #expect(data.train.allSpelled == ["<abc", "><de", "fg><"])
    #expect(data.summary.trainFiles.droppedTokens == 2)
    #expect(data.summary.trainFiles.tokens == 14)
    #expect(
      data.summary.train
        == SequencesSummary(sequences: 3, tokens: 12, targets: 9))
    let batch = data.train.batch(of: [0, 1, 2])
    #expect(spelled(batch.tokens) == "<abc><defg><")
    #expect(spelled(batch.targets) == "abc.<de.g><.")
    #expect(batch.positions == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3])
    #expect(batch.targetCount == 9)
    let masked = data.train.batch(of: [1], mask: .document)
    #expect(masked.positions == [0, 0, 1, 2])
    #expect(masked.targets == data.train.batch(of: [1]).targets)
    #expect(data.train.sources(of: 1).map { $0.suffix(3) } == ["l:1", "l:2"])
    #expect(data.train.sources(of: 2).map { $0.suffix(3) } == ["l:2", "l:3"])
  }

  /// If the end of one document predicted the start of the next, the targets would be "<de." and "g><.".
  @Test func documentsKeptApartDoNotPredictEachOther() throws {
    let file = try texts("abc", "defg", "h")
    let data = try Dataset(
      .of([file], packing: true, mask: .document, length: 4), encoder: .bytes(begin: true))
    #expect(data.train.allSpelled == ["<abc", "><de", "fg><"])
    let batch = data.train.batch(of: [0, 1, 2], mask: .document)
    #expect(spelled(batch.targets) == "abc..de.g>..")
    #expect(data.train.targetCounts == [3, 2, 2])
    #expect(batch.targetCount == 7)
    // Documents that begin a block, end one, and begin in the middle of one.
    let many = try Dataset(
      .of([try texts("ab", "cdefghi", "", "j", "kl", "m")], packing: true, mask: .document, length: 3),
      encoder: .bytes())
    #expect(many.train.allSpelled == ["ab>", "cde", "fgh", "i>j", ">kl", ">m>"])
    #expect(spelled(many.train.batch(of: Array(0..<6), mask: .document).targets) == "b>.de.gh.>...l..>.")
    #expect(many.train.targetCounts == [2, 2, 2, 1, 1, 1])
    #expect(many.summary.train.targets == 9)
  }

  @Test func endOfTextStandsOnce() throws {
    let none = try Dataset(.of([try texts("ab", "c")], packing: true, length: 3), encoder: .bytes(end: false))
    #expect(none.train.allSpelled == ["abc"])
    let own = DocumentEncoder(
      encoding: ByteEncoding(addsBegin: true, addsEnd: true), endOfText: ByteEncoding.end)
    #expect(spelled(own.document(Array("ab".utf8))) == "<ab>")
    let answer = own.answer(Array("c".utf8), to: Array("ab".utf8))
    #expect(spelled(answer.tokens) == "<abc>")
    #expect(answer.promptCount == 3)
    #expect(!answer.boundaryMerged)
  }

  @Test func textShorterThanABlockIsRefused() throws {
    #expect(
      folder.errors(.of([try texts("abc")], packing: true, length: 8)) == """
        data.train: all text together has 4 tokens, too few for one block of 8 \
        (lower data.sequence_length, or set data.packing: false)
        """)
  }

  @Test func onlyTheAnswerIsTrained() throws {
    let data = try Dataset(.of([try answers(("ab", "cd"), ("e", "fghi"))]), encoder: .bytes(begin: true))
    let batch = data.train.batch(of: [0, 1])
    #expect(batch.rows == 2 && batch.length == 7)
    #expect(spelled(batch.tokens) == "<abcd>_<efghi>")
    #expect(spelled(batch.targets) == "..cd>...fghi>.")
    #expect(batch.positions == [0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6])
    #expect(batch.targetCount == 8)
    #expect(data.train.targetCounts == [3, 5])
  }

  /// The last block is shorter, and every token that has another before it in its block is predicted.
  @Test func textThatIsReadWholeEndsInAShortBlock() throws {
    let file = try texts("abc", "defg", "h")
    let data = try Dataset(
      .of([file], packing: true, length: 4, readsWhole: true), encoder: .bytes(begin: true))
    #expect(data.train.allSpelled == ["<abc", "><de", "fg><", "h>"])
    let batch = data.train.batch(of: [0, 1, 2, 3])
    #expect(spelled(batch.tokens) == "<abc><defg><h>__")
    #expect(spelled(batch.targets) == "abc.<de.g><.>...")
    #expect(data.train.targetCounts == [3, 3, 3, 1])
    #expect(data.summary.trainFiles.droppedTokens == 0 && data.summary.train.tokens == 14)
    let masked = try Dataset(
      .of([file], packing: true, mask: .document, length: 4, readsWhole: true), encoder: .bytes(begin: true))
    #expect(spelled(masked.train.batch(of: [0, 1, 2, 3]).targets) == "abc..de.g>..>...")
    #expect(masked.train.targetCounts == [3, 2, 2, 1])
    // Cases in which blocks come out even, or there is less than one.
    let even = try Dataset(
      .of([file], packing: true, length: 7, readsWhole: true), encoder: .bytes(begin: true))
    #expect(even.train.allSpelled == ["<abc><d", "efg><h>"] && even.train.targetCounts == [6, 6])
    let short = try Dataset(
      .of([file], packing: true, length: 64, readsWhole: true), encoder: .bytes(begin: true))
    #expect(short.train.allSpelled == ["<abc><defg><h>"] && short.train.targetCounts == [13])
  }

  /// Parts of a text are its blocks; parts of an answer overlap by a token, so that no target is lost.
  @Test func whatIsLongerThanASequenceGoesOnInAnother() throws {
    let text = try Dataset(
      .of([try texts("abcdefgh", "i", "jkl")], length: 4, readsWhole: true), encoder: .bytes())
    #expect(text.train.allSpelled == ["abcd", "efgh", ">", "i>", "jkl>"])
    #expect(text.train.targetCounts == [3, 3, 0, 1, 3])
    #expect(text.summary.trainFiles.longRows == 1 && text.summary.trainFiles.cutRows == 0)
    for packing in [false, true] {
      let rows = try Dataset(
        .of([try answers(("abc", "defgh"), ("i", "j"))], packing: packing, length: 4, readsWhole: true),
        encoder: .bytes())
      #expect(rows.train.allSpelled == ["abcd", "defg", "gh>", "ij>"])
      #expect(spelled(rows.train.batch(of: [0, 1, 2, 3]).targets) == "..d.efg.h>..j>..")
      // "defgh>" and "j>", whatever the length.
      #expect(rows.train.targetCount == 8 && rows.summary.trainFiles.tokens == 12)
      #expect(rows.summary.trainFiles.rowsWithoutTargets == 0)
    }
    let two = try Dataset(.of([try answers(("a", "bcd"))], length: 2, readsWhole: true), encoder: .bytes())
    #expect(two.train.allSpelled == ["ab", "bc", "cd", "d>"] && two.train.targetCount == 4)
  }

  /// "bc" becomes one token: the whole has one token fewer, and the prompt's count still decides.
  @Test func aMergedBoundaryFollowsThePromptsCount() throws {
    let data = try Dataset(.of([try answers(("ab", "cd"))]), encoder: .bytes(merge: "bc"))
    let batch = data.train.batch(of: [0])
    #expect(spelled(batch.tokens) == "a#d>")
    #expect(spelled(batch.targets) == ".d>.")
    #expect(data.summary.trainFiles.files[0].mergedBoundaries == 1)
  }

  @Test func mergedBoundariesAreShownWithAnExample() throws {
    let file = try answers(("x", "y"), ("what is six times nine: b", "cold and wet, and"), ("b", "c"))
    let data = try Dataset(.of([file]), encoder: .bytes(merge: "bc"))
    #expect(
      data.summary.trainFiles.files[0].mergeWarning == """
        2 of 3 answers begin inside the last token of their prompt, and carry no loss there, such as line 2: \
        "imes nine: b" + "cold and wet" (move a space at the end of prompts to the beginning of answers)
        """)
    let none = try Dataset(.of([file]), encoder: .bytes())
    #expect(none.summary.trainFiles.files[0].mergeWarning == nil)
  }

  @Test func dataWithoutAnythingToPredictIsRefused() throws {
    let file = try answers(("abcdef", "g"), ("hijk", "l"))
    let cases: [(DataOptions, String)] = [
      (
        .of([file], length: 4),
        "data.train: none of 2 rows holds a token to predict (prompts fill their sequences: raise data.sequence_length)"
      ),
      (
        .of([try texts("a")], names: .options),
        "--data: its only row holds no token to predict (a prompt needs an answer, and a text more than one token)"
      ),
      (
        .of([file], validation: .files([try folder.write("v.txt", "a")]), packing: true),
        "data.validation: its only row holds no token to predict (a prompt needs an answer, and a text more than one token)"
      ),
    ]
    for (options, message) in cases {
      #expect(folder.errors(options, encoder: .bytes(end: false)) == message)
    }
    #expect(cases.count == 3)
  }

  /// Nothing precedes an answer without a prompt, so its first token cannot be predicted.
  @Test func anAnswerWithoutAPromptLosesItsFirstToken() throws {
    let data = try Dataset(
      .of([try answers(("", "ab"), ("", "cd"))], packing: true, length: 6), encoder: .bytes())
    #expect(spelled(data.train.batch(of: [0]).tokens) == "ab>cd>")
    #expect(spelled(data.train.batch(of: [0]).targets) == "b>.d>.")
  }

  @Test func packedRowsStayWhole() throws {
    let file = try answers(("a", "b"), ("c", "de"), ("f", "g"), ("hi", "jklmnopq"), ("r", "s"))
    let data = try Dataset(.of([file], packing: true, length: 8), encoder: .bytes())
    // Rows of 3, 4, 3, 11 (cut to 8) and 3 tokens.
    #expect(data.train.allSpelled == ["ab>cde>", "fg>", "hijklmno", "rs>"])
    let batch = data.train.batch(of: [0, 1, 2, 3])
    #expect(batch.rows == 4 && batch.length == 8)
    #expect(spelled(batch.tokens) == "ab>cde>_fg>_____hijklmnors>_____")
    #expect(spelled(batch.targets) == "b>.de>..g>.......jklmno.s>......")
    #expect(batch.positions[0..<8] == [0, 1, 2, 3, 4, 5, 6, 7])
    #expect(data.train.batch(of: [0], mask: .document).positions == [0, 1, 2, 0, 1, 2, 3, 7])
    #expect(data.train.targetCounts == [5, 2, 6, 2])
    #expect(batch.targetCount == 15)
    #expect(data.summary.trainFiles.files[0].cutRows == 1)
    #expect(data.summary.trainFiles.files[0].cutTokens == 3)
    #expect(data.train.sources(of: 0).map { $0.suffix(3) } == ["l:1", "l:2"])
  }

  @Test func unpackedRowsAreCutAndPaddedToTheLongestOfTheirMicroBatch() throws {
    let data = try Dataset(.of([try texts("abcdefgh", "i", "jk")], length: 5), encoder: .bytes())
    #expect(data.train.allSpelled == ["abcde", "i>", "jk>"])
    #expect(data.train.blockLength == nil)
    #expect(data.summary.trainFiles.files[0].cutRows == 1)
    #expect(data.summary.trainFiles.files[0].cutTokens == 4)
    let batch = data.train.batch(MicroBatch(sequences: [2, 1], firstSample: 6), mask: .none)
    #expect(batch.length == 3)
    #expect(spelled(batch.tokens) == "jk>i>_")
    #expect(spelled(batch.targets) == "k>.>..")
    #expect(batch.sampleIDs == [6, 7])
    #expect(batch.sequences == [2, 1])
  }

  @Test func rowsWithoutTargetsAreKeptAndCounted() throws {
    let data = try Dataset(.of([try answers(("abcdef", "g"), ("h", "i"))], length: 4), encoder: .bytes())
    #expect(data.train.allSpelled == ["abcd", "hi>"])
    #expect(data.train.targetCounts == [0, 2])
    #expect(data.summary.trainFiles.rowsWithoutTargets == 1)
    #expect(data.train.batch(of: [0]).targetCount == 0)
  }

  @Test func textAndAnswersMayBeMixed() throws {
    let data = try Dataset(
      .of([try answers(("a", "b")), try texts("cdefg")], packing: true, length: 3), encoder: .bytes())
    #expect(data.train.allSpelled == ["cde", "fg>", "ab>"])
    #expect(spelled(data.train.batch(of: [0, 1, 2]).targets) == "de.g>.b>.")
    #expect(data.train.blockLength == 3)
    #expect(data.train.sources(of: 2).map { $0.suffix(9) } == ["a.jsonl:1"])
  }

  @Test func targetCountsAgreeWithBatches() throws {
    var checked = 0
    for packing in [false, true] {
      let data = try Dataset(
        .of([try answers(("a", "b"), ("cd", ""), ("", "e"), ("fg", "hijk"))], packing: packing, length: 5),
        encoder: .bytes())
      for sequence in 0..<data.train.count {
        let batch = data.train.batch(of: [sequence])
        #expect(batch.targetCount == batch.targets.count { $0 != Batch.noTarget })
        #expect(batch.targetCount == Int(data.train.targetCounts[sequence]))
        checked += 1
      }
      let all = Array(0..<data.train.count)
      #expect(data.train.targetCount(of: all) == data.train.batch(of: all).targetCount)
    }
    #expect(checked == 4 + 3)
  }
}

@Suite struct BestFitTests {
  /// Rows of a data set in the lengths that chats have, in blocks with little padding.
  @Test func blocksAreNearlyFull() throws {
    let folder = try Folder()
    let lengths = (0..<3000).map { index in 5 + (index * 7919 % 997) * (index * 104_729 % 991) / 4000 }
    let file = try folder.write(
      "rows.jsonl",
      lengths.enumerated().map { index, length in
        "{\"prompt\": \"\(index % 10)\", \"completion\": \"\(String(repeating: "a", count: length))\"}\n"
      }.joined())
    var options = DataOptions(train: [file], packing: true, sequenceLength: 256, seed: 0)
    let inOrder = try Dataset(options, encoder: .bytes()).train
    options.packingFits = true
    let fit = try Dataset(options, encoder: .bytes()).train
    let tokens = fit.tokens.count
    #expect(tokens == inOrder.tokens.count && fit.targetCount == inOrder.targetCount)
    #expect(fit.tokens.sorted() == inOrder.tokens.sorted())
    #expect(fit.count < inOrder.count)
    let waste = 1 - Double(tokens) / Double(fit.count * 256)
    #expect(waste <= 0.01, "\(waste)")
    // Every row is there once, whole.
    #expect(Set(fit.rowPlaces).count == 3000)
    for sequence in 0..<fit.count { #expect(fit.length(of: sequence) <= 256) }
  }

  /// Text that is longer than a block is cut into rows, and none of it is lost.
  @Test func documentsAreCutAndKept() throws {
    let folder = try Folder()
    let file = try folder.write(
      "texts.jsonl",
      (1...40).map { "{\"text\": \"\(String(repeating: "b", count: $0 * 13))\"}\n" }.joined())
    var options = DataOptions(train: [file], packing: true, sequenceLength: 64, seed: 0)
    options.packingFits = true
    let fit = try Dataset(options, encoder: .bytes()).train
    #expect(fit.tokens.count == (1...40).reduce(0) { $0 + $1 * 13 + 1 })
    #expect((0..<fit.count).allSatisfy { fit.length(of: $0) <= 64 })
  }
}
