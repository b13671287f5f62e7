// Compressed files and Parquet hold the same data as plain files.
import Base
import Compression
import Datasets
import Foundation
import Testing

/// Bytes in a compressed form, as one member or frame.
func compressed(_ bytes: [UInt8], _ form: CompressedForm) throws -> [UInt8] {
  let stream = form.compression()
  var out: [UInt8] = []
  try bytes.withUnsafeBytes { try stream.feed($0) { out += $0 } }
  try stream.finish { out += $0 }
  return out
}

func compressed(_ text: String, _ form: CompressedForm) throws -> [UInt8] {
  try compressed(Array(text.utf8), form)
}

@Suite struct CompressedFileTests {
  private static let files = [
    ("a.txt", "some text\nof two lines\n"), ("a.jsonl", "{\"text\": \"ab\"}\n\n{\"text\": \"cd\"}\n"),
    ("a.json", "[{\"text\": \"ab\"}, {\"text\": \"cd\"}]"), ("a.tsv", "text\tn\nab\t1\ncd\t2\n"),
    ("a.csv", "n,text\n1,\"a,b\"\n2,cd\n"),
  ]

  private func train(_ path: String) throws -> TokenSequences {
    try Dataset(.of([path]), encoder: .bytes()).train
  }

  @Test func sameRowsAsPlainFiles() throws {
    let folder = try Folder()
    var count = 0
    for (name, text) in Self.files {
      let plain = try train(try folder.write(name, text))
      for form in CompressedForm.allCases {
        let path = try folder.write("\(name).\(form.rawValue)", try compressed(text, form))
        let packed = try train(path)
        #expect(packed.allSpelled == plain.allSpelled && packed.count > 0, "\(path)")
        let places = (0..<packed.count).map { packed.sources(of: $0) }
        #expect(
          places
            == (0..<plain.count).map {
              plain.sources(of: $0).map { $0.replacing(name, with: "\(name).\(form.rawValue)") }
            })
        count += 1
      }
    }
    #expect(count == 10)
  }

  @Test func severalMembersAreOneFile() throws {
    let folder = try Folder()
    for form in CompressedForm.allCases {
      let parts = try ["{\"text\": \"ab\"}\n{\"te", "", "xt\": \"cd\"}\n"].flatMap {
        try compressed($0, form)
      }
      #expect(try train(try folder.write("a.jsonl.\(form.rawValue)", parts)).allSpelled == ["ab>", "cd>"])
    }
    // Behind gzip's last member may be zeros.
    let padded = try compressed("{\"text\": \"ab\"}\n", .gzip) + [UInt8](repeating: 0, count: 500)
    #expect(try train(try folder.write("b.jsonl.gz", padded)).allSpelled == ["ab>"])
  }

  @Test func damageIsToldInOneLine() throws {
    let folder = try Folder()
    let text = (0..<2000).map { "{\"text\": \"row \($0 * 7919)\"}\n" }.joined()
    var count = 0
    for form in CompressedForm.allCases {
      let whole = try compressed(text, form)
      for length in [1, 5, whole.count / 2, whole.count - 1] {
        let name = "a.jsonl.\(form.rawValue)"
        let path = try folder.write(name, Array(whole[..<length]))
        #expect(
          folder.errors(.of([path]))
            == "\(name): cannot be decompressed as .\(form.rawValue): it ends too early at byte offset \(length) (was it copied or downloaded whole?)"
        )
        count += 1
      }
      var damaged = whole
      for place in damaged.count / 2..<damaged.count / 2 + 8 { damaged[place] ^= 0xFF }
      let path = try folder.write("b.jsonl.\(form.rawValue)", damaged)
      #expect(folder.errors(.of([path])).hasPrefix("b.jsonl.\(form.rawValue): cannot be decompressed as "))
      let other = try folder.write("c.jsonl.\(form.rawValue)", text)
      #expect(folder.errors(.of([other])).hasPrefix("c.jsonl.\(form.rawValue): cannot be decompressed as "))
      #expect(
        folder.errors(.of([try folder.write("d.txt.\(form.rawValue)", try compressed("", form))]))
          == "d.txt.\(form.rawValue): the file is empty")
    }
    #expect(count == 8)
  }

  @Test func parquetFilesHaveRowsAndColumns() throws {
    let folder = try Folder()
    let file = try folder.write(
      "rows.jsonl",
      (0..<50).map { "{\"prompt\": \"p\($0)\", \"completion\": \"c\", \"id\": \($0)}\n" }.joined())
    let parquet = folder.path + "/rows.parquet"
    try convert([file], to: parquet)
    let (plain, packed) = (try train(file), try train(parquet))
    #expect(
      packed.allSpelled == plain.allSpelled && packed.count == 50 && packed.targetCounts == plain.targetCounts
    )
    #expect(packed.sources(of: 7) == ["\(folder.path)/rows.parquet:8"])
    let columns = DataColumns(["prompt": .name("id"), "completion": .name("completion")])
    #expect(
      folder.errors(.of([parquet], columns: columns))
        == "rows.parquet:1: \"id\" must be a string, but is a whole number")
    #expect(
      folder.errors(.of([parquet], format: .text))
        .hasPrefix("rows.parquet:1: has no \"text\" (a row of format text has \"text\")"))
    #expect(
      folder.errors(.of([parquet], columns: DataColumns(["text": .number(0)])))
        == "rows.parquet: its columns have names, and data.columns gives numbers (numbers are for .tsv, .csv and .conll files)"
    )
    var bytes = try OpenFile.contents(parquet)
    bytes.removeLast(9)
    #expect(
      folder.errors(.of([try folder.write("cut.parquet", bytes)]))
        == "cut.parquet: is cut: the mark of Parquet at its end is missing (was it copied or downloaded whole?)"
    )
  }

  @Test func columnsThatNobodyReadsMayHoldAnything() throws {
    let folder = try Folder()
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/images.parquet").path
    #expect(try train(file).allSpelled == ["ab>", "cd>"])
    let error = #expect(throws: UserError.self) { try convert([file], to: folder.path + "/a.jsonl") }
    #expect(
      error?.what == "column \"image.bytes\" holds bytes that are not UTF-8" && error?.place == file)
  }
}
