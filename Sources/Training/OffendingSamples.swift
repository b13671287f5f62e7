// Finds the samples of a step that a non-finite loss, or the largest loss, comes from.
import Base
import Datasets
import Foundation

/// Names samples by file and line. It is for the rare step that goes wrong: it computes losses again, one sequence at
/// a time.
struct OffendingSamples {
  /// How many samples are named.
  private static let named = 5
  /// How many samples are computed again at most, while the other ranks wait.
  private static let looked = 64

  let sequences: TokenSequences
  let replica: Replica
  let mask: PackingMask
  /// Gives the text of tokens, to find its line in a text file.
  let decode: @Sendable (ArraySlice<Int32>) -> String

  /// - Parameters:
  ///   - microBatches: the micro-batches of the step, with the sums of their losses.
  func words(_ microBatches: [MicroBatch], losses: [Double]) -> String {
    let bad = microBatches.indices.filter { !losses[$0].isFinite }
    if !bad.isEmpty { return notFinite(bad.flatMap { microBatches[$0].sequences }, of: microBatches) }
    func mean(_ index: Int) -> Double {
      losses[index] / Double(max(sequences.targetCount(of: microBatches[index].sequences), 1))
    }
    guard let worst = microBatches.indices.max(by: { mean($0) < mean($1) }) else { return "" }
    let ranked = microBatches[worst].sequences.map { ($0, meanLoss($0)) }.sorted { $0.1 > $1.1 }
    let names = ranked.prefix(Self.named).map { "\(place($0.0)) (\(decimals($0.1)))" }
    return "with the largest loss in \(list(names, of: ranked.count))"
  }

  private func notFinite(_ candidates: [Int], of microBatches: [MicroBatch]) -> String {
    let looked = candidates.prefix(Self.looked)
    let found = looked.filter { !meanLoss($0).isFinite }
    // Dropout draws differently for each, so the loss may be finite when each is computed alone.
    let offending = found.isEmpty ? Array(looked) : found
    let names = offending.prefix(Self.named).map(place)
    let all = microBatches.reduce(0) { $0 + $1.sequences.count }
    let places = list(names, of: offending.count, orMore: candidates.count - looked.count)
    return found.count == all && all > 1 ? "in all of its \(all) sequences: \(places)" : "in \(places)"
  }

  /// - Parameter rest: how many more there may be.
  private func list(_ names: [String], of count: Int, orMore rest: Int = 0) -> String {
    let more = count - names.count + rest
    return names.joined(separator: ", ")
      + (more > 0 ? " and \(rest > 0 ? "up to " : "")\(more) more" : "")
  }

  private func meanLoss(_ sequence: Int) -> Double {
    var batch = Batch()
    let sample = MicroBatch(sequences: Array(sequences.sample(of: sequence)), firstSample: 0)
    replica.objective.fill(&batch, with: sample, of: sequences, mask: mask)
    return batch.targetCount > 0 ? replica.loss(batch) / Double(batch.targetCount) : 0
  }

  /// `file:12`, or `file:12-19` for a block of several consecutive rows.
  private func place(_ sequence: Int) -> String {
    var places: [(file: String, first: Int, last: Int)] = []
    for span in sequences.spans(of: sequence) {
      let source = sequences.spanSources[span]
      let file = sequences.files[Int(source.file)]
      let line = Int(source.line)
      let lines = line > 0 ? line...line : textLines(span, of: file) ?? 0...0
      if let last = places.last, last.file == file, lines.lowerBound >= last.last, last.last > 0 {
        places[places.count - 1].last = lines.upperBound
      } else {
        places.append((file, lines.lowerBound, lines.upperBound))
      }
    }
    return places.map { place in
      if place.first == 0 { return place.file }
      return "\(place.file):\(place.first)" + (place.last > place.first ? "-\(place.last)" : "")
    }.joined(separator: " + ")
  }

  /// The lines of a text file that a part of it covers, found by its own words. Nil if the tokenizer changes the
  /// text, or if the words occur twice.
  private func textLines(_ span: Int, of file: String) -> ClosedRange<Int>? {
    // A block may begin and end inside a character.
    let edges = CharacterSet(charactersIn: "\u{FFFD}")
    let text = Array(
      decode(sequences.tokens[sequences.tokenRange(ofSpan: span)]).trimmingCharacters(in: edges).utf8)
    guard !text.isEmpty, let held = try? DataBytes(file) else { return nil }
    return try? withExtendedLifetime(held) { () -> ClosedRange<Int>? in
      let bytes = held.bytes
      // Swift's Glibc has no memmem.
      func find(from start: Int) -> Int? {
        var start = start
        while start + text.count <= bytes.count {
          let room = bytes.count - text.count - start + 1
          guard let found = memchr(bytes.baseAddress! + start, Int32(text[0]), room) else { return nil }
          if memcmp(found, text, text.count) == 0 { return UnsafeRawPointer(found) - bytes.baseAddress! }
          start = UnsafeRawPointer(found) - bytes.baseAddress! + 1
        }
        return nil
      }
      guard let start = find(from: 0), find(from: start + 1) == nil else { return nil }
      let line = 1 + bytes[..<start].count { $0 == UInt8(ascii: "\n") }
      try held.check()
      return line...line + text.dropLast().count { $0 == UInt8(ascii: "\n") }
    }
  }
}
