// What data stats counts, by hand.
import Base
import Datasets
import Inspection
import Testing
import Tokenizers

@Suite struct StatisticsTests {
  private func statistics(packing: Bool, batchSize: Int = 2) throws -> DataStatistics {
    let folder = try Folder()
    let tokenizer = try Tokenizer(folder: folder.path)
    // With <s> and the end, 12, 22, 32 and 42 tokens.
    let rows = [10, 20, 30, 40].map { count in
      row([
        "prompt": .string(String(repeating: "q", count: count / 2)),
        "completion": .string(String(repeating: "a", count: count / 2)),
      ])
    }
    let options = DataOptions(
      train: [try folder.rows("rows.jsonl", rows)], packing: packing, sequenceLength: 40, seed: 1)
    let encoder = DocumentEncoder(encoding: tokenizer, endOfText: Folder.end)
    let dataset = try Dataset(options, encoder: encoder)
    let facts = InspectionFacts(
      options, labels: nil, encoder: encoder, tokenizer: tokenizer, folder: folder.path,
      endsOfGeneration: [Folder.end], padding: nil)
    let stream = BatchStream(
      count: dataset.train.count, batchSize: batchSize, microBatchSize: 1, seed: 0, shuffle: false)
    return DataStatistics(facts, dataset, stream: stream, names: ["rows"], unit: "target tokens")
  }

  @Test func rowsOfTheirOwn() throws {
    let statistics = try statistics(packing: false)
    #expect(
      statistics.lengths.count == 4 && statistics.lengths.total == 108 && statistics.lengths.longest == 42)
    #expect(statistics.files.cutRows == 1 && statistics.train.tokens == 106)
    // Answers and their ends, of which the cut takes two tokens.
    #expect(statistics.train.targets == 5 + 10 + 15 + 20 + 4 - 2)
    // Micro-batches of one row have lengths that are rounded up: 12, 22, 32 and 40.
    #expect(statistics.steps == 2 && statistics.epochTokens == 106)
    #expect(statistics.places >= 106 && statistics.places <= 112)
    #expect(abs(statistics.efficiency - 106 / Double(statistics.places)) < 1e-12)
    #expect(statistics.sources.map(\.tokens) == [106] && statistics.sources.map(\.epochTokens) == [106])
  }

  @Test func packedRows() throws {
    let statistics = try statistics(packing: true)
    // 12 + 22, 32, 40 tokens in blocks of 40; the second step is filled up with the first block.
    #expect(statistics.train.sequences == 3 && statistics.steps == 2)
    #expect(statistics.places == 160 && statistics.epochTokens == 34 + 32 + 40 + 34)
    #expect(abs(statistics.efficiency - 140.0 / 160) < 1e-12 && statistics.meanRowLength == 40)
  }

  @Test func words() throws {
    var statistics = try statistics(packing: true)
    statistics.time = (secondsOfStep: 60, steps: 6, words: "as estimated")
    let lines = statistics.text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "rows      4 of 1 file, 108 tokens")
    #expect(
      lines[1]
        == "lengths   tokens of a row: shortest 12, mean 27.0, 50 % up to 22, 90 % up to 42, 99 % up to 42, longest 42"
    )
    #expect(lines.contains("cut       1 row (25.0 %) at 40, which loses 2 tokens (1.9 %)"))
    #expect(
      lines.contains("time      about 02:00 an epoch, 06:00 for the run's 6 steps, as estimated"),
      "\(statistics.text)")
    let json = try JSON.parse(statistics.json.encoded())
    #expect(json["packing_efficiency"]?.double == 140.0 / 160 && json["seconds_of_an_epoch"]?.double == 120)
    let bars = json["lengths"]?["histogram"]?.elements ?? []
    #expect(bars.reduce(0) { $0 + ($1["rows"]?.integer ?? 0) } == 4)
  }
}
