// Tables: .csv as RFC 4180 says, .tsv without quoting, and columns by name or number.
import Base
import Datasets
import Testing

@Suite struct TableTests {
  private func texts(
    _ folder: Folder, _ name: String, _ text: String, columns: DataColumns = DataColumns()
  ) throws -> TokenSequences {
    let file = try folder.write(name, text)
    return try Dataset(.of([file], columns: columns), encoder: .bytes(end: false)).train
  }

  @Test func valuesAsTheyStand() throws {
    let folder = try Folder()
    let cases: [(name: String, text: String, expected: [String], lines: [Int])] = [
      ("a.csv", "text,n\nab,1\ncd,2\n", ["ab", "cd"], [2, 3]),
      ("b.csv", "\u{feff}n,text\r\n1,ab\r\n2,cd", ["ab", "cd"], [2, 3]),
      ("c.csv", "text\n\"a, \"\"b\"\"\"\n\"\"\"\"\n", ["a, \"b\"", "\""], [2, 3]),
      ("d.csv", "\"text\",n\n\"a\nb\r\nc\",1\n\nd,\"\"\n", ["a#b##c", "d"], [2, 6]),
      ("e.csv", "text,n\n a ,\n'b',2", [" a ", "'b'"], [2, 3]),
      ("f.tsv", "text\tn\n\"ab\"\t\n\"c\t2\r\n", ["\"ab\"", "\"c"], [2, 3]),
      ("g.TSV", "\u{feff}n\ttext\n\n1\ta,b\n", ["a,b"], [3]),
      ("h.csv", "n,text\n1,a\rb\n", ["a#b"], [2]),
    ]
    for (name, text, expected, lines) in cases {
      let train = try texts(folder, name, text)
      #expect(train.allSpelled == expected, "\(name)")
      #expect(
        (0..<train.count).map { train.sources(of: $0) } == lines.map { ["\(folder.path)/\(name):\($0)"] })
    }
    #expect(cases.count == 8)
  }

  @Test func allFormatsHaveColumns() throws {
    let folder = try Folder()
    let columns = DataColumns(["prompt": .name("question"), "completion": .name("answer")])
    for (name, text) in [
      ("a.jsonl", #"{"question": "ab", "answer": "c", "prompt": 7}"#), ("b.csv", "answer,question\nc,ab\n"),
      ("c.tsv", "answer\tquestion\nc\tab\n"),
    ] {
      let train = try texts(folder, name, text, columns: columns)
      #expect(train.allSpelled == ["abc"] && train.targetCounts == [1], "\(name)")
    }
    let numbered = DataColumns(["prompt": .number(2), "response": .number(0)])
    #expect(try texts(folder, "d.tsv", "c\tx\tab\ne\ty\td\n", columns: numbered).allSpelled == ["abc", "de"])
    let body = DataColumns(["text": .name("body")])
    #expect(
      try texts(folder, "e.jsonl", #"{"body": "ab", "text": "no"}"#, columns: body).allSpelled == ["ab"])
    let file = try folder.write("f.csv", "instruction,input,output\nab,,c\n")
    let alpaca = try Dataset(.of([file], length: 512), encoder: .bytes())
    #expect(alpaca.summary.trainFiles.files.map(\.format) == [.alpaca])
  }

  @Test func mistakesHaveTheirLine() throws {
    let folder = try Folder()
    let convert = "is not UTF-8 at byte offset"
    let cases: [(name: String, text: [UInt8], columns: DataColumns, says: String)] = [
      (
        "a.csv", Array("text,n\na\nb,1,2\nc,3".utf8), DataColumns(),
        "a.csv:2: has 1 field, and the first line names 2\na.csv:3: has 3 fields, and the first line names 2"
      ),
      (
        "b.tsv", Array("a\tb\nc\n".utf8), DataColumns(["text": .number(1)]),
        "b.tsv:2: has 1 field, and the first row has 2"
      ),
      (
        "c.csv", Array("text\n\"a\nb".utf8), DataColumns(),
        "c.csv:2: has a field in quotes without an end (is a quote missing?)"
      ),
      (
        "d.csv", Array("text\n\"a\" b\nc\n\"d\"e\n".utf8), DataColumns(),
        "d.csv:2: has text after the quote that ends a field (write a quote inside of a field twice)\n"
          + "d.csv:4: has text after the quote that ends a field (write a quote inside of a field twice)"
      ),
      (
        "e.csv", Array("text\na \"b\"\n".utf8), DataColumns(),
        "e.csv:2: has a quote in a field that is not in quotes "
          + "(put the whole field in quotes, and write each quote in it twice)"
      ),
      (
        "f.tsv", Array("text\na\n".utf8) + [0x62, 0xE9, 0x0A], DataColumns(),
        "f.tsv:3: \(convert) 8 (convert it to UTF-8)"
      ),
      ("g.csv", [0xFF, 0x0A], DataColumns(), "g.csv:1: \(convert) 0 (convert it to UTF-8)"),
      (
        "h.csv", Array("body,n\na,1\n".utf8), DataColumns(["text": .name("bdy")]),
        "h.csv:1: has no \"bdy\" (did you mean \"body\"?)"
      ),
      (
        "i.csv", Array("body,n\na,1\n".utf8), DataColumns(["text": .name("sentence")]),
        "i.csv:1: has no \"sentence\" (the columns here are \"body\", \"n\")"
      ),
      (
        "j.tsv", Array("\na\tb\n".utf8), DataColumns(["text": .number(2)]),
        "j.tsv:2: has no column 2 (a row has 2 fields, and numbers count from 0)"
      ),
      (
        "k.jsonl", Array(#"{"text": "a"}"#.utf8), DataColumns(["text": .number(0)]),
        "k.jsonl: its columns have names, and data.columns gives numbers (numbers are for .tsv, .csv and .conll files)"
      ),
      (
        "l.jsonl", Array(#"{"bodi": "a"}"#.utf8), DataColumns(["text": .name("body")]),
        "l.jsonl:1: has no \"body\" (did you mean \"bodi\"?)"
      ),
      ("m.csv", Array("text\n\n".utf8), DataColumns(), "m.csv: the file has no rows"),
      ("n.tsv", Array("\n\r\n".utf8), DataColumns(), "n.tsv: the file has no rows"),
    ]
    for (name, text, columns, says) in cases {
      let file = try folder.write(name, text)
      #expect(folder.errors(.of([file], format: .text, columns: columns)) == says, "\(name)")
    }
    #expect(cases.count == 14)
    let unknown = try folder.write("o.csv", "a,b\n1,2\n")
    #expect(folder.errors(.of([unknown])).hasPrefix("o.csv:1: no format is known with the keys \"a\", \"b\""))
  }

  @Test func wrongColumnsAreMistakesOfTheSetting() throws {
    let folder = try Folder()
    let file = try folder.write("a.jsonl", #"{"text": "a"}"#)
    let cases: [(DataFormat, DataColumns, String)] = [
      (
        .auto, DataColumns(["txt": .name("a")]),
        "data.columns.txt: is not a column of any format (did you mean text?)"
      ),
      (
        .completion, DataColumns(["input": .name("a")]),
        "data.columns.input: is not a column of format completion (the columns are prompt, completion, response)"
      ),
      (
        .text, DataColumns(["label": .name("a")]),
        "data.columns.label: is not a column of format text (the columns are text)"
      ),
      (
        .auto, DataColumns(["prompt": .number(0), "response": .name("a")]),
        "data.columns.response: has a name, and other columns have numbers"
      ),
    ]
    for (format, columns, says) in cases {
      let errors = folder.errors(.of([file], format: format, columns: columns))
      #expect(errors.hasPrefix(says), "\(errors)")
    }
    #expect(cases.count == 4)
  }
}
