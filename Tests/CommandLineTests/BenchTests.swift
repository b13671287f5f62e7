// The tables of `swiftdp bench`, at small sizes: what they contain, and whether their figures agree.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct BenchTests {
    @Test(arguments: [nil, 2]) func everyKernelHasARow(ranks: Int?) throws {
      let rows = try table(
        "kernels", ["--batch-size", "1", "--length", "32", "--threads", "1"], ranks: ranks, repetitions: 2,
        limits: ["sgemm peak": "GFLOP/s", "memory copy": "B/s"], in: try Workspace())
      let folder = Project.root + "/Sources/Kernels/"
      var kernels: [String] = []
      for file in try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
      where file.hasSuffix(".swift") {
        let source = try String(contentsOfFile: folder + file, encoding: .utf8)
        if source.contains("pool.run(") || source.contains("forEachStretch(") {
          kernels.append(URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent)
        }
      }
      #expect(kernels.count >= 10 && kernels.contains("MatrixProduct"))
      // Only processors with avx512_bf16 have these.
      let hasDots = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8).contains("avx512_bf16")
      kernels.removeAll { $0.hasPrefix("Half") && !hasDots }
      for kernel in kernels + ["AdamW", "GradientSum", "FrozenProduct", "FrozenStorage"] {
        #expect(rows.contains { $0.name.hasPrefix(kernel + ".") }, "\(kernel)")
      }
      // Each rank multiplies matrices of its own.
      let product = try #require(rows.first { $0.name.hasPrefix("MatrixProduct.multiply") })
      let (m, n, k) = (try product.size("m"), try product.size("n"), try product.size("k"))
      #expect(abs(product.work / Double(2 * m * n * k * (ranks ?? 1)) - 1) <= 1e-6)
      #expect(m == 32)
    }

    @Test(arguments: ["same", "nf4", "int8"]) func generate(_ storage: String) throws {
      let result = try Command.swiftdp(
        [
          "bench", "generate", "--layers", "1", "--prompts", "3", "--length", "5", "--max-tokens", "4",
          "--batch-size", "2", "--single", "2", "--frozen-dtype", storage,
          "--embeddings-dtype", storage, "--json",
        ], in: try Workspace())
      // It also compares the answers of a batch with those of its prompts alone.
      try #require(result.code == 0, "\(result.err)")
      let json = try JSON.parse(result.out)
      #expect(json["bench"]?.text == "generate" && json["frozen_dtype"]?.text == storage)
      #expect(json["embeddings_dtype"]?.text == storage)
      for key in ["tokens_per_second", "single_tokens_per_second"] {
        let rate = try json.number(key)
        #expect(rate > 0 && rate < 1e9)
      }
    }

    @Test func collectives() throws {
      let folder = try Workspace()
      let rows = try table(
        "collectives", ["--megabytes", "1", "2"], ranks: 3, repetitions: 2, limits: ["memory copy": "B/s"],
        in: folder)
      #expect(try rows.map { try $0.size("MB") } == [1, 1, 1, 2, 2, 2])
      // Every number is read from each of three ranks and written once; or read and written by all ranks but its
      // owner; or both.
      let bytes = [4.0, 4, 8, 8, 8, 16].map { $0 * 1e6 }
      for (row, expected) in zip(rows, bytes) { #expect(abs(row.work / expected - 1) <= 1e-6, "\(row.name)") }

      let alone = try Command.swiftdp(["bench", "collectives", "--json"], in: folder)
      let json = try JSON.parse(alone.out)
      #expect(json["rows"]?.elements?.count == 0)
      #expect(json["notes"]?.elements?.first?.text == "one rank has nothing to exchange")
    }

    @Test(arguments: [nil, 2]) func checkpoint(ranks: Int?) throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.file("disk/kept", "x")
      let rows = try table(
        "checkpoint", ["--model", "llama", "--output", "disk"], ranks: ranks, repetitions: 3,
        limits: ["plain write": "B/s", "plain read": "B/s"], in: folder)
      #expect(rows.map(\.name) == ["write", "copy for a background write", "read"])
      // Three numbers of four bytes per parameter: 257 · 32 for tokens, 2 · 7,744 in layers, 32 for the last norm.
      let parameters = 257 * 32 + 2 * (32 * 32 * 2 + 2 * 32 * 16 + 3 * 32 * 48 + 2 * 32) + 32
      for row in rows { #expect(abs(row.work / Double(12 * parameters) - 1) <= 1e-6, "\(row.name)") }
      #expect(folder.names(in: "disk") == ["kept"])
    }

    @Test func tokenizer() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 20_000)
      let lines = try folder.text("text.txt").split(separator: "\n").count
      let rows = try table(
        "tokenizer", ["--tokenizer", "llama", "--data", "text.txt", "--threads", "2"], ranks: nil,
        repetitions: 3,
        limits: ["memory copy": "B/s", "JSON parsing": "B/s", "1 thread × threads": "B/s"], in: folder)
      #expect(
        rows.map(\.name) == [
          "load tokenizer.json", "one text, 1 thread", "by line, 1 thread", "with places, 1 thread",
          "by line, 2 threads",
        ])
      for row in rows.dropFirst() {
        #expect(try row.size("bytes") == 20_000)
        #expect(try row.size("tokens") == 20_000)
        #expect(abs(row.work / 20_000 - 1) <= 1e-6)
      }
      #expect(try rows[2].size("lines") == lines)
    }

    @Test func words() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      let result = try Command.swiftdp(
        ["bench", "checkpoint", "--model", "llama", "--output", ".", "--repetitions", "1"], ranks: 2,
        in: folder)
      #expect(result.code == 0, "\(result.err)")
      let lines = result.out.split(separator: "\n").map(String.init)
      #expect(lines.count == 8)
      #expect(lines.first == "bench     checkpoint")
      #expect(lines.contains { $0.hasPrefix("machine   ") && $0.contains("2 ranks × ") })
      #expect(
        lines.contains {
          $0.hasPrefix("write  ") && $0.contains("  MB 0  ") && $0.hasSuffix(" % of plain write")
        })
    }

    @Test func mistakes() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.file("empty.txt", "")
      let options = [
        (["kernels", "--batch-size", "0"], "--batch-size is 0, but must be from 1 to 4096"),
        (["kernels", "--length", "1"], "--length is 1, but must be from 2 to 65536"),
        (["collectives", "--megabytes", "0"], "--megabytes is 0, but must be from 1 to 65536"),
        (["checkpoint", "--layers", "0"], "--layers is 0, but must be from 1 to 1000"),
        (["tokenizer", "--tokenizer", "llama"], "Missing expected argument '--data <data>'"),
        (["collectives", "--repetitions", "0"], "--repetitions is 0, but must be at least 1"),
        (["model", "--threads", "1025"], "--threads is 1025, but must be from 1 to 1024"),
      ]
      for (arguments, line) in options {
        let help = " (see swiftdp bench \(arguments[0]) --help)"
        try expectMistake(["bench"] + arguments, 64, [line + help], in: folder)
      }
      let missing = "cannot be read: No such file or directory"
      try expectMistake(
        ["bench", "tokenizer", "--tokenizer", "no", "--data", "empty.txt"], 65,
        ["no/tokenizer.json: \(missing)"], in: folder)
      try expectMistake(
        ["bench", "tokenizer", "--tokenizer", "llama", "--data", "no.txt"], 64,
        ["--data: there is no file no.txt"], in: folder)
      try expectMistake(
        ["bench", "tokenizer", "--tokenizer", "llama", "--data", "empty.txt"], 65,
        ["empty.txt: the file is empty"], in: folder)
      try expectMistake(
        ["bench", "checkpoint", "--model", "no"], 64,
        ["there is no folder no (a Hugging Face model that was downloaded)"], in: folder)
      try expectMistake(
        ["bench", "checkpoint", "--model", "llama", "--output", "empty.txt"], 74,
        ["empty.txt: is a file, where a folder is meant"], in: folder)
    }

    /// Runs a bench and checks what every table must hold.
    /// - Parameter limits: the names of all limits, and how their units end.
    private func table(
      _ bench: String, _ arguments: [String], ranks: Int?, repetitions: Int, limits: [String: String],
      in folder: Workspace
    ) throws -> [BenchedRow] {
      let result = try Command.swiftdp(
        ["bench", bench, "--json", "--repetitions", "\(repetitions)"] + arguments, ranks: ranks, in: folder)
      try #require(result.code == 0, "\(result.err)")
      let json = try JSON.parse(result.out)
      #expect(json["bench"]?.text == bench)
      let machine = try #require(json["machine"])
      #expect(machine["ranks"]?.integer == ranks ?? 1)
      #expect(try machine.number("cores") > 0)
      #expect(try machine.number("threads") > 0)
      #expect(try machine.word("blas_kernel").isEmpty == false)
      var rates: [String: Double] = [:]
      for limit in try #require(machine["limits"]?.elements) {
        let (name, unit) = (try limit.word("name"), try limit.word("unit"))
        #expect(unit.hasSuffix(try #require(limits[name])))
        rates[name] = try limit.number("rate") * scale(unit)
      }
      #expect(rates.count == limits.count)
      let rows = try #require(json["rows"]?.elements).map { row in
        let seconds = try ["min", "median", "max"].map { try row.number("seconds_" + $0) }
        #expect(seconds[0] > 0 && seconds[0] <= seconds[1] && seconds[1] <= seconds[2] && seconds[2] < 1e3)
        #expect(row["repetitions"]?.integer == repetitions)
        let scale = scale(try row.word("unit"))
        let rate = try row.number("rate") * scale
        let limit = try row.number("limit_rate") * scale
        let measured = try #require(rates[try row.word("limit")])
        #expect(abs(limit / measured - 1) <= 1e-9)
        #expect(rate > 0 && rate < 1e18 && limit > 0)
        #expect(abs(try row.number("share_of_limit") / (rate / limit) - 1) <= 1e-9)
        return BenchedRow(
          name: try row.word("name"), sizes: try #require(row["sizes"]), work: rate * seconds[1])
      }
      #expect(!rows.isEmpty)
      return rows
    }

    private func scale(_ unit: String) -> Double { unit.hasPrefix("M") ? 1e6 : 1e9 }

    /// One figure, and the same figure beside files in which it was higher, lower, and of another machine.
    @Test func allBesideEarlierFigures() throws {
      let folder = try Workspace()
      func run(_ more: [String]) throws -> CommandResult {
        try Command.swiftdp(["bench", "all", "--only", "tokenizer"] + more, in: folder)
      }
      let first = try run(["--ranks", "1", "--output", "now.json"])
      #expect(first.code == 0, "\(first.err)")
      let file = try JSON.parse(folder.text("now.json"))
      let figures = try #require(file["figures"]?.elements)
      #expect(figures.count > 1)
      for figure in figures {
        #expect(figure["name"]?.text?.hasPrefix("tokenizer ") == true, "\(figure)")
        #expect((figure["value"]?.double ?? 0) > 0 && figure["unit"]?.text == "share", "\(figure)")
      }
      #expect(file["ranks"]?.integer == 1 && file["processor"]?.text?.isEmpty == false)
      func changed(_ factor: Double, processor: String? = nil) throws {
        let rows = figures.map {
          "{\"name\": \"\($0["name"]!.text!)\", \"value\": \($0["value"]!.double! * factor), \"unit\": \"share\"}"
        }
        try folder.file(
          "before.json",
          "{\"processor\": \"\(processor ?? file["processor"]!.text!)\", \"ranks\": 1, \"figures\": [\(rows.joined(separator: ","))]}"
        )
      }
      try changed(0.01)
      #expect(try run(["--ranks", "1", "--against", "before.json"]).code == 0)
      try changed(100)
      let slower = try run(["--ranks", "1", "--against", "before.json"])
      #expect(slower.code == 1)
      #expect(
        slower.out.contains("  LOSS\n")
          && slower.out.hasSuffix("\(figures.count) figures more than 5 % lower than in before.json\n"))
      try changed(1, processor: "Abacus")
      let other = try run(["--ranks", "1", "--against", "before.json"])
      #expect(other.code == 64 && other.out.isEmpty)
      #expect(
        other.messages == [
          "before.json: was measured on Abacus, 1 rank, and this is \(file["processor"]!.text!), 1 rank "
            + "(compare figures of the same type of machine, with --ranks 1)"
        ])
    }
  }
}

/// A row as it was printed.
private struct BenchedRow {
  let name: String
  let sizes: JSON
  /// Operations or bytes of one repetition, computed from rate and median.
  let work: Double

  func size(_ name: String) throws -> Int { try #require(sizes[name]?.integer) }
}

extension JSON {
  fileprivate func number(_ key: String) throws -> Double { try #require(self[key]?.double) }
  fileprivate func word(_ key: String) throws -> String { try #require(self[key]?.text) }
}
