// An update rule on its own parameters, cut into slices as this many ranks would cut them, all in this process.
import Kernels
import Optimizers
import Sharding
import Tensors
import Testing

final class RuleRun {
  let layout: ParameterLayout
  let rule: any UpdateRule
  private let line: WeightLine
  /// The numbers of the line.
  let weights: FlatMemory
  let gradients: FlatMemory
  let optimizer: ShardedOptimizer
  private let engine: Engine
  private var step = 0

  /// - Parameter slices: the slices of every bucket, one after the other in this process's memory.
  init(_ specs: [ParameterSpec], _ rule: any UpdateRule, slices: Int, threads: Int) throws {
    layout = ParameterLayout(specs: specs, bucketCount: 4096)
    self.rule = rule
    line = WeightLine(layout, type: .float32)
    weights = FlatMemory(
      UnsafeMutableRawPointer(line.floats), count: layout.count, of: line, counted: 0, label: "weights")
    gradients = FlatMemory(count: layout.count, label: "gradients")
    engine = try Engine(threads: threads)
    optimizer = try ShardedOptimizer(
      map: ShardMap(layout: layout, stage: .replicas, rank: 0, ranks: slices), rule: rule, engine: engine,
      ledger: nil)
  }

  /// Sets a parameter's numbers in a line.
  func set(_ line: FlatMemory, _ name: String, _ values: [Float]) throws {
    let range = try #require(layout[name]).range
    try #require(values.count == range.count)
    (line.base + range.lowerBound).update(from: values, count: values.count)
  }

  var norm: Double {
    (0..<gradients.count).reduce(0.0) { $0 + Double(gradients.base[$1]) * Double(gradients.base[$1]) }
      .squareRoot()
  }

  /// - Parameter clip: the largest norm; 0 for none.
  func update(rate: Double, clip: Double) {
    step += 1
    let stretches = optimizer.stretches(weights: line, gradients: gradients.base)
    rule.update(
      stretches, step: step, learningRate: rate,
      gradientScale: clip == 0 ? 1 : Float(min(1, clip / (norm + 1e-6))), gradientNorm: norm,
      sums: WholeSums(layout: layout, stretches: stretches), engine: engine, finished: { _ in })
  }

  func weights(_ name: String) throws -> [Float] {
    let range = try #require(layout[name]).range
    return Array(UnsafeBufferPointer(start: weights.base + range.lowerBound, count: range.count))
  }

  /// The elements of a state of a parameter; none if it has no such state.
  func state<Element>(_ state: String, _ name: String, as type: Element.Type) throws -> [Element] {
    let index = try #require(layout.index(of: name))
    let held = try #require(optimizer.states.first { $0.declaration.name == state })
    return held.parts.filter { $0.parameter == index }.flatMap {
      Array(held.bytes(of: $0).assumingMemoryBound(to: type))
    }
  }

  /// Every bit of weights and states.
  var bits: [[UInt8]] {
    [Array(UnsafeRawBufferPointer(start: weights.base, count: 4 * weights.count))]
      + optimizer.states.map { state in state.parts.flatMap { Array(state.bytes(of: $0)) } }
  }
}

/// What one process that holds all ranges knows of them.
struct WholeSums: ParameterSums {
  let layout: ParameterLayout
  let stretches: [UpdateStretch]

  func gather(
    _ values: [Double], count: (ParameterRange) -> Int,
    _ body: (ParameterRange, ArraySlice<Double>) -> Void
  ) {
    var next = 0
    for stretch in stretches {
      let range = ParameterRange(
        parameter: stretch.parameter, start: stretch.start, count: stretch.count, phase: stretch.phase)
      let end = next + count(range)
      body(range, values[next..<end])
      next = end
    }
    #expect(next == values.count)
  }

  func add(_ values: inout [Int64]) {}
}
