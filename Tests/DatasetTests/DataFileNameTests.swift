// Names of data files: patterns, folders, standard input, and names that stand for nothing.
import Base
import Datasets
import Foundation
import Testing

@Suite struct DataFileNameTests {
  private func folder() throws -> Folder {
    let folder = try Folder()
    for name in ["b.jsonl", "a.jsonl.gz", "a10.txt", "a9.txt", ".hidden.txt", "README.md", "odd[1].txt"] {
      _ = try folder.write(name, "x")
    }
    try FileManager.default.createDirectory(atPath: folder.path + "/sub", withIntermediateDirectories: true)
    _ = try folder.write("sub/c.csv.zst", "x")
    try FileManager.default.createDirectory(atPath: folder.path + "/empty", withIntermediateDirectories: true)
    return folder
  }

  @Test func patternsAndFolders() throws {
    let folder = try folder()
    let cases: [(String, [String])] = [
      ("b.jsonl", ["b.jsonl"]), ("*.txt", ["a10.txt", "a9.txt", "odd[1].txt"]), ("a?.txt", ["a9.txt"]),
      ("[ab]*.jsonl*", ["a.jsonl.gz", "b.jsonl"]), ("*/*.csv.zst", ["sub/c.csv.zst"]),
      ("odd[1].txt", ["odd[1].txt"]),
      ("s*", []), ("sub", ["sub/c.csv.zst"]), ("sub/", ["sub/c.csv.zst"]), ("README.md", ["README.md"]),
      ("", ["a.jsonl.gz", "a10.txt", "a9.txt", "b.jsonl", "odd[1].txt"]),
    ]
    for (name, expected) in cases {
      let found = (try? DataFileNames.files(folder.path + "/" + name)) ?? []
      #expect(found.map { $0.replacing(folder.path + "/", with: "") } == expected, "\(name)")
    }
    #expect(cases.count == 11)
    #expect(
      try DataFileNames.files("-") == ["/dev/stdin"] && DataFileNames.files("/dev/stdin") == ["/dev/stdin"])
  }

  @Test func whatStandsForNothing() throws {
    let folder = try folder()
    try FileManager.default.createDirectory(atPath: folder.path + "/model", withIntermediateDirectories: true)
    _ = try folder.write("model/config.json", "{}")
    let cases = [
      ("b.json", "there is no file b.json (did you mean b.jsonl?)"),
      ("something", "there is no file something (. holds a.jsonl.gz, a10.txt, a9.txt, b.jsonl, odd[1].txt)"),
      ("*.parquet", "no file matches *.parquet (. holds a.jsonl.gz, a10.txt, a9.txt, b.jsonl, odd[1].txt)"),
      ("sub/*.parquet", "no file matches sub/*.parquet (sub holds c.csv.zst)"),
      ("none/a.txt", "there is no file none/a.txt (there is no folder none)"),
      ("empty/*.txt", "no file matches empty/*.txt (empty holds no data file)"),
      ("model", "model is the folder of a model (name files of data)"),
      (
        "empty",
        "the folder empty holds no data file (their names end in .txt, .jsonl, .json, .tsv, .csv, .conll or .parquet, perhaps with .gz or .zst behind it)"
      ),
    ]
    for (name, says) in cases {
      let error = #expect(throws: UserError.self) { try DataFileNames.files(folder.path + "/" + name) }
      let text = error?.description.replacing(folder.path + "/", with: "").replacing(folder.path, with: ".")
      #expect(text == says && error?.code == .usage)
    }
    #expect(cases.count == 8)
  }

  @Test func standardInputIsNamedOnce() {
    let (files, mistakes) = DataFileNames.files(["-", "/dev/stdin"], at: "data.train")
    #expect(files.count == 2)
    #expect(mistakes.map(\.description) == ["data.train: names standard input twice (it can be read once)"])
  }
}
