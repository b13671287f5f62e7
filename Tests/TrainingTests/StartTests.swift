// What a new adapter begins with where it follows from the base: PiSSA and LoftQ against PEFT's own, whatever the signs
// of singular vectors, and the magnitudes of DoRA.
import Adapters
import Base
import Checkpoints
import Foundation
import Graph
import Kernels
import Models
import Tensors
import Testing

@Suite struct StartTests {
  private static let root = Fixtures.root + "/Tests/Fixtures/"
  private static let bases = ["llama-bias", "gpt2-odd"]

  private struct Start {
    let description: ModelDescription
    let layout: ParameterLayout
    let derived: DerivedWeights
    let base: FolderWeights

    init(_ base: String, _ start: LowRankStart, _ storage: FrozenStorage, dora: Bool = false) throws {
      let folder = StartTests.root + "parity/" + base
      var method = LoRA()
      method.rank = 4
      method.alpha = 12
      method.start = start
      method.dora = dora
      description = try ModelDescription.stored(in: folder).adapted(by: method)
      layout = description.layout
      self.base = try FolderWeights(folder: folder, description, layout: layout)
      derived = try #require(
        DerivedWeights(
          description, layout: layout, base: self.base, storage: storage, engine: try Engine(threads: 1)))
    }

    func values(_ name: String, from reader: any WeightReader) throws -> [Float] {
      let index = try #require(layout.index(of: name))
      let count = layout.parameters[index].range.count
      var values = [Float](repeating: .nan, count: count)
      // In two pieces, as ranks read them.
      for part in [0..<count / 3, count / 3..<count] {
        try values.withUnsafeMutableBufferPointer {
          try reader.read(index, part, into: UnsafeMutableBufferPointer(rebasing: $0[part]))
        }
      }
      return values
    }

    /// scale · B A [outputs, inputs]
    func product(_ module: String) throws -> [Float] {
      let a = try values(module + ".lora_A.weight", from: derived)
      let b = try values(module + ".lora_B.weight", from: derived)
      let (inputs, outputs) = (a.count / 4, b.count / 4)
      return (0..<outputs).flatMap { output in
        (0..<inputs).map { input in
          3 * (0..<4).reduce(Float(0)) { $0 + b[output * 4 + $1] * a[$1 * inputs + input] }
        }
      }
    }

    var modules: [String] {
      layout.parameters.filter(\.spec.isProjection).map { String($0.spec.name.dropLast(".weight".count)) }
    }
  }

  private func turned(_ x: [Float], columns: Int) -> [Float] {
    (0..<columns).flatMap { column in stride(from: column, to: x.count, by: columns).map { x[$0] } }
  }

  @Test(arguments: bases) func pissaTakesTheBaseApart(_ base: String) throws {
    let expected = try SafetensorsFile(Self.root + "starts.safetensors")
    let start = try Start(base, .pissa, .float32)
    var compared = 0
    for module in start.modules {
      let name = "pissa.\(base).\(module)"
      let count = try #require(expected.entry(name)).count
      var want = [Float](repeating: 0, count: count)
      try want.withUnsafeMutableBufferPointer { try expected.read(name, into: $0, range: 0..<count) }
      let product = try start.product(module)
      #expect(relativeError(product, want) < 1e-4, "\(module)")
      // What is left is the rest.
      let shape = try #require(start.layout[module + ".weight"]).spec.shape
      let whole = try start.values(module + ".weight", from: start.base)
      let rest = try start.values(module + ".weight", from: start.derived)
      let part = base.hasPrefix("gpt2") ? turned(product, columns: shape[0]) : product
      #expect(relativeError(zip(rest, part).map { $0 + $1 }, whole) < 1e-6, "\(module)")
      compared += 1
    }
    #expect(compared >= 8)
  }

  @Test(arguments: bases) func loftqTakesTheErrorApart(_ base: String) throws {
    let expected = try SafetensorsFile(Self.root + "starts.safetensors")
    var compared = 0
    for (label, storage) in [("int8", FrozenStorage.int8), ("nf4", .nf4(doubleQuantization: false))] {
      let start = try Start(base, .loftq, storage)
      for module in start.modules {
        let name = "loftq.\(base).\(label).\(module)"
        let count = try #require(expected.entry(name)).count
        var want = [Float](repeating: 0, count: count)
        try want.withUnsafeMutableBufferPointer { try expected.read(name, into: $0, range: 0..<count) }
        let product = try start.product(module)
        #expect(relativeError(product, want) < 1e-3, "\(label) \(module)")
        // The base stays what it was, and what is stored of it is nearer with its term than without.
        let whole = try start.values(module + ".weight", from: start.base)
        let shape = try #require(start.layout[module + ".weight"]).spec.shape
        var stored = whole
        stored.withUnsafeMutableBufferPointer {
          storage.round($0.baseAddress!, rows: shape[0], columns: shape[1])
        }
        let part = base.hasPrefix("gpt2") ? turned(product, columns: shape[0]) : product
        let error = relativeError(stored, whole)
        #expect(relativeError(zip(stored, part).map { $0 + $1 }, whole) < 0.95 * error && error > 0)
        #expect(try start.values(module + ".weight", from: start.derived) == whole)
        compared += 1
      }
    }
    #expect(compared >= 16)
  }

  /// The norm of every output of what is stored, and the model is at first what it was.
  @Test(arguments: bases, [LowRankStart.uniform, .pissa, .loftq])
  func magnitudesAreNorms(_ base: String, _ kind: LowRankStart) throws {
    let start = try Start(base, kind, .int8, dora: true)
    let engine = try Engine(threads: 1)
    var compared = 0
    for module in start.modules {
      let shape = try #require(start.layout[module + ".weight"]).spec.shape
      let isTurned = base.hasPrefix("gpt2")
      var weight = try start.values(module + ".weight", from: start.derived)
      weight.withUnsafeMutableBufferPointer {
        FrozenStorage.int8.round($0.baseAddress!, rows: shape[0], columns: shape[1])
      }
      let (outputs, inputs) = isTurned ? (shape[1], shape[0]) : (shape[0], shape[1])
      let zeros = [Float](repeating: 0, count: 4 * max(outputs, inputs))
      let a = kind.decomposes ? try start.values(module + ".lora_A.weight", from: start.derived) : zeros
      let b = kind.decomposes ? try start.values(module + ".lora_B.weight", from: start.derived) : zeros
      let found = try start.values(module + ".lora_magnitude_vector", from: start.derived)
      var norms = [Float](repeating: .nan, count: outputs)
      var scratch = [Float](repeating: .nan, count: 4 * outputs)
      weight.withUnsafeBufferPointer { weight in
        a.withUnsafeBufferPointer { a in
          b.withUnsafeBufferPointer { b in
            engine.outputNorms(
              of: .float32(ConstMatrix(weight.baseAddress!, rows: shape[0], columns: shape[1])),
              isTurned ? .columns : .rows, a: ConstMatrix(a.baseAddress!, rows: 4, columns: inputs),
              b: ConstMatrix(b.baseAddress!, rows: outputs, columns: 4), scale: 3, rounding: false,
              scratch: &scratch, into: &norms)
          }
        }
      }
      #expect(relativeError(found, norms) < 1e-6, "\(module)")
      compared += 1
    }
    #expect(compared >= 8)
  }
}
