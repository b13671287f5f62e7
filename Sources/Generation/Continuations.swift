// Texts that a model continues side by side: tokens go in, the logits of what follows come out.
import Base
import Graph
import Kernels
import Models

/// Keeps the keys and values of the tokens so far, and of sources, and a program for every shape in which tokens are read. What a text
/// gets is the same bits whichever texts are read with it, and however it is cut.
package final class Continuations {
  private let description: ModelDescription
  private let weights: WeightStore
  private let engine: Engine
  private let arena = Arena()
  private let cache: KeyValueCache
  /// Rows that stand before the tokens of every text, whatever these numbers are.
  private let virtualTokens: [Int32]
  private var programs = ProgramCache()
  private var tokens: [Int32] = []
  private var positions: [Int32] = []
  private var firstKeys: [Int32] = []
  private var endKeys: [Int32] = []
  private var sampleIDs: [Int32] = []
  private var targets: [Int32] = []
  /// Of the texts of the run that scored.
  private var lengths: [Int] = []
  private var sources = Sources()

  /// - Parameters:
  ///   - texts: the most texts at once.
  ///   - capacity: the tokens of the longest text, at most as many as the model can read.
  ///   - sourceCapacity: those of the longest source, for models that read sources.
  package init(
    _ description: ModelDescription, weights: WeightStore, engine: Engine, texts: Int, capacity: Int,
    sourceCapacity: Int = 0
  ) {
    self.description = description
    self.weights = weights
    self.engine = engine
    let virtual = description.virtualPositions
    virtualTokens = [Int32](repeating: 0, count: virtual.rows)
    cache = KeyValueCache(
      sequences: texts, capacity: virtual.count + capacity, sourceCapacity: sourceCapacity,
      prefix: virtual.keys)
    sources.lengths = [Int](repeating: 0, count: texts)
  }

  /// Reads tokens that follow those that were read of the same texts before.
  /// - Parameters:
  ///   - parts: ids of the model's vocabulary, at least one of each text.
  ///   - sources: what the texts answer to, when their first tokens are read; nil later, and for models that read no
  ///     sources.
  ///   - first: the number of the first text; the others follow.
  /// - Returns: the logits of the token that follows each text, [texts, V]; valid until the next call.
  package func read(
    _ parts: [ArraySlice<Int32>], sources given: [[Int32]]? = nil, first: Int = 0
  ) -> UnsafeBufferPointer<Float> {
    run(parts, sources: given, first: first, targets: nil).output(arena: arena)
  }

  /// Reads tokens likewise, and tells how likely the tokens are that follow.
  /// - Parameters:
  ///   - targets: of each text, the tokens that follow its last ones: at most as many as are read.
  ///   - first: as with `read`.
  /// - Returns: for each text the losses of its targets in nats, and whether each is the likeliest token.
  package func scores(
    _ parts: [ArraySlice<Int32>], targets: [ArraySlice<Int32>], first: Int = 0
  ) -> [[(loss: Double, isLikeliest: Bool)]] {
    let program = run(parts, sources: nil, first: first, targets: targets)
    let outputs = program.outputs
    let (rows, length) = (program.shape.rows, program.shape.length)
    return targets.enumerated().map { text, targets in
      // Virtual tokens that were put before the others moved them.
      let end = text * length + lengths[text]
      return (end - targets.count..<end).map { (outputs[$0], outputs[rows + $0] == 1) }
    }
  }

  /// - Parameter targets: nil for the logits of the last tokens.
  private func run(
    _ parts: [ArraySlice<Int32>], sources given: [[Int32]]?, first: Int, targets wanted: [ArraySlice<Int32>]?
  ) -> Program {
    let parts = virtualTokens.isEmpty ? parts : withVirtualTokens(parts, first: first)
    let longest = parts.reduce(0) { max($0, $1.count) }
    // A few lengths are enough for texts of all lengths.
    let length = wanted == nil || longest < 16 ? longest : (longest + 7) / 8 * 8
    cache.begin(first: first, lengths: parts.map(\.count))
    fill(parts, first: first, length: length)
    if let wanted { fillTargets(wanted, parts, length: length) }
    sources.fill(given, first: first, texts: parts.count, length: length)
    let shape = BatchShape(sequences: parts.count, length: length, sourceLength: sources.length)
    let purpose = wanted == nil ? Purpose.decoding(cache) : .scoring(cache)
    let program = programs.program(ProgramCache.Key(shape: shape, purpose: purpose, dropout: false)) {
      let graph = Graph(
        layout: weights.layout, type: weights.type, trainedType: weights.trained.type, shape: shape,
        purpose: purpose, adaptation: description.adaptation)
      description.record(on: graph)
      return Program(graph, threads: engine.pool.threads)
    }
    tokens.withUnsafeBufferPointer { tokens in
      positions.withUnsafeBufferPointer { positions in
        firstKeys.withUnsafeBufferPointer { firstKeys in
          endKeys.withUnsafeBufferPointer { endKeys in
            sampleIDs.withUnsafeBufferPointer { sampleIDs in
              targets.withUnsafeBufferPointer { targets in
                sources.with { source, sourceKeys in
                  let stream = TokenStream(
                    tokens: tokens.baseAddress!, positions: positions.baseAddress!,
                    keys: KeyIntervals(first: firstKeys.baseAddress!, end: endKeys.baseAddress!))
                  let input = GraphInput(
                    stream: stream, source: source, sourceKeys: sourceKeys,
                    targets: wanted == nil ? tokens.baseAddress! : targets.baseAddress!,
                    sampleIDs: sampleIDs.baseAddress!)
                  _ = program.run(input, weights: weights, arena: arena, engine: engine)
                }
              }
            }
          }
        }
      }
    }
    cache.finish()
    return program
  }

  /// The targets of the run, [texts, length], -1 where there is none.
  private func fillTargets(_ wanted: [ArraySlice<Int32>], _ parts: [ArraySlice<Int32>], length: Int) {
    lengths = parts.map(\.count)
    targets = [Int32](repeating: -1, count: parts.count * length)
    for (row, own) in wanted.enumerated() {
      precondition(own.count <= parts[row].count, "a target is predicted by a token that is read")
      for (place, target) in own.enumerated() {
        targets[row * length + parts[row].count - own.count + place] = target
      }
    }
  }

  /// The same with virtual tokens before texts that begin.
  private func withVirtualTokens(_ parts: [ArraySlice<Int32>], first: Int) -> [ArraySlice<Int32>] {
    parts.enumerated().map { row, part in cache.counts[first + row] == 0 ? virtualTokens + part : part }
  }

  /// The tokens of the run, [texts, length]: a query sees its own text up to itself, and padding sees nothing.
  private func fill(_ parts: [ArraySlice<Int32>], first: Int, length: Int) {
    tokens.removeAll(keepingCapacity: true)
    positions.removeAll(keepingCapacity: true)
    endKeys.removeAll(keepingCapacity: true)
    for (row, part) in parts.enumerated() {
      let start = Int32(cache.counts[first + row])
      tokens += part
      for place in 0..<Int32(part.count) {
        positions.append(start + place)
        endKeys.append(start + place + 1)
      }
      let padding = repeatElement(Int32(0), count: length - part.count)
      tokens += padding
      positions += padding
      endKeys += padding
    }
    firstKeys = [Int32](repeating: 0, count: tokens.count)
    sampleIDs = [Int32](repeating: 0, count: parts.count)
  }

  /// Ends a text: the last of `count` texts takes its number.
  package func end(_ text: Int, of count: Int) {
    copy(count - 1, to: text)
    clear(count - 1)
  }

  /// Copies a text to the number of another one, which is forgotten.
  package func copy(_ text: Int, to target: Int) {
    cache.copy(text, to: target)
    sources.lengths[target] = sources.lengths[text]
  }

  /// Makes a number free.
  package func clear(_ text: Int) { cache.clear(text) }

  /// Puts copies of texts in the place of neighbouring ones; the last number of all has to be free.
  /// - Parameter texts: what comes to `first` and the numbers behind it, all of them among these numbers.
  func rearrange(_ texts: [Int], from first: Int) {
    let spare = cache.sequences - 1
    var wanted = texts
    var open = wanted.indices.filter { wanted[$0] != first + $0 }
    while !open.isEmpty {
      // A text that no other place waits for can be written over; in a ring, one moves out of the way.
      if let ready = open.firstIndex(where: { place in
        !open.contains { $0 != place && wanted[$0] == first + place }
      }) {
        let place = open.remove(at: ready)
        copy(wanted[place], to: first + place)
      } else {
        let place = first + open[0]
        copy(place, to: spare)
        for other in open where wanted[other] == place { wanted[other] = spare }
      }
    }
    clear(spare)
  }
}
