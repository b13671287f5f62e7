import Base
import Datasets
import Testing

@Suite struct ValidationTests {
  let folder: Folder
  let file: String

  init() throws {
    folder = try Folder()
    file = try folder.write(
      "a.jsonl",
      (0..<20).map { "{\"prompt\": \"\(Unicode.Scalar(UInt8(97 + $0)))\", \"completion\": \"x\"}" }
        .joined(separator: "\n"))
  }

  @Test func aShareIsTakenBySeedAlone() throws {
    let data = try Dataset(.of([file], validation: .share(0.25)), encoder: .bytes())
    let held = try #require(data.validation).allSpelled
    #expect(held.count == 5)
    #expect(data.train.count == 15)
    let all = (0..<20).map { "\(Unicode.Scalar(UInt8(97 + $0)))x>" }
    #expect((held + data.train.allSpelled).sorted() == all)
    #expect(held == held.sorted() && data.train.allSpelled == data.train.allSpelled.sorted())
    let again = try Dataset(.of([file], validation: .share(0.25)), encoder: .bytes())
    #expect(again.validation?.allSpelled == held)
    let other = try Dataset(.of([file], validation: .share(0.25), seed: 2), encoder: .bytes())
    #expect(other.validation?.allSpelled != held)
    // Sequences that were moved down in memory still have their masks, targets and lines.
    for sequence in 0..<data.train.count {
      let batch = data.train.batch(of: [sequence])
      #expect(spelled(batch.targets) == "x>.")
      let line = try #require(data.train.allSpelled[sequence].utf8.first) - 96
      #expect(data.train.sources(of: sequence) == ["\(file):\(line)"])
    }
  }

  @Test func heldOutRowsDoNotDependOnPacking() throws {
    let rows = try Dataset(.of([file], validation: .share(0.25)), encoder: .bytes())
    let packed = try Dataset(
      .of([file], validation: .share(0.25), packing: true, length: 7), encoder: .bytes())
    #expect(packed.validation?.allSpelled.joined() == rows.validation?.allSpelled.joined())
    #expect(packed.train.allSpelled.joined() == rows.train.allSpelled.joined())
    #expect(packed.validation?.count == 3)
    #expect(packed.train.count == 8)
  }

  @Test func joinedTextGivesWholeBlocks() throws {
    let text = try folder.write("t.txt", "abcdefghijklmnopqrstuvwxyz")
    let data = try Dataset(.of([text], validation: .share(0.3), packing: true, length: 4), encoder: .bytes())
    let held = try #require(data.validation).allSpelled
    #expect(held.count == 2)
    #expect(
      (held + data.train.allSpelled).sorted() == ["abcd", "efgh", "ijkl", "mnop", "qrst", "uvwx"])
    #expect(data.summary.trainFiles.droppedTokens == 3)
    #expect(data.summary.validation?.targets == 6)
    #expect(data.summary.validationFiles == nil)
  }

  @Test func atLeastOneSequenceIsHeldOutAndOneTrained() throws {
    let tiny = try Dataset(.of([file], validation: .share(0.001)), encoder: .bytes())
    #expect(tiny.validation?.count == 1)
    #expect(try Dataset(.of([file], validation: .share(0)), encoder: .bytes()).validation == nil)
    #expect(
      folder.errors(.of([file], validation: .share(0.99))) == """
        data.validation: a share of 0.99 of 20 sequences leaves none to train on (lower the share or add data)
        """)
  }

  /// Training drops what does not fill a block or is longer than a sequence; a measurement does not.
  @Test func filesOfItsOwnAreReadWhole() throws {
    let text = try folder.write("t.txt", "abcdefghij")
    let data = try Dataset(
      .of([text], validation: .files([text]), packing: true, length: 4), encoder: .bytes())
    #expect(data.train.allSpelled == ["abcd", "efgh"])
    #expect(data.validation?.allSpelled == ["abcd", "efgh", "ij>"])
    #expect(data.validation?.targetCount == 8)
    #expect(data.summary.trainFiles.droppedTokens == 3 && data.summary.validationFiles?.droppedTokens == 0)
    let rows = try Dataset(.of([text], validation: .files([text]), length: 4), encoder: .bytes())
    #expect(rows.train.allSpelled == ["abcd"])
    #expect(rows.validation?.allSpelled == ["abcd", "efgh", "ij>"])
  }

  @Test func filesOfItsOwn() throws {
    let own = try folder.write("v.jsonl", "{\"prompt\": \"p\", \"completion\": \"q\"}")
    let data = try Dataset(.of([file], validation: .files([own])), encoder: .bytes())
    #expect(data.train.count == 20)
    #expect(data.validation?.allSpelled == ["pq>"])
    #expect(data.summary.validationFiles?.rows == 1)
    #expect(data.validation?.sources(of: 0) == [own + ":1"])
  }

  @Test func mistakesOfBothPartsAreToldAtOnce() throws {
    let bad = try folder.write("bad.jsonl", "[")
    #expect(
      folder.errors(.of([folder.path + "/no.txt"], validation: .files([bad]))) == """
        no.txt: cannot be read: No such file or directory
        bad.jsonl:1: is not JSON: the text ends too early at byte 1 of the line (a .jsonl file holds one object a line)
        """)
    #expect(
      folder.errors(.of([file], validation: .share(.nan), length: 1)) == """
        data.sequence_length: must be at least 2, but is 1 (the last token of a sequence predicts nothing)
        data.validation: a share must be at least 0 and below 1, but is nan
        """)
    #expect(
      folder.errors(.of([file], validation: .files([]))) == """
        data.validation: names no file (write 0 for no validation)
        """)
  }
}
