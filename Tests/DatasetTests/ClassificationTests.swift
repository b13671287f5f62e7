// Rows with labels: which labels there are, and what a sequence holds.
import Base
import Datasets
import Testing
import Tokenizers

@Suite struct ClassificationTests {
  static let table = "good\t1\nbad\t0\n\nso so\t1\n"
  static let columns = DataColumns(["text": .number(0), "label": .number(1)])

  @Test func labelsAreFoundOrGiven() throws {
    let folder = try Folder()
    let rows =
      #"{"text": "a", "label": "no"}"# + "\n" + #"{"text": "b", "label": 10}"# + "\n"
      + #"{"text": "c", "label": 9, "text_pair": "d"}"# + "\n" + #"{"text": "e", "label": "Yes"}"#
    let cases:
      [(name: String, text: String, DataColumns, given: [String]?, labels: [String], numbers: [Float])] = [
        ("a.tsv", Self.table, Self.columns, nil, ["0", "1"], [1, 0, 1]),
        ("b.tsv", Self.table, Self.columns, ["negative", "positive"], ["negative", "positive"], [1, 0, 1]),
        ("c.tsv", Self.table, Self.columns, ["1", "0"], ["1", "0"], [0, 1, 0]),
        ("d.jsonl", rows, DataColumns(), nil, ["9", "10", "Yes", "no"], [3, 1, 0, 2]),
        (
          "e.csv", "label,text\nb,x\na,y\n", DataColumns(["label": .name("label")]), nil, ["a", "b"], [1, 0]
        ),
      ]
    for (name, text, columns, given, labels, numbers) in cases {
      let file = try folder.write(name, text)
      let format: DataFormat = columns == DataColumns() ? .classification : .auto
      let data = try Dataset(
        .of([file], format: format, columns: columns, labels: given), encoder: .bytes())
      #expect(data.labels == labels, "\(name)")
      #expect(Array(data.train.numbers) == numbers && data.train.numbersPerSequence == 1, "\(name)")
      #expect(data.train.targetCounts.elementsEqual(numbers.map { _ in 1 }), "\(name)")
      #expect(data.summary.train.targets == numbers.count)
      #expect(data.summary.trainFiles.files[0].format == .classification)
      #expect((0..<data.train.tokens.count).allSatisfy { !data.train.lossMask[$0] })
    }
    #expect(cases.count == 5)
  }

