// A text that a model continues: tokens go in, the logits of what follows come out.
import Datasets
import Graph

/// Keeps the keys and values of the tokens so far, and a program for each number of tokens that are read at once.
package final class Continuation {
  private let replica: Replica
  private let cache: KeyValueCache
  private var programs: [Int: Program] = [:]

  /// - Parameter capacity: the tokens of the whole text, at most the model's maximum.
  package init(_ replica: Replica, capacity: Int) {
    self.replica = replica
    cache = KeyValueCache(capacity: capacity)
  }

  /// Reads tokens that follow those that were read before.
  /// - Parameter tokens: ids of the model's vocabulary.
  /// - Returns: the logits of the token that follows, [V]; valid until the replica runs again.
  package func read(_ tokens: [Int32]) -> UnsafeBufferPointer<Float> {
    let count = tokens.count
    let program = programs[count] ?? replica.decoding(length: count, cache: cache)
    programs[count] = program
    let batch = Batch(
      rows: 1, length: count, tokens: tokens, targets: [Int32](repeating: Batch.noTarget, count: count),
      positions: (0..<count).map { Int32(cache.count + $0) },
      sampleIDs: [0], sequences: [0], targetCount: 0)
    replica.run(program, on: batch)
    cache.count += count
    return replica.output(of: program)
  }
}
