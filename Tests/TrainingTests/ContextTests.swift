// Which ranks compute a sequence together, and which tokens each of them has.
import Base
import Graph
import Models
import Optimizers
import Planning
import Tensors
import Testing
import Training

@Suite struct ContextTests {
  @Test func groupsAreNeighboursOnOneHost() {
    let fitting: [(chunks: Int, hostOf: [Int])] = [
      (2, [0, 0]), (2, [0, 0, 2, 2]), (4, [0, 0]), (4, [0]), (2, [0, 0, 0, 0]),
      (4, [0, 0, 0, 0, 4, 4, 4, 4]),
    ]
    for (chunks, hosts) in fitting {
      #expect(ContextGroup.obstacle(chunks, hostOf: hosts) == nil, "\(chunks) chunks on \(hosts)")
    }
    let others: [(chunks: Int, hostOf: [Int], words: String)] = [
      (2, [0, 0, 0], "3 ranks make no groups of 2"), (4, [0, 0, 0], "3 ranks make no groups of 4"),
      (2, [0, 1], "ranks 0 and 1 of a group are on different hosts"),
      (2, [0, 1, 0, 1], "ranks 0 and 1 of a group are on different hosts"),
      (4, [0, 0, 0, 0, 4, 4, 6, 6], "ranks 4 and 6 of a group are on different hosts"),
      (4, [0, 1], "ranks 0 and 1 of a group are on different hosts"),
    ]
    for (chunks, hosts, words) in others {
      #expect(ContextGroup.obstacle(chunks, hostOf: hosts)?.what == "is \(chunks), and \(words)")
    }
  }

  /// All places once, and as many keys before those of each chunk, to within a piece.
  @Test(arguments: [(8, 2), (30, 2), (64, 4), (1, 4), (33, 3)])
  func chunksHaveAllPlacesOnce(_ length: Int, _ chunks: Int) {
    let pieces = ContextPieces(length: length, chunks: chunks)
    #expect(pieces.length >= length && pieces.length < length + 2 * chunks)
    let places = (0..<chunks).map { chunk in
      (0..<pieces.chunkLength).map { pieces.places(ofChunk: chunk).place(of: $0) }
    }
    #expect(places.joined().sorted() == Array(0..<pieces.length))
    #expect(Set(places.map { $0.reduce(0, +) }).count == 1)
  }

  /// Half of the tokens and of the arena for each of two ranks, and keys and their gradients beside them.
  @Test func estimatesCountTheirParts() throws {
    let config = """
      {"model_type": "gpt2", "n_embd": 64, "n_head": 4, "n_layer": 2, "n_positions": 512, "vocab_size": 512}
      """
    let description = try ModelDescription(config: JSON.parse(config), file: "config.json")
    let layout = ParameterLayout(specs: description.parameters)
    var shape = RunShape(
      batch: BatchShape(sequences: 2, length: 512), type: .float32, rule: AdamW(), recompute: .none,
      stage: .optimizer)
    func estimate(ranks: Int) -> ProgramEstimate {
      ProgramEstimate(
        description, layout: layout, shape, Placement(ranks: ranks, ranksPerHost: ranks, threads: 1))
    }
    let whole = estimate(ranks: 2)
    #expect(whole.contextBytes == 0)
    shape.context = 2
    let two = estimate(ranks: 2)
    #expect(Double(two.activations) < 0.6 * Double(whole.activations))
    #expect(two.productOperations * 2 >= whole.productOperations * 0.99)
    #expect(two.productOperations * 2 <= whole.productOperations * 1.01)
    // Of keys half, and of their gradients those of one chunk.
    let room = 2 * 512 * 2 * 64 * 4
    #expect(two.contextBytes == room / 2 + room)
    #expect(estimate(ranks: 1).contextBytes > 3 * room)
  }
}
