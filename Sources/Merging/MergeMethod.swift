// How tensors of several models become one.

/// One way to merge. Formulas, names and defaults are those of mergekit.
package protocol MergeMethod: Sendable {
  /// What `merge_method` calls it.
  var name: String { get }
  /// The settings that it reads.
  var parameters: [MergeParameter] { get }
  /// Whether `base_model` must be given.
  var needsBase: Bool { get }
  /// How many models there may be, the base among them.
  var models: ClosedRange<Int> { get }
  /// Merges one tensor. Numbers are fp32.
  /// - Parameters:
  ///   - inputs: the tensor of each model, which may be overwritten.
  ///   - result: as many numbers; it may be none of the inputs.
  func merge(_ inputs: [MergeInput], _ shared: MergeValues, into result: UnsafeMutableBufferPointer<Float>)
}

extension MergeMethod {
  package var models: ClosedRange<Int> { 1...1 << 16 }
}

/// A setting of a method.
package struct MergeParameter: Sendable {
  /// Who has a value of its own.
  package enum Scope: Sendable {
    /// All models together.
    case shared
    /// Each model.
    case input
    /// Each model but the base.
    case nonBase
  }

  package let name: String
  package let scope: Scope
  /// nil where it must be given.
  package let usual: Double?

  package init(_ name: String, _ scope: Scope, usual: Double? = nil) {
    (self.name, self.scope, self.usual) = (name, scope, usual)
  }
}

/// Settings for one tensor, by name. Truth values are 0 and 1.
package struct MergeValues: Sendable {
  package var values: [String: Double] = [:]
  package init() {}

  package subscript(name: String) -> Double {
    get { values[name] ?? .nan }
    set { values[name] = newValue }
  }
}

/// The tensor of one model.
package struct MergeInput {
  package let numbers: UnsafeMutableBufferPointer<Float>
  package let values: MergeValues
  package let isBase: Bool
  /// The key of random draws.
  package let draw: UInt64

  package init(
    _ numbers: UnsafeMutableBufferPointer<Float>, values: MergeValues = MergeValues(), isBase: Bool = false,
    draw: UInt64 = 0
  ) {
    (self.numbers, self.values, self.isBase, self.draw) = (numbers, values, isBase, draw)
  }
}

/// All methods that swiftdp knows: a new one is one file and one line here.
package let mergeMethods: [any MergeMethod] = [
  LinearMerge(), SphericalMerge(),
  TaskArithmetic(name: "task_arithmetic"),
  TaskArithmetic(name: "ties", sparsity: .magnitude, electsSigns: true, normalises: true),
  TaskArithmetic(name: "dare_linear", sparsity: .random, rescales: true),
  TaskArithmetic(name: "dare_ties", sparsity: .random, electsSigns: true, rescales: true),
  Passthrough(),
]
