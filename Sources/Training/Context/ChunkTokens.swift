// The tokens of one chunk of a micro-batch, in memory that stays.
import Datasets
import Graph
import Kernels

/// [B, T / C] each.
final class ChunkTokens {
  private var memory = UnsafeMutablePointer<Int32>.allocate(capacity: 0)
  private var capacity = 0
  private var count = 0

  deinit { memory.deallocate() }

  private enum Part: Int, CaseIterable {
    case tokens, targets, positions, types, firstKeys, endKeys, sampleIDs
  }

  private subscript(_ part: Part) -> UnsafeMutablePointer<Int32> { memory + part.rawValue * count }

  /// - Parameters:
  ///   - firstKeys, endKeys: the keys that each token of the batch sees; it is causal.
  ///   - places: which tokens of each row these are; those behind its end are padding, which sees itself.
  func fill(
    _ batch: Batch, firstKeys: [Int32], endKeys: [Int32], _ pieces: ContextPieces, _ places: RowPlaces
  ) {
    let length = pieces.chunkLength
    count = max(batch.rows * length, batch.rows)
    if capacity < count * Part.allCases.count {
      capacity = count * Part.allCases.count
      memory.deallocate()
      memory = .allocate(capacity: capacity)
    }
    for row in 0..<batch.rows {
      self[.sampleIDs][row] = batch.sampleIDs[row]
      for token in 0..<length {
        let (place, target) = (places.place(of: token), row * length + token)
        let source = row * batch.length + place
        let isText = place < batch.length
        self[.tokens][target] = isText ? batch.tokens[source] : Batch.paddingToken
        self[.targets][target] = isText ? batch.targets[source] : Batch.noTarget
        self[.positions][target] = isText ? batch.positions[source] : 0
        self[.types][target] = isText ? batch.types[source] : 0
        self[.firstKeys][target] = isText ? firstKeys[source] : Int32(place)
        self[.endKeys][target] = isText ? endKeys[source] : Int32(place) + 1
      }
    }
  }

  /// Valid until it is filled again.
  func input(_ places: RowPlaces, _ chunk: ContextChunk) -> GraphInput {
    var input = GraphInput(
      stream: TokenStream(
        tokens: self[.tokens], positions: self[.positions], types: self[.types],
        keys: KeyIntervals(first: self[.firstKeys], end: self[.endKeys])),
      targets: self[.targets], sampleIDs: self[.sampleIDs])
    input.places = places
    input.chunk = chunk
    return input
  }
}
