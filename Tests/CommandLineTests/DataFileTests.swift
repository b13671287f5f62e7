// Data as people have it: Parquet, compressed files, patterns, folders, standard input, and what `data convert` makes.
import Base
import Compression
import Foundation
import Testing

extension ResultTests {
  @Suite struct DataFileTests {
    private static let settings = [
      "model=llama", "weights=random", "data.validation=0", "data.packing=false", "data.sequence_length=32",
      "training.batch_size=4", "training.micro_batch_size=2", "training.steps=3",
      "optimizer.learning_rate=1.0e-3",
    ]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      for part in 0..<2 {
        let rows = (0..<12).map {
          "{\"prompt\": \"p\(part) \($0)\", \"completion\": \"c\($0 * 7)\", \"id\": \($0)}\n"
        }
        try folder.file("part\(part).jsonl", rows.joined())
      }
      return folder
    }

    private func convert(_ input: String, _ output: String, in folder: Workspace) throws {
      let result = try Command.swiftdp(["data", "convert", input, output], in: folder)
      #expect(result.code == 0 && result.out.hasSuffix("· \(output)\n"), "\(result.err)")
    }

    @Test func sameRunFromEveryKindOfFile() throws {
      let folder = try folder()
      let plain = try train(
        Self.settings + ["data.train=[part0.jsonl,part1.jsonl]"], output: "plain", in: folder)
      try folder.file("both/.keep", "")
      for part in 0..<2 { try convert("part\(part).jsonl", "both/part\(part).parquet", in: folder) }
      try convert("both", "all.jsonl.zst", in: folder)
      try convert("part?.jsonl", "all.csv.gz", in: folder)
      try convert("both/*.parquet", "all.parquet.gz", in: folder)
      let names = [
        "both", "'both/*.parquet'", "all.jsonl.zst", "all.csv.gz", "all.parquet.gz", "part[01].jsonl",
      ]
      for (number, name) in names.enumerated() {
        let name = name.replacing("'", with: "")
        let run = try train(
          Self.settings + ["data.train=\(JSON.string(name).encoded())"], output: "run\(number)",
          ranks: number % 3 == 0 ? 2 : nil, in: folder)
        #expect(try run.results() == plain.results(), "\(name)")
      }
      #expect(names.count == 6)
      let text = try ["part0.jsonl", "part1.jsonl"].map { try folder.text($0) }.joined()
      try convert("all.jsonl.zst", "back.jsonl", in: folder)
      #expect(try folder.text("back.jsonl") == text)
    }

    @Test func standardInputIsSharedByAllRanks() throws {
      let folder = try folder()
      let plain = try train(Self.settings + ["data.train=part0.jsonl"], output: "plain", in: folder)
      try convert("part0.jsonl", "in.jsonl.gz", in: folder)
      let words = (["train"] + Self.settings + ["data.train=-"]).map { "'\($0)'" }.joined(separator: " ")
      for (number, input) in ["part0.jsonl", "in.jsonl.gz"].enumerated() {
        let output = "run\(number)"
        let result = try Command.run(
          [
            "sh", "-c",
            "cat \(input) | mpirun -np 2 --bind-to none '\(Command.binary)' \(words) output=\(output)",
          ],
          in: folder)
        #expect(result.code == 0, "\(result.err)")
        #expect(result.out.contains("/dev/stdin · completion · 12 rows"), "\(result.out)")
        #expect(try RunOutput(folder: folder, name: output).results() == plain.results())
      }
      let evaluate = "evaluate --model plain/model --json --data"
      let file = try Command.run(["sh", "-c", "'\(Command.binary)' \(evaluate) part1.jsonl"], in: folder)
      let piped = try Command.run(
        ["sh", "-c", "'\(Command.binary)' \(evaluate) - < part1.jsonl"], in: folder)
      #expect(file.code == 0 && piped.code == 0 && piped.out == file.out, "\(piped.err)\(piped.out)")
    }

