// What a bottleneck behind or beside a part of a frozen layer costs: values that are kept, and products.
import Graph
import Tensors
import Testing

@Suite struct BottleneckTests {
  private static let width = 64
  private static let shape = BatchShape(sequences: 1, length: 256)

  private struct Chosen: Adaptation {
    var bottleneck: Bottleneck?
    var layers = 0..<100
    func trains(_ parameter: String) -> Bool { false }
    func bottleneck(at part: LayerPart) -> Bottleneck? {
      layers.contains(Int(part.module.dropFirst()) ?? -1) ? bottleneck : nil
    }
  }

  /// A chain of projections, each with a sum behind it.
  private func program(layers: Int, _ adaptation: Chosen, _ purpose: Purpose = .training) -> Program {
    func record(_ graph: Graph) {
      var x = graph.embedding("table", vocabulary: 7, columns: Self.width)
      for layer in 0..<layers {
        let h = graph.linear(x, "p\(layer)", columns: Self.width, bias: true)
        x = graph.addPart(h, to: x, .feedForward, "l\(layer)")
      }
      graph.languageModelHead(x, weight: "head", vocabulary: 7)
    }
    let graph = Graph(
      layout: ParameterLayout(specs: Graph.parameters(adaptation, of: record), bucketCount: 1024),
      type: .float32, shape: Self.shape, purpose: purpose, adaptation: adaptation)
    record(graph)
    return Program(graph, threads: 1)
  }

  /// What a layer more keeps, in matrices of [rows, width].
  private func growth(_ adaptation: Chosen) -> Double {
    let counts = [4, 12].map { program(layers: $0, adaptation).arenaCount }
    return Double(counts[1] - counts[0]) / 8 / Double(Self.shape.rows * Self.width)
  }

  private static let bottlenecks: [Bottleneck] = {
    let houlsby = Bottleneck(columns: 4, activation: .relu)
    var (pfeiffer, parallel) = (houlsby, houlsby)
    pfeiffer.readsSum = true
    parallel.isParallel = true
    parallel.scale = 4
    return [houlsby, pfeiffer, parallel]
  }()

  @Test func onlyWhatATrainedProjectionReadsIsKept() {
    #expect(growth(Chosen(bottleneck: nil)) == 0)
    for bottleneck in Self.bottlenecks {
      // What W1 reads, and its outputs, which are a sixteenth of that.
      #expect(growth(Chosen(bottleneck: bottleneck)) == 17.0 / 16, "\(bottleneck)")
      // Nothing is trained behind the first.
      #expect(growth(Chosen(bottleneck: bottleneck, layers: 0..<1)) == 0, "\(bottleneck)")
    }
  }

  @Test func operationsAreCounted() {
    let one = 2 * Double(Self.shape.rows * Self.width * 4)
    for bottleneck in Self.bottlenecks {
      let adaptation = Chosen(bottleneck: bottleneck, layers: 2..<3)
      func operations(_ layers: Int, _ adaptation: Chosen, _ purpose: Purpose) -> Double {
        program(layers: layers, adaptation, purpose).productOperations
      }
      let none = operations(3, Chosen(bottleneck: nil), .loss)
      #expect(operations(3, adaptation, .loss) - none == 2 * one)
      // Backward goes through the head, both gradients of W2 and that of W1, and no further.
      let head = 2 * Double(Self.shape.rows * Self.width * 7)
      let training = operations(3, adaptation, .training) - operations(3, adaptation, .loss)
      #expect(training == head + 3 * one, "\(bottleneck)")
    }
  }

  /// Bottlenecks have names, shapes and first numbers of AdapterHub's, and decay as its matrices and biases do.
  @Test func parametersAreAdded() {
    let specs = Graph.parameters(Chosen(bottleneck: Self.bottlenecks[0])) { graph in
      let x = graph.embedding("table", vocabulary: 7, columns: 8)
      _ = graph.addPart(graph.linear(x, "p", columns: 8, bias: false), to: x, .attention, "l3")
    }.filter(\.isAdded)
    #expect(
      specs.map(\.name) == [
        "l3.adapters.adapter_down.0.weight", "l3.adapters.adapter_down.0.bias",
        "l3.adapters.adapter_up.weight", "l3.adapters.adapter_up.bias",
      ])
    #expect(specs.map(\.shape) == [[4, 8], [4], [8, 4], [8]])
    #expect(specs.map(\.decays) == [true, false, true, false])
    #expect(specs.map(\.initial) == [.normal(deviation: 0.02), .zeros, .normal(deviation: 0.02), .zeros])
  }
}
