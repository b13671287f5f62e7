// What a rule keeps from step to step, declared so that sharding, the count of memory and checkpoints need to
// know no rule.
import Tensors

/// One state of a rule: what it holds for which parameters, and the name of its files.
package struct OptimizerState: Sendable {
  package enum Element: Sendable {
    case float32
    case uint8

    package var bytes: Int { self == .float32 ? 4 : 1 }
  }

  /// What there is one element for.
  package enum Extent: Sendable {
    /// Every number of the parameter; held where the number is updated.
    case numbers
    /// Every block of `block` numbers; held where the block is updated.
    case blocks
    /// Every row or column of a matrix; small, and held by every rank that updates a part of the matrix.
    case rows
    case columns
  }

  package let name: String
  package let element: Element
  package let extent: Extent
  private let isOf: @Sendable (ParameterSpec) -> Bool

  /// - Parameter covers: which parameters have this state.
  package init(
    _ name: String, _ element: Element = .float32, of extent: Extent = .numbers,
    covers: @escaping @Sendable (ParameterSpec) -> Bool = { _ in true }
  ) {
    self.name = name
    self.element = element
    self.extent = extent
    isOf = covers
  }

  package func covers(_ spec: ParameterSpec) -> Bool { spec.trains && isOf(spec) }

  /// Numbers of a block. Blocks are cut at multiples of it from the start of a segment of the line, and at the
  /// ends of parameters: slices of ranks end at multiples of 1,024 from there, so that no cut goes through one.
  package static let block = 256

  /// How many blocks a stretch has that begins `phase` numbers after the start of its segment.
  package static func blocks(phase: Int, count: Int) -> Int {
    count == 0 ? 0 : (phase % block + count + block - 1) / block
  }

  /// The state's shape for a whole parameter.
  /// - Parameter phase: how many numbers after the start of its segment the parameter begins.
  package func shape(of spec: ParameterSpec, phase: Int) -> [Int] {
    switch extent {
    case .numbers: spec.shape
    case .blocks: [Self.blocks(phase: phase, count: spec.count)]
    case .rows: [spec.shape.first ?? 1]
    case .columns: [spec.shape.last ?? 1]
    }
  }

  /// Bytes for a whole parameter; in floating point, since sizes may be hostile.
  fileprivate func bytes(of spec: ParameterSpec) -> Double {
    guard covers(spec) else { return 0 }
    let elements =
      switch extent {
      case .numbers: spec.size
      case .blocks: spec.size / Double(Self.block)
      case .rows: Double(spec.shape.first ?? 1)
      case .columns: Double(spec.shape.last ?? 1)
      }
    return elements * Double(element.bytes)
  }
}

extension ParameterSpec {
  /// The number of numbers, which may be more than an integer holds.
  var size: Double { shape.reduce(1.0) { $0 * Double($1) } }
}

extension UpdateRule {
  /// How many times the bytes of the fp32 parameters all states take.
  package func stateCopies(of parameters: [ParameterSpec]) -> Double {
    let bytes = states.reduce(0.0) { sum, state in parameters.reduce(sum) { $0 + state.bytes(of: $1) } }
    return bytes / max(parameters.reduce(0.0) { $0 + 4 * $1.size }, 1)
  }
}