  @Test func pairsHaveTypesAndAreCut() throws {
    let folder = try Folder()
    let file = try folder.write(
      "a.jsonl",
      [
        #"{"text": "a", "label": 0}"#, #"{"text": "abcdef", "text_pair": "xyz", "label": 1}"#,
        #"{"text": "ab", "text_pair": "uvwxyz", "label": 1}"#,
      ].joined(separator: "\n"))
    let data = try Dataset(.of([file], format: .classification, length: 6), encoder: .bytes())
    let train = data.train
    #expect(train.allSpelled == ["a", "abcxyz", "abuvwx"])
    #expect(train.hasTypes)
    #expect((0..<3).map { train.zeroTypes(ofSpan: $0) } == [1, 3, 2])
    #expect(data.summary.trainFiles.files[0].longRows == 2 && data.summary.trainFiles.files[0].cutTokens == 5)
    let plain = try folder.write(
      "b.jsonl", #"{"text": "a", "label": 0}"# + "\n" + #"{"text": "b", "label": 1}"#)
    let single = try Dataset(.of([plain], format: .classification), encoder: .bytes()).train
    #expect(!single.hasTypes && single.zeroTypes(ofSpan: 0) == 1)
    #expect(train.bytes - 3 * 4 > single.bytes)
  }

  /// Labels and types stay with their texts when a share is taken out.
  @Test func aValidationShareKeepsLabelsAndTypes() throws {
    let folder = try Folder()
    let rows = (0..<40).map { row in
      let pair = row % 3 == 0 ? "" : #", "text_pair": "\#(String(repeating: "p", count: row % 5 + 1))""#
      return #"{"text": "\#(String(repeating: "t", count: row % 7 + 1))", "label": \#(row)\#(pair)}"#
    }
    let file = try folder.write("a.jsonl", rows.joined(separator: "\n"))
    let data = try Dataset(
      .of([file], validation: .share(0.3), format: .classification), encoder: .bytes())
    let validation = try #require(data.validation)
    #expect(data.train.count == 28 && validation.count == 12)
    var seen = Set<Int>()
    for part in [data.train, validation] {
      #expect(part.numbers.count == part.count)
      for sequence in 0..<part.count {
        let row = Int(try #require(part.numbers(of: sequence).first))
        seen.insert(row)
        #expect(part.sources(of: sequence) == ["\(file):\(row + 1)"])
        #expect(part.zeroTypes(ofSpan: sequence) == row % 7 + 1)
        #expect(part.length(of: sequence) == row % 7 + 1 + (row % 3 == 0 ? 0 : row % 5 + 1))
      }
    }
    #expect(seen.count == 40)
  }

  @Test func mistakes() throws {
    let folder = try Folder()
    let many = (0...10_000).map { "text\tl\($0)" }.joined(separator: "\n")
    let rows = [
      #"{"text": "", "label": 1}"#, #"{"text": "a"}"#, #"{"text": "a", "label": null}"#,
      #"{"text": "a", "label": 1.5}"#, #"{"label": 1}"#, #"{"text": "a", "label": 1, "text_pair": 3}"#,
    ]
    let hint = #"(a row of format classification has "text" and "label")"#
    let cases: [(name: String, text: String, DataFormat, labels: [String]?, packing: Bool, says: String)] = [
      (
        "a.jsonl", rows[..<5].joined(separator: "\n"), .classification, nil, false,
        """
        a.jsonl:1: "text" is empty (leave the row out, or give it a text)
        a.jsonl:2: has no "label" \(hint)
        a.jsonl:3: has no "label" \(hint)
        a.jsonl:4: "label" must be a name or a whole number, but is a number
        a.jsonl:5: has no "text" \(hint)
        """
      ),
      (
        "b.jsonl", rows[5], .classification, nil, false,
        "b.jsonl:1: \"text_pair\" must be a string, but is a whole number"
      ),
      (
        "c.tsv", "a\tpos\nb\tneg\nc\tpositiv\nd\t2\n", .auto, ["negative", "positive"], false,
        """
        c.tsv:1: has the label "pos", which is not one of the 2 labels (they are "negative", "positive")
        c.tsv:2: has the label "neg", which is not one of the 2 labels (they are "negative", "positive")
        c.tsv:3: has the label "positiv", which is not one of the 2 labels (did you mean "positive"?)
        c.tsv:4: has the label "2", which is not one of the 2 labels (they are "negative", "positive")
        """
      ),
      (
        "d.tsv", many, .auto, nil, false,
        "data.train: has more than 10000 distinct labels (is data.columns.label the column of the labels?)"
      ),
      (
        "e.tsv", "a\tb\n", .auto, nil, false,
        "data.train: has only the label \"b\" (a classification needs two)"
      ),
      (
        "f.tsv", Self.table, .auto, nil, true,
        "data.packing: is true, and rows of this format are learned one by one (set it to false)"
      ),
      (
        "g.tsv", Self.table, .auto, ["a", "a"], false, "labels: has \"a\" twice"
      ),
      ("h.tsv", Self.table, .auto, ["a"], false, "labels: must be two or more, but is one"),
      (
        "i.txt", "a", .auto, ["a", "b"], false,
        "i.txt: a .txt file is plain text, not classification "
          + "(use .jsonl, .json, .tsv, .csv or .parquet, or data.format: auto)"
      ),
    ]
    for (name, text, format, labels, packing, says) in cases {
      let file = try folder.write(name, text)
      let columns = format == .auto ? Self.columns : DataColumns()
      let options = DataOptions.of(
        [file], format: format, columns: columns, labels: labels, packing: packing)
      #expect(folder.errors(options) == says, "\(name)")
    }
    #expect(cases.count == 9)
  }

  /// A key `label` alone makes no classification: other tables have one too.
  @Test func autoNeverGuessesLabels() throws {
    let folder = try Folder()
    let file = try folder.write("a.jsonl", #"{"text": "ab", "label": 1}"#)
    let data = try Dataset(.of([file]), encoder: .bytes())
    #expect(data.labels == nil && data.summary.trainFiles.files[0].format == .text)
  }
}

@Suite(.enabled(if: RealData.present, RealData.missing)) struct RealClassificationTests {
  /// The counts are those of the files, and a row is as the tokenizers package encodes it.
  @Test func sst2() throws {
    let folder = RealData.folder + "/classification/sst2/"
    let tokenizer = try Tokenizer(file: RealData.folder + "/all-MiniLM-L6-v2/tokenizer.json")
    let data = try Dataset(
      .of(
        [folder + "train.tsv"], validation: .files([folder + "dev.tsv"]),
        columns: ClassificationTests.columns,
        labels: ["negative", "positive"]),
      encoder: DocumentEncoder(encoding: tokenizer, endOfText: nil))
    let dev = try #require(data.validation)
    #expect(data.train.count == 6920 && dev.count == 872)
    #expect(data.train.numbers.reduce(0, +) == 3610 && dev.numbers.reduce(0, +) == 444)
    #expect(!data.train.hasTypes)
    #expect(
      (0..<data.train.count).allSatisfy { data.train.tokens[data.train.tokenRange(of: $0).lowerBound] == 101 }
    )
    #expect(dev.sources(of: 871) == [folder + "dev.tsv:872"])
  }
}
