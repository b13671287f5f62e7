// The statistics of data as words for a terminal, and as JSON.
import Base
import Foundation

extension DataStatistics {
  private static let bars = 16
  private static let percentiles = [50.0, 90, 99]

  package var text: String {
    func line(_ label: String, _ text: String) -> String { cell(label, width: 10) + text }
    var lines = [line("rows", rowWords)]
    if let shortest = lengths.count > 0 ? lengths.shortest : nil {
      let percentiles = Self.percentiles.compactMap { percent in
        lengths.percentile(percent).map { "\(Int(percent)) % up to \(grouped($0))" }
      }
      lines.append(
        line(
          "lengths",
          "tokens of a row: shortest \(grouped(shortest)), mean \(decimals(meanLength, 1)), \(percentiles.joined(separator: ", ")), longest \(grouped(lengths.longest))"
        ))
      lines += histogram.map { line("", $0) }
    }
    lines.append(line("cut", cutWords))
    lines.append(line("sequences", sequenceWords))
    lines.append(line("batches", batchWords))
    if sources.count > 1 { lines += sourceLines }
    lines.append(line("time", timeWords))
    return lines.joined(separator: "\n")
  }

  private var meanLength: Double { lengths.count > 0 ? Double(lengths.total) / Double(lengths.count) : 0 }

  private var rowWords: String {
    let empty = files.files.reduce(0) { $0 + $1.emptyRows }
    return "\(grouped(files.rows)) of \(counted(files.files.count, "file")), \(grouped(files.tokens)) tokens"
      + (empty > 0 ? "; \(counted(empty, "empty row")) left out" : "")
  }

  private var cutWords: String {
    let tokens = files.files.reduce(0) { $0 + $1.cutTokens }
    let cut =
      files.cutRows == 0
      ? "no row is longer than \(grouped(sequenceLength)) tokens where it may not be"
      : "\(counted(files.cutRows, "row")) (\(percent(files.cutRows, of: files.rows))) at \(grouped(sequenceLength)), which loses \(grouped(tokens)) tokens (\(percent(tokens, of: files.tokens)))"
    return cut
      + (files.droppedTokens > 0 ? "; \(grouped(files.droppedTokens)) tokens at the end of text dropped" : "")
  }

  private var sequenceWords: String {
    let held =
      validation.map { "; validation \(grouped($0.sequences)) with \(grouped($0.tokens)) tokens" } ?? ""
    return
      "\(grouped(train.sequences)) to train on, with \(grouped(train.tokens)) tokens and \(grouped(train.targets)) \(unit)"
      + (unit.contains("token") ? " (\(percent(train.targets, of: train.tokens)))" : "") + held
  }

  private var batchWords: String {
    "\(counted(steps, "step")) of \(counted(batchSize, "sample")) an epoch: \(decimals(100 * efficiency, 1)) % of their \(grouped(places)) places hold a token, \(decimals(100 * (1 - efficiency), 1)) % are padding"
  }

  private var timeWords: String {
    guard let time else { return "not known" }
    func about(_ seconds: Double) -> String {
      seconds < 60 ? decimals(seconds, seconds < 10 ? 1 : 0) + " s" : duration(seconds)
    }
    return
      "about \(about(time.secondsOfStep * Double(steps))) an epoch, \(about(time.secondsOfStep * Double(time.steps))) for the run's \(counted(time.steps, "step")), \(time.words)"
  }

  private var histogram: [String] {
    let bars = lengths.bars(Self.bars)
    let most = max(bars.map(\.count).max() ?? 1, 1)
    let width = grouped(bars.last?.start ?? 0).count
    let counts = bars.map { grouped($0.count).count }.max() ?? 1
    return bars.map { bar in
      let start = grouped(bar.start)
      let length = bar.count > 0 ? max(1, bar.count * 40 / most) : 0
      let number = grouped(bar.count)
      return String(repeating: " ", count: width - start.count) + start + "… "
        + String(repeating: " ", count: counts - number.count) + number
        + (length > 0 ? " " + String(repeating: "█", count: length) : "")
    }
  }

  private var sourceLines: [String] {
    let table =
      [["source", "sequences", "tokens", unit, "tokens of an epoch", "share"]]
      + sources.map {
        [
          $0.name, grouped($0.sequences), grouped($0.tokens), grouped($0.targets), grouped($0.epochTokens),
          percent($0.epochTokens, of: epochTokens),
        ]
      }
    let widths = table[0].indices.map { column in table.map { $0[column].count }.max() ?? 0 }
    return table.map { row in
      row.enumerated().map { column, text in
        let space = String(repeating: " ", count: widths[column] - text.count)
        return column == 0 ? text + space : space + text
      }.joined(separator: "  ")
    }
  }

  package var json: JSON {
    let bars = lengths.bars(Self.bars).map {
      JSON.object(["from": .integer($0.start), "rows": .integer($0.count)])
    }
    let percentiles = Self.percentiles.compactMap { percent in
      lengths.percentile(percent).map { ("\(Int(percent))", JSON.integer($0)) }
    }
    var members: [(String, JSON)] = [
      ("rows", .integer(files.rows)), ("tokens", .integer(files.tokens)),
      (
        "lengths",
        .object([
          "shortest": .integer(lengths.count > 0 ? lengths.shortest : 0), "mean": .number(meanLength),
          "longest": .integer(lengths.longest), "percentiles": .object(members: percentiles),
          "histogram": .array(bars),
        ])
      ),
      ("cut_rows", .integer(files.cutRows)),
      ("cut_tokens", .integer(files.files.reduce(0) { $0 + $1.cutTokens })),
      ("dropped_tokens", .integer(files.droppedTokens)), ("sequences", .integer(train.sequences)),
      ("train_tokens", .integer(train.tokens)), ("targets", .integer(train.targets)),
      ("steps_of_an_epoch", .integer(steps)), ("places_of_an_epoch", .integer(places)),
      ("tokens_of_an_epoch", .integer(epochTokens)), ("packing_efficiency", .number(efficiency)),
      ("padding", .number(1 - efficiency)),
      (
        "sources",
        .array(
          sources.map {
            .object([
              "name": .string($0.name), "sequences": .integer($0.sequences), "tokens": .integer($0.tokens),
              "targets": .integer($0.targets), "tokens_of_an_epoch": .integer($0.epochTokens),
            ])
          })
      ),
    ]
    if let validation {
      members.append(
        (
          "validation",
          .object([
            "sequences": .integer(validation.sequences), "tokens": .integer(validation.tokens),
            "targets": .integer(validation.targets),
          ])
        ))
    }
    if let time {
      members += [
        ("seconds_of_a_step", .number(time.secondsOfStep)),
        ("seconds_of_an_epoch", .number(time.secondsOfStep * Double(steps))), ("steps", .integer(time.steps)),
      ]
    }
    return .object(members: members)
  }
}
