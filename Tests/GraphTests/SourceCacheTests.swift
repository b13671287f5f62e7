// Keys and values of a source are put into the cache once, and read there by later tokens.
import Graph
import Kernels
import Reference
import Tensors
import Testing

@Suite struct SourceCacheTests {
  private let form = AttentionForm(heads: 4, keyHeads: 2, headWidth: 3, isCausal: false)

  /// Logits of one attention to the source, which is the text itself.
  private func record(_ graph: Graph, readsSource: Bool) {
    let x = graph.embedding("embed", vocabulary: 13, columns: 8)
    let q = graph.linear(x, "q", columns: 12, bias: false)
    let kv = readsSource ? graph.linear(x, "kv", columns: 12, bias: false) : nil
    let a = graph.sourceAttention(q, kv, form)
    graph.languageModelHead(
      graph.linear(a, "o", columns: 8, bias: false), weight: "embed", vocabulary: 13)
  }

  @Test func laterTokensReadWhatWasStored() throws {
    let layout = ParameterLayout(specs: Graph.parameters { record($0, readsSource: true) })
    let weights = WeightLine(layout, type: .float32)
    var draw = Draw(300)
    let values = draw.floats(layout.count)
    weights.floats.update(from: values, count: layout.count)
    let store = WeightStore(weights)
    let engine = try Engine(threads: 2)
    let batch = TestBatch(BatchShape(sequences: 3, length: 5), vocabulary: 13, draw: &draw)
    // One sequence more than are read, and more room than a source takes.
    let cache = KeyValueCache(sequences: 4, capacity: 9, sourceCapacity: 7)

    func logits(_ length: Int, readsSource: Bool, _ change: (inout GraphInput) -> Void) -> [Float] {
      cache.begin(first: 1, lengths: [Int](repeating: length, count: 3))
      let graph = Graph(
        layout: layout, type: .float32, shape: BatchShape(sequences: 3, length: length),
        purpose: .decoding(cache))
      record(graph, readsSource: readsSource)
      let arena = Arena()
      let program = Program(graph, threads: 2)
      _ = batch.withInput { input in
        var input = input
        change(&input)
        return program.run(input, weights: store, arena: arena, engine: engine)
      }
      cache.finish()
      return Array(program.output(arena: arena))
    }
    // The logits of the last tokens, with all of the text as source; then of the same tokens alone.
    let whole = logits(5, readsSource: true) { _ in }
    let last = (0..<3).map { batch.tokens[$0 * 5 + 4] }
    let ends = (0..<3).map { batch.sourceEndKeys[$0 * 5 + 4] }
    let alone = last.withUnsafeBufferPointer { last in
      ends.withUnsafeBufferPointer { ends in
        logits(1, readsSource: false) { input in
          input.stream.tokens = last.baseAddress!
          input.sourceKeys = KeyIntervals(first: input.sourceKeys!.first, end: ends.baseAddress!)
        }
      }
    }
    #expect(whole.count == 39 && sameBits(alone, whole))
    #expect(Set(whole).count > 30)
    // A sequence takes its source along.
    cache.copy(3, to: 0)
    cache.copy(0, to: 2)
    let moved = [last[0], last[2], last[1]]
    let movedEnds = [ends[0], ends[2], ends[1]]
    let after = moved.withUnsafeBufferPointer { moved in
      movedEnds.withUnsafeBufferPointer { ends in
        logits(1, readsSource: false) { input in
          input.stream.tokens = moved.baseAddress!
          input.sourceKeys = KeyIntervals(first: input.sourceKeys!.first, end: ends.baseAddress!)
        }
      }
    }
    #expect(sameBits(Array(after[..<26]), Array(whole[..<13]) + Array(whole[26...])))
  }
}
