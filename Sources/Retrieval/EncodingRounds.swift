// Vectors of texts, over all ranks: the first one reads the texts and keeps the vectors, and each makes some of them.
import Base
import Collectives

package final class EncodingRounds {
  private let encoder: any PassageEncoder
  private let ranks: Ranks
  /// Whether all ranks have left the rounds because of a mistake of one.
  private var isStopped = false
  /// How many texts were longer than the encoder reads.
  package private(set) var cutTexts = 0

  private init(_ encoder: any PassageEncoder, _ ranks: Ranks) {
    (self.encoder, self.ranks) = (encoder, ranks)
  }

  /// Runs something on the first rank that asks for vectors, in which all others help. Collective.
  /// - Returns: what it returns; nil on the others.
  package static func run<T>(
    _ encoder: any PassageEncoder, _ ranks: Ranks, _ body: (EncodingRounds) throws -> T
  ) throws -> T? {
    let rounds = EncodingRounds(encoder, ranks)
    guard ranks.isFirst else {
      while true {
        let count = ranks.broadcast(0)
        if count < 0 { break }
        _ = try rounds.round([], count: count)
      }
      try ranks.together {}
      return nil
    }
    let result = Result { try body(rounds) }
    if rounds.isStopped { return try result.get() }
    _ = ranks.broadcast(-1)
    return try ranks.together { try result.get() }
  }

  /// The vectors of some texts, [n, width]. On the first rank, within `run`.
  package func vectors(of texts: [[UInt8]]) throws -> [Float] {
    guard !texts.isEmpty else { return [] }
    _ = ranks.broadcast(texts.count)
    do { return try round(texts, count: texts.count) } catch {
      isStopped = true
      throw error
    }
  }

  private func round(_ given: [[UInt8]], count: Int) throws -> [Float] {
    let texts = shared(given, count: count)
    // Long texts take longest, so that they are dealt out first.
    let order = texts.indices.sorted { (texts[$1].count, $0) < (texts[$0].count, $1) }
    let mine = stride(from: ranks.rank, to: count, by: ranks.count).map { order[$0] }
    var made: [Float] = []
    let cut = try ranks.together {
      let (vectors, cutTexts) = try encoder.vectors(of: mine.map { texts[$0] })
      made = vectors
      return cutTexts
    }
    cutTexts += ranks.sum(cut)
    let all = ranks.gatherOnFirst(made.withUnsafeBytes { Array($0) })
    guard ranks.isFirst else { return [] }
    let width = encoder.width
    return [Float](unsafeUninitializedCapacity: count * width) { buffer, filled in
      let target = UnsafeMutableRawBufferPointer(buffer)
      for (place, text) in order.enumerated() {
        let start = place / ranks.count * width * 4
        let row = UnsafeMutableRawBufferPointer(rebasing: target[4 * text * width..<4 * (text + 1) * width])
        row.copyBytes(from: all[place % ranks.count][start..<start + 4 * width])
      }
      filled = count * width
    }
  }

  /// Gives all ranks the texts of the first one.
  private func shared(_ texts: [[UInt8]], count: Int) -> [[UInt8]] {
    guard ranks.count > 1 else { return texts }
    var lengths = ranks.isFirst ? texts.map(\.count) : [Int](repeating: 0, count: count)
    lengths.withUnsafeMutableBytes { ranks.broadcast($0) }
    var bytes = ranks.isFirst ? Array(texts.joined()) : [UInt8](repeating: 0, count: lengths.reduce(0, +))
    bytes.withUnsafeMutableBytes { ranks.broadcast($0) }
    var start = 0
    return lengths.map { length in
      defer { start += length }
      return Array(bytes[start..<start + length])
    }
  }
}
