// A sketch with weights, and ways to run it: gradients as one line, segments in the order in which they came.
import Foundation
import Graph
import Kernels
import Reference
import Tensors
import Testing

struct TrainResult {
  var loss = 0.0
  /// The trained part of the line; NaN where no segment has come.
  var gradients: [Float] = []
  var segments: [Int] = []
}

private struct GivenWeights: WeightReader {
  /// The values of each parameter.
  let values: [[Float]]

  func read(_ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
    for (place, element) in elements.enumerated() { target[place] = values[parameter][element] }
  }
}

final class TestModel {
  let sketch: Sketch
  let adaptation: any Adaptation
  let layout: ParameterLayout
  let weights: WeightLine
  let store: WeightStore

  /// - Parameter freezes: which parameters are not trained, by name.
  init(
    _ sketch: Sketch, bucketCount: Int = 4 << 20, type: ElementType = .float32,
    frozen storage: FrozenStorage = .float32, embeddings: FrozenStorage? = nil,
    adaptation: any Adaptation = FullFineTuning(),
    freezes: (String) -> Bool = { _ in false }
  ) {
    self.sketch = sketch
    self.adaptation = adaptation
    let specs = Graph.parameters(adaptation) { sketch.record(on: $0) }.map { spec in
      var spec = spec
      if !spec.isAdded { spec.trains = spec.trains && !freezes(spec.name) }
      return spec
    }
    layout = ParameterLayout(specs: specs, bucketCount: bucketCount)
    let trainedType: ElementType = specs.contains(where: \.isAdded) ? .float32 : type
    weights = WeightLine(layout.trained, type: trainedType)
    let frozen =
      layout.trainedCount < layout.count
      ? FrozenStore(FrozenPlan(layout, FrozenForm(projections: storage, embeddings: embeddings), type: type))
      : nil
    store = WeightStore(layout, trained: weights, frozen: frozen, type: type)
    var given = [[Float]](repeating: [], count: layout.parameters.count)
    // By the order of use among the model's own and the added ones, so that weights depend neither on what is frozen
    // nor on what is added.
    var (own, added) = (0, 1000)
    for place in layout.forwardOrder {
      let parameter = layout.parameters[place]
      var draw = Draw(parameter.spec.isAdded ? added : own, seed: 99)
      if parameter.spec.isAdded { added += 1 } else { own += 1 }
      let isGain = parameter.spec.initial == .ones
      let values = draw.floats(parameter.range.count, scale: 0.5).map { $0 + (isGain ? 1 : 0) }
      given[place] = values
    }
    let inOrder: TileRunner = { tiles, body in (0..<tiles).forEach(body) }
    try! weights.fill(0..<layout.trainedCount, from: GivenWeights(values: given), on: inOrder)
    try! frozen?.fill(from: GivenWeights(values: given), on: inOrder)
    weights.refreshVectors()
  }

  /// Gives frozen parameters the numbers of another model's line of the same layout.
  func freeze(_ line: [Double]) throws {
    let values = layout.parameters.map { line[$0.range].map { Float($0) } }
    try store.frozen?.fill(from: GivenWeights(values: values)) { tiles, body in (0..<tiles).forEach(body) }
  }

  /// As they are multiplied: rounded, in a bfloat16 model.
  var line: [Double] {
    var line: [Double] = []
    weights.read(0..<layout.trainedCount) { part, values in
      line += part.indices.map { Double(values[$0 - part.lowerBound]) }
    }
    for (index, parameter) in layout.parameters.enumerated() where !parameter.spec.trains {
      var values = [Float](repeating: .nan, count: parameter.range.count)
      values.withUnsafeMutableBufferPointer {
        store.frozen!.read(index, 0..<parameter.range.count, into: $0.baseAddress!)
      }
      let isRounded = store.type == .bfloat16 && parameter.spec.shape.count > 1
      line += values.map { Double(isRounded ? BFloat16(rounding: $0).float : $0) }
    }
    return line
  }

  func program(
    _ shape: BatchShape, purpose: Purpose = .training, recompute: Recompute = .none,
    keeping: ActivationKeeping = ActivationKeeping(), threads: Int = 1, holds: Int = 0
  ) -> Program {
    let graph = Graph(
      layout: layout, type: store.type, trainedType: weights.type, shape: shape, purpose: purpose,
      adaptation: adaptation)
    sketch.record(on: graph)
    return Program(graph, recompute: recompute, keeping: keeping, threads: threads, holds: holds)
  }

  func train(_ program: Program, _ batch: TestBatch, arena: Arena, engine: Engine) -> TrainResult {
    var result = TrainResult(gradients: [Float](repeating: .nan, count: layout.trainedCount))
    result.loss = batch.withInput { input in
      program.run(input, weights: store, arena: arena, engine: engine) { segment, gradients in
        result.segments.append(segment)
        let range = layout.segments[segment].range
        result.gradients.replaceSubrange(
          range, with: UnsafeBufferPointer(start: gradients, count: range.count))
      }
    }
    return result
  }

  /// Records and trains once in fresh memory.
  func train(
    _ batch: TestBatch, recompute: Recompute = .none, keeping: ActivationKeeping = ActivationKeeping(),
    threads: Int = 1,
    poisoned: Bool = false
  ) throws -> TrainResult {
    let program = program(batch.shape, recompute: recompute, keeping: keeping, threads: threads)
    let arena = try Arena(offload: keeping.offloads ? NSTemporaryDirectory() : nil)
    if poisoned { arena.poison(program) }
    return train(program, batch, arena: arena, engine: try Engine(threads: threads))
  }

  /// In a bfloat16 model with the operands of products rounded, on this processor those of attention too.
  func reference(_ batch: TestBatch, training: Bool = true) -> SketchReference {
    var reference = SketchReference(
      sketch: sketch, layout: layout, batch: batch, training: training, adaptation: adaptation)
    guard store.type == .bfloat16 else { return reference }
    reference.rounding = RoundingReference()
    if (try? Engine(threads: 1))?.hasHalfDots == true { reference.attentionRounding = RoundingReference() }
    return reference
  }

  /// Expects each parameter's gradient within a share of its largest element. Gradients that are 0 in theory (biases
  /// of keys) are rounding errors of others, and are compared with the largest of all.
  func expectGradients(
    _ got: [Float], _ want: [Double], tolerance: Double = 1e-5, at location: SourceLocation = #_sourceLocation
  ) {
    let largest = want.reduce(0) { max($0, abs($1)) }
    var compared = 0
    for parameter in layout.parameters where parameter.spec.trains {
      let part = Array(want[parameter.range])
      let scale = max(part.reduce(0) { max($0, abs($1)) }, 0.03 * largest)
      let error = worstError(Array(got[parameter.range]), part, scale: scale)
      #expect(error <= tolerance, "\(parameter.spec.name)", sourceLocation: location)
      compared += 1
    }
    #expect(compared == layout.parameters.filter(\.spec.trains).count && compared > 0)
  }
}

extension Arena {
  /// Fills the memory that a program will use with NaN, so that a read before a write shows.
  func poison(_ program: Program) {
    let count = program.arenaCount + program.gradientCount
    base(count: count).update(repeating: .nan, count: count)
  }
}

func expectSame(
  _ a: TrainResult, _ b: TrainResult, _ what: String, at location: SourceLocation = #_sourceLocation
) {
  #expect(a.loss.bitPattern == b.loss.bitPattern, "loss, \(what)", sourceLocation: location)
  #expect(sameBits(a.gradients, b.gradients), "gradients, \(what)", sourceLocation: location)
}
