// The states that a rule keeps from step to step. They are declared, so that sharding, memory estimates and
// checkpoints need not know any rule.
import Tensors

/// One state of a rule: what it holds for which parameters, and the name of its files.
package struct OptimizerState: Sendable {
  package enum Element: Sendable {
    case float32
    case uint8

    package var bytes: Int { self == .float32 ? 4 : 1 }
  }

  /// What one element of the state stands for.
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

  /// How many numbers a block has. Blocks are cut at multiples of it from the start of a segment of the line, and at
  /// the ends of parameters. Slices of ranks end at multiples of 1,024 from there, so that no cut goes through a
  /// block.
  package static let block = 256

  /// How many blocks a range has that begins `phase` numbers after the start of its segment.
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

  /// The bytes for a whole parameter, in floating point, since sizes may be hostile.
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
  /// The number of elements, which may exceed an integer.
  var size: Double { shape.reduce(1.0) { $0 * Double($1) } }
}

extension UpdateRule {
  /// The bytes of all states, as a multiple of the bytes of the fp32 parameters.
  package func stateCopies(of parameters: [ParameterSpec]) -> Double {
    let bytes = states.reduce(0.0) { sum, state in parameters.reduce(sum) { $0 + state.bytes(of: $1) } }
    return bytes / max(parameters.reduce(0.0) { $0 + 4 * $1.size }, 1)
  }
}
