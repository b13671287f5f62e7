import Base
import Datasets
import Foundation
import Testing

@Suite struct FormatTests {
  @Test func autoDecidesByTheFirstRowOfEachFile() throws {
    let folder = try Folder()
    let files = [
      try folder.write("a.txt", "ab"),
      try folder.write("b.jsonl", "\n  \n{\"text\": \"cd\", \"id\": 7}\r\n\n"),
      try folder.write("c.json", "[{\"prompt\": \"e\", \"completion\": \"f\"}]"),
      try folder.write("d.jsonl", "{\"prompt\": \"g\", \"response\": \"h\"}"),
      try folder.write("e.JSONL", "{\"instruction\": \"i\", \"output\": \"j\"}"),
    ]
    let data = try Dataset(.of(files, length: 512), encoder: .bytes())
    #expect(data.summary.trainFiles.files.map(\.format) == [.text, .text, .completion, .completion, .alpaca])
    #expect(data.train.allSpelled.prefix(4) == ["ab>", "cd>", "ef>", "gh>"])
    #expect(data.train.sources(of: 0) == [files[0]])
    #expect(data.train.sources(of: 1) == [files[1] + ":3"])
    #expect(data.train.sources(of: 3) == [files[3] + ":1"])
  }

  /// Copied from the prompts in the Stanford Alpaca repository.
  @Test func alpacaPromptsAreStanfords() throws {
    let without = """
      Below is an instruction that describes a task. Write a response that appropriately completes the request.

      ### Instruction:
      Say hi.

      ### Response:
      """
    let with = """
      Below is an instruction that describes a task, paired with an input that provides further context. \
      Write a response that appropriately completes the request.

      ### Instruction:
      Say hi.

      ### Input:
      to me

      ### Response:
      """
    let folder = try Folder()
    var checked = 0
    for (row, prompt) in [
      (#"{"instruction": "Say hi.", "output": "Hi"}"#, without),
      (#"{"instruction": "Say hi.", "input": "", "output": "Hi"}"#, without),
      (#"{"instruction": "Say hi.", "input": null, "output": "Hi"}"#, without),
      (#"{"instruction": "Say hi.", "input": "to me", "output": "Hi"}"#, with),
    ] {
      let file = try folder.write("a.jsonl", row)
      let data = try Dataset(.of([file], length: 512), encoder: .bytes(end: false))
      #expect(String(decoding: data.train.tokens.map { UInt8($0) }, as: UTF8.self) == prompt + "Hi")
      #expect(data.train.targetCounts == [2])
      checked += 1
    }
    #expect(checked == 4)
  }

  @Test func ambiguousFirstRowsAreRefused() throws {
    let folder = try Folder()
    let file = try folder.write("a.jsonl", #"{"text": "t", "instruction": "i", "output": "o"}"#)
    #expect(
      folder.errors(.of([file]))
        == "a.jsonl:1: the row could be text and alpaca (say which with data.format)")
    #expect(
      folder.errors(.of([file], names: .options))
        == "a.jsonl:1: the row could be text and alpaca (say which with --format)")
    #expect(try Dataset(.of([file], format: .text), encoder: .bytes()).train.allSpelled == ["t>"])
  }

  /// A table that is written as rows has null where a row has no value.
  @Test func aNullIsAColumnThatIsNotThere() throws {
    let folder = try Folder()
    var checked = 0
    for (row, spelling) in [
      (#"{"prompt": "a", "completion": null, "response": "b"}"#, "ab>"),
      (#"{"prompt": "a", "completion": "b", "response": null}"#, "ab>"),
      (#"{"text": "a", "instruction": null, "output": null, "prompt": null, "completion": null}"#, "a>"),
      (#"{"text": null, "prompt": "a", "completion": "b", "instruction": "i", "output": null}"#, "ab>"),
    ] {
      let file = try folder.write("a.jsonl", row)
      #expect(try Dataset(.of([file]), encoder: .bytes()).train.allSpelled == [spelling])
      checked += 1
    }
    #expect(checked == 4)
    let alpaca = try folder.write(
      "b.jsonl", #"{"text": null, "instruction": "i", "input": null, "output": "o", "response": null}"#)
    #expect(
      try Dataset(.of([alpaca], length: 512), encoder: .bytes()).summary.trainFiles.files[0].format == .alpaca
    )
    let missing = try folder.write(
      "c.jsonl",
      #"""
      {"prompt": "a", "completion": "b"}
      {"prompt": null, "completion": "b"}
      {"prompt": "a", "completion": null, "response": null}
      """#)
    let hint = #"(a row of format completion has "prompt" and "completion" (or "response"))"#
    #expect(
      folder.errors(.of([missing])) == """
        c.jsonl:2: has no "prompt" \(hint)
        c.jsonl:3: has no "completion" \(hint)
        """)
  }

  @Test func aNumberThatNobodyReadsMayBeAsLargeAsItLikes() throws {
    let folder = try Folder()
    let large = "1" + String(repeating: "0", count: 400)
    let rows = ["1e400", "-1e999", large, #"[{"x": 1e400}]"#].map { #"{"text": "a", "id": \#($0)}"# }
    let lines = try folder.write("a.jsonl", rows.joined(separator: "\n"))
    let list = try folder.write("b.json", "[" + rows.joined(separator: ",\n") + "]")
    #expect(
      try Dataset(.of([lines, list]), encoder: .bytes()).train.allSpelled == Array(repeating: "a>", count: 8))
    #expect(
      folder.errors(.of([try folder.write("c.jsonl", #"{"text": 1e400}"#)]))
        == #"c.jsonl:1: "text" must be a string, but is a number"#)
    // Data that is read in full must not have a validation share taken from it.
    #expect(throws: JSON.ParseError.self) { try JSON.parse(#"{"a": 1e400}"#) }
  }

  @Test func unknownKeysAreNamed() throws {
    let folder = try Folder()
    let file = try folder.write("a.jsonl", "\n{\"question\": \"q\", \"answer\": \"a\"}\n{}\n")
    #expect(
      folder.errors(.of([file])) == """
        a.jsonl:2: no format is known with the keys "question", "answer" (text has "text"; completion has \
        "prompt" and "completion" (or "response"); alpaca has "instruction" and "output"; messages has "messages", or \
        "conversations", or "prompt" and "completion" as lists of messages, or "instruction", "output" and "history")
        """)
  }

  @Test func everyBadRowIsToldUpToFive() throws {
    let folder = try Folder()
    let good = #"{"prompt": "p", "completion": "c"}"#
    let bad = [
      #"{"prompt": "p"}"#, #"{"prompt": 3, "completion": "c"}"#, "[1]", #"{"prompt": "p", "#,
      #"{"prompt": "p", "completion": "c", "response": "c"}"#, "nonsense", "{}",
    ]
    let file = try folder.write("a.jsonl", ([good] + bad + [good]).joined(separator: "\n"))
    let other = try folder.write("b.jsonl", "\"x\"")
    #expect(
      folder.errors(.of([file, other])) == """
        a.jsonl:2: has no "completion" (a row of format completion has "prompt" and "completion" (or "response"))
        a.jsonl:3: "prompt" must be a string, but is a whole number
        a.jsonl:4: a row must be an object, but this is a list
        a.jsonl:5: is not JSON: the text ends too early at byte 16 of the line (a .jsonl file holds one object a line)
        a.jsonl:6: has both "completion" and "response" (keep one of them)
        a.jsonl: and 2 more rows that cannot be used
        b.jsonl:1: a row must be an object, but this is a string
        """)
  }

  @Test func rowsOfAJSONListHaveLines() throws {
    let folder = try Folder()
    let file = try folder.write(
      "a.json", "\u{feff}[\n  {\"text\": \"a],{\\\"\"},\n  {\n    \"text\": 1\n  }, {\"text\": tru}\n]\n")
    #expect(
      folder.errors(.of([file])) == """
        a.json:3: "text" must be a string, but is a whole number
        a.json:5: is not JSON: not a JSON value at byte offset 59 (a .json file holds one list of objects)
        """)
    let fine = try folder.write("b.json", "[{\"text\": \"a],{\\\"\"} , {\"text\": \"b\"}]")
    #expect(try Dataset(.of([fine]), encoder: .bytes()).train.allSpelled == ["a],{\">", "b>"])
  }

  @Test func brokenListsAreRefused() throws {
    let folder = try Folder()
    let hint = " (a .json file holds one list of objects; objects one a line are .jsonl)"
    var checked = 0
    for (text, message) in [
      (
        "{\"text\": \"a\"}",
        "a.json: holds one object and no list of rows, and a file of SQuAD has a list \"data\""
      ),
      ("[{\"text\": \"a\"},\n]", "a.json:2: is not JSON: an element of the list is missing"),
      ("[\n{\"text\": \"a\"}\n", "a.json:2: is not JSON: the row that begins here has no end"),
      ("[{\"text\": \"a\"}]\n[]", "a.json:2: is not JSON: more text after the end of the list"),
      ("[}", "a.json:1: is not JSON: a closing brace has no opening one"),
    ] {
      let file = try folder.write("a.json", text)
      #expect(folder.errors(.of([file])) == message + hint)
      checked += 1
    }
    #expect(checked == 5)
  }

  /// Lines without an end, as sparse files of zeros with a row before them.
  @Test func giganticRowsAndTextsAreRefusedUnread() throws {
    let folder = try Folder()
    let limit = 64 << 20
    let hint = " (cut it into several rows, or write it as a .txt file)"
    func message(_ place: String) -> String {
      "\(place): a row is longer than the 64 MiB that one may have\(hint)"
    }
    /// Zeros up to a size, then an end.
    func extend(_ file: String, to size: Int, end: String) throws {
      let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
      try handle.truncate(atOffset: UInt64(size))
      try handle.seekToEnd()
      try handle.write(contentsOf: Data(end.utf8))
      try handle.close()
    }
    let lines = try folder.write("a.jsonl", "{\"text\": \"a\"}\n")
    try extend(lines, to: 1 << 40, end: "")
    #expect(folder.errors(.of([lines])) == message("a.jsonl:2"))

    let text = try folder.write("c.txt", "a")
    try extend(text, to: 1 << 32, end: "")
    #expect(
      folder.errors(.of([text]))
        == "c.txt: a text of 4 GiB or more cannot be encoded (cut it into several files)")

    let list = try folder.write("b.json", "[\"")
    try extend(list, to: limit + 1, end: "\"]")
    #expect(folder.errors(.of([list])) == message("b.json:1"))
  }

  @Test func filesThatHoldNothingAreRefused() throws {
    let folder = try Folder()
    var checked = 0
    for (name, text, message) in [
      ("a.txt", "", "the file is empty"), ("b.txt", "\u{feff}", "the file is empty"),
      ("c.jsonl", "", "the file is empty"), ("d.jsonl", "\n \r\n", "the file has no rows"),
      ("e.json", " [ ] ", "the file has no rows"),
      ("f.jsonl", "{\"text\": \"\"}", "all rows of the file are empty"),
      (
        "g.xml", "a",
        "the ending of the name is not known (use .txt, .jsonl, .json, .tsv, .csv, .conll or .parquet, perhaps with .gz or .zst behind it)"
      ),
    ] {
      let file = try folder.write(name, text)
      #expect(folder.errors(.of([file])) == "\(name): \(message)")
      checked += 1
    }
    #expect(checked == 7)
    #expect(folder.errors(.of([])) == "data.train: names no file")
    let missing = folder.path + "/no.txt"
    #expect(folder.errors(.of([missing])) == "no.txt: cannot be read: No such file or directory")
  }

  @Test func textFilesMustBeUTF8AndText() throws {
    let folder = try Folder()
    let file = try folder.write("a.txt", Array("é\nab".utf8) + [0xFF, 0x0A])
    #expect(folder.errors(.of([file])) == "a.txt:2: is not UTF-8 at byte offset 5 (convert it to UTF-8)")
    let fine = try folder.write("b.txt", "\u{feff}é")
    #expect(try Dataset(.of([fine]), encoder: .bytes()).train.tokens.elementsEqual([0xC3, 0xA9, 257]))
    #expect(
      folder.errors(.of([fine], format: .alpaca))
        == "b.txt: a .txt file is plain text, not alpaca (use .jsonl, .json, .tsv, .csv or .parquet, or data.format: auto)"
    )
    #expect(
      folder.errors(.of([fine], format: .alpaca, names: .options))
        == "b.txt: a .txt file is plain text, not alpaca (use .jsonl, .json, .tsv, .csv or .parquet, or --format auto)"
    )
  }

  @Test func emptyRowsAreLeftOutAndCounted() throws {
    let folder = try Folder()
    let file = try folder.write("a.jsonl", "{\"text\": \"a\"}\n{\"text\": \"\"}\n{\"text\": \"b\"}")
    let data = try Dataset(.of([file]), encoder: .bytes())
    #expect(data.train.allSpelled == ["a>", "b>"])
    #expect(data.summary.trainFiles.files[0].emptyRows == 1)
    #expect(data.summary.trainFiles.rows == 2)
  }
}
