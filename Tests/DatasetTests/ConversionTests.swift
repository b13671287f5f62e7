// Every kind of file becomes every other kind, as far as that can say what the rows hold.
import Base
import Compression
import Datasets
import Foundation
import Testing

@discardableResult
func convert(_ files: [String], to path: String, codec: BlockCodec = .zstd) throws -> Int {
  var bytes: [UInt8] = []
  let count = try DataConversion(files, to: path, codec: codec).run(into: { bytes += $0 }, progress: { _ in })
  try Data(bytes).write(to: URL(fileURLWithPath: path))
  return count
}

@Suite struct ConversionTests {
  private static let endings = ["jsonl", "json", "csv", "tsv", "parquet", "txt"].flatMap { ending in
    [ending, ending + ".gz", ending + ".zst"]
  }

  private func text(_ path: String) throws -> String {
    String(decoding: try OpenFile.contents(path), as: UTF8.self)
  }

  @Test func textsGoThroughAllKinds() throws {
    let folder = try Folder()
    let rows = ["first", "", "with, a comma", "a \"quote\"", "straße 🙂"].map {
      "{\"text\": \(JSON.string($0).encoded())}\n"
    }
    let source = try folder.write("rows.jsonl", rows.joined())
    var count = 0
    for first in Self.endings {
      // An empty line of a table is no row.
      let hasEmptyLine = first.hasPrefix("tsv")
      let start = hasEmptyLine ? try folder.write("some.jsonl", (rows[..<1] + rows[2...]).joined()) : source
      let there = "\(folder.path)/a.\(first)"
      try convert([start], to: there)
      for second in ["jsonl", "csv", "parquet.gz", "txt.zst"] {
        let middle = "\(folder.path)/b.\(second)"
        try convert([there], to: middle)
        let back = "\(folder.path)/c.jsonl"
        #expect(try convert([middle], to: back) == (hasEmptyLine ? 4 : 5))
        #expect(try text(back) == (try text(start)), "\(first) \(second)")
        count += 1
      }
    }
    #expect(count == 72)
  }

  @Test func tablesSayWhatTheyCan() throws {
    let folder = try Folder()
    let source = try folder.write(
      "rows.jsonl",
      #"""
      {"id": 1, "name": "a,b", "tags": ["x", "y"], "on": true}
      {"id": 12345678901234567890, "ratio": 0.10, "name": null}
      {"name": "two\nlines", "id": "", "home": {"street": "S"}}

      """#)
    let table = folder.path + "/t.csv"
    #expect(try convert([source], to: table) == 3)
    #expect(
      try text(table) == """
        id,name,tags,on,ratio,home
        1,"a,b","[""x"", ""y""]",true,,
        1.2345678901234567e+19,,,,0.1,
        "","two
        lines",,,,"{""street"": ""S""}"

        """)
    #expect(try convert([table], to: folder.path + "/back.jsonl") == 3)
    // Lines of JSON stay as they are.
    try convert([source, source], to: folder.path + "/twice.jsonl")
    #expect(try text(folder.path + "/twice.jsonl") == (try text(source)) + (try text(source)))
    try convert([source], to: folder.path + "/list.json")
    #expect(try convert([folder.path + "/list.json"], to: folder.path + "/x.csv") == 3)
    #expect(try text(folder.path + "/x.csv") == (try text(table)))
  }

  @Test func whatCannotBeSaidIsRefused() throws {
    let folder = try Folder()
    let cases: [(name: String, text: String, target: String, says: String)] = [
      (
        "a.jsonl", "{\"a\": \"x\", \"b\": 1}\n", "t.txt",
        "a.jsonl: has 2 columns, and a .txt file one: a, b (convert to .jsonl or .csv)"
      ),
      (
        "b.jsonl", "{\"a\": \"x\"}\n{\"a\": \"x\\ny\"}\n", "t.txt",
        "b.jsonl:2: \"a\" has a line end, and in a .txt file a row is a line (convert to .jsonl)"
      ),
      (
        "c.jsonl", "{\"a\": 1}\n", "t.txt",
        "c.jsonl:1: \"a\" is no string, which a .txt file cannot say (convert to .jsonl)"
      ),
      (
        "d.jsonl", "{\"a\": \"x\"}\n{\"a\": \"x\\ty\"}\n", "t.tsv",
        "d.jsonl:2: \"a\" has a tab or a line end, which a .tsv file cannot say (convert to .csv)"
      ),
      (
        "e.jsonl", "{\"a\": \"\"}\n", "t.tsv",
        "e.jsonl:1: is empty, and an empty line of a .tsv file is no row (convert to .csv)"
      ),
      (
        "f.jsonl", "{\"a\": [{\"b\": 1}]}\n\n{\"a\": [{\"b\": \"x\"}]}\n", "t.parquet",
        "f.jsonl:3: \"a[].b\" is a string, and in rows before a number (a column has values of one kind)"
      ),
      (
        "g.jsonl", "{\"a\": {}}\n", "t.parquet",
        "g.jsonl: column \"a\" holds nothing but empty objects, which .parquet does not know (leave it out)"
      ),
      ("h.jsonl", "{}\n", "t.csv", "h.jsonl: no row has a column"),
      ("i.jsonl", "[1]\n", "t.jsonl", "i.jsonl:1: a row must be an object, but this is a list"),
      (
        "j.jsonl", "{\"a\": 1}\n{\n", "t.csv",
        "j.jsonl:2: is not JSON: the text ends too early at byte 1 of the line (a .jsonl file holds one object a line)"
      ),
      ("k.jsonl", "{\"a\": 1}\n", "t.conll", "t.conll: .conll files are only read (convert to .jsonl)"),
      (
        "l.jsonl", "{\"a\": 1}\n", "t.xml",
        "t.xml: the ending of the name is not known (use .txt, .jsonl, .json, .tsv, .csv, .conll or .parquet, perhaps with .gz or .zst behind it)"
      ),
      ("m.csv", "a,b\n1\n", "t.jsonl", "m.csv:2: has 1 field, and the first line names 2"),
    ]
    for (name, text, target, says) in cases {
      let file = try folder.write(name, text)
      let error = #expect(throws: UserError.self) { try convert([file], to: folder.path + "/" + target) }
      #expect(error?.description.replacing(folder.path + "/", with: "") == says)
    }
    #expect(cases.count == 13)
  }

  @Test func sentencesHaveNamesForTheirColumns() throws {
    let folder = try Folder()
    let file = try folder.write("a.conll", "The DT O\nEU NNP ORG\n\nYes UH O\n")
    let parquet = folder.path + "/a.parquet"
    #expect(try convert([file], to: parquet) == 2)
    try convert([parquet], to: folder.path + "/b.jsonl")
    #expect(
      try text(folder.path + "/b.jsonl").hasPrefix(
        #"{"words": ["The", "EU"], "1": ["DT", "NNP"], "labels": ["O", "ORG"]}"#))
  }
}