    /// 300 MB of spaces in a few KB go into a file without a name. A process of its own has a limit of memory that
    /// nothing else uses.
    @Test func whatSwellsTakesNoMemory() throws {
      let folder = try folder()
      let stream = CompressedForm.zstd.compression()
      var packed = Data()
      let spaces = [UInt8](repeating: 0x20, count: 1 << 20)
      for _ in 0..<300 {
        try spaces.withUnsafeBytes { try stream.feed($0) { packed.append(contentsOf: $0) } }
      }
      try stream.finish { packed.append(contentsOf: $0) }
      #expect(packed.count < 1 << 20)
      try folder.file("a.jsonl.zst", packed)
      let before = folder.snapshot()
      let train = Self.settings.joined(separator: " ") + " data.train=a.jsonl.zst output=run"
      for words in ["data convert a.jsonl.zst b.jsonl", "train \(train)"] {
        let result = try Command.run(
          ["sh", "-c", "ulimit -d \(100 << 10); exec '\(Command.binary)' \(words)"], in: folder)
        #expect(
          result.code == 65 && result.err.contains("a.jsonl.zst:1: a row is longer than the 64 MiB"),
          "\(result.err)")
      }
      #expect(folder.snapshot() == before)
    }

    @Test func namesAreCheckedBeforeWorkStarts() throws {
      let folder = try folder()
      try folder.file("empty/notes.md", "")
      try expectMistake(
        ["train"] + Self.settings + ["data.train=['*.parquet', part.jsonl, empty]"], 64,
        [
          "data.train: no file matches *.parquet (this folder holds part0.jsonl, part1.jsonl)",
          "data.train: there is no file part.jsonl (did you mean part0.jsonl?)",
          "data.train: the folder empty holds no data file (their names end in .txt, .jsonl, .json, .tsv, .csv, .conll or .parquet, perhaps with .gz or .zst behind it)",
        ], in: folder)
      try expectMistake(
        ["train"] + Self.settings + ["data.train=-", "data.validation=/dev/stdin"], 64,
        ["data.validation: names standard input twice (it can be read once)"], in: folder)
      try expectMistake(
        ["supervise", "--", Command.binary, "train"] + Self.settings + ["data.train=-"], 64,
        ["data: names standard input, which is gone when the command starts again (write it into a file)"],
        in: folder)
    }

    @Test func conversionsAreWholeOrNot() throws {
      let folder = try folder()
      try folder.file("bad.jsonl", "{\"a\": 1}\n{\"a\": \"x\"}\n")
      let cases: [([String], Int32, [String])] = [
        (
          ["bad.jsonl", "out.parquet"], 65,
          ["bad.jsonl:2: \"a\" is a string, and in rows before a number (a column has values of one kind)"]
        ),
        (
          ["bad.jsonl", "part0.jsonl"], 64,
          ["OUT: part0.jsonl exists already (give another name, or remove it)"]
        ),
        (
          ["no.jsonl", "out.csv", "--compression", "zstd"], 64,
          [
            "--compression: is for the pages of .parquet files (other files end in .gz or .zst)",
            "there is no file no.jsonl (this folder holds bad.jsonl, part0.jsonl, part1.jsonl)",
          ]
        ),
        (
          ["bad.jsonl", "out.parquet", "--compression", "brotli"], 64,
          ["--compression: must be one of none, snappy, gzip, zstd"]
        ),
        (
          ["bad.jsonl", "none/out.csv"], 74,
          ["none/out.csv.part: cannot be opened for writing: No such file or directory"]
        ),
      ]
      let before = folder.snapshot()
      for (words, code, says) in cases {
        let result = try Command.swiftdp(["data", "convert"] + words, in: folder)
        #expect(result.code == code && result.messages == says, "\(result.err)")
      }
      #expect(cases.count == 5 && folder.snapshot() == before)
      let small = try Command.swiftdp(
        ["data", "convert", "part0.jsonl", "p.parquet", "--compression", "snappy"], in: folder)
      #expect(
        small.code == 0 && folder.exists("p.parquet") && !folder.exists("p.parquet.part"), "\(small.err)")
    }
  }
}
