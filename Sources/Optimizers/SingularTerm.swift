// The parts of low-rank terms scale · B E A, by the names that PEFT gives them, and sums over what belongs to each of
// their singular values.
import Kernels
import Tensors

package struct SingularTerm {
  package enum Part: String, CaseIterable {
    /// [rank, inputs]
    case a = ".lora_A"
    /// [rank, 1]
    case values = ".lora_E"
    /// [outputs, rank]
    case b = ".lora_B"

    /// Nil for a parameter of something else.
    package init?(of spec: ParameterSpec) {
      guard let part = Self.allCases.first(where: { spec.name.hasSuffix($0.rawValue) }) else { return nil }
      self = part
    }
  }

  /// All terms of a layout.
  package struct All {
    /// By parameter of the layout.
    package var parts: [Int: SingularTerm] = [:]
    /// The rank of each term, in the order of the line.
    package var ranks: [Int] = []
  }

  package let part: Part
  /// The number of the term's first singular value, counted over all terms.
  package let first: Int
  package let rank: Int
  /// Inputs of A, outputs of B, or 1.
  let width: Int

  package static func all(in layout: ParameterLayout) -> All {
    var all = All()
    var firsts: [Substring: Int] = [:]
    var end = 0
    for parameter in layout.parameters where parameter.spec.trains && Part(of: parameter.spec) == .values {
      firsts[parameter.spec.name.dropLast(Part.values.rawValue.count)] = end
      all.ranks.append(parameter.spec.shape[0])
      end += parameter.spec.shape[0]
    }
    for (index, parameter) in layout.parameters.enumerated() where parameter.spec.trains {
      let spec = parameter.spec
      guard let part = Part(of: spec), let first = firsts[spec.name.dropLast(part.rawValue.count)] else {
        continue
      }
      all.parts[index] = SingularTerm(
        part: part, first: first, rank: spec.shape[part == .b ? 1 : 0], width: spec.shape[part == .b ? 0 : 1])
    }
    return all
  }

  /// How many sums a grain has: of the rows of A that it may reach into, or of all columns of B.
  private var sumsOfGrain: Int { part == .a ? (ParameterLayout.grain - 2) / width + 2 : rank }

  func sumCount(_ range: ParameterRange) -> Int {
    part == .values ? range.count : range.grains * sumsOfGrain
  }

  /// Σ x · y for each row or column, by grains.
  func sums(
    of stretch: UpdateStretch, _ x: UnsafePointer<Float>, _ y: UnsafePointer<Float>, _ engine: Engine
  ) -> [Double] {
    let range = stretch.range
    var sums = [Double](repeating: 0, count: sumCount(range))
    guard part != .values else {
      for index in sums.indices { sums[index] = Double(x[index] * y[index]) }
      return sums
    }
    sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      engine.pool.run((range.grains + 15) / 16) { tile, _ in
        for grain in tile * 16..<min((tile + 1) * 16, range.grains) {
          let target = base + grain * sumsOfGrain
          let elements = range.grain(grain)
          let firstRow = (range.start + elements.lowerBound) / width
          for index in elements {
            let place = range.start + index
            target[part == .a ? place / width - firstRow : place % rank] += Double(x[index] * y[index])
          }
        }
      }
    }
    return sums
  }

  /// Adds the means of rows or columns.
  func add(_ values: ArraySlice<Double>, of range: ParameterRange, to importance: inout [Double]) {
    guard part != .values else {
      for (index, value) in values.enumerated() { importance[first + range.start + index] += value }
      return
    }
    var next = values.startIndex
    for grain in 0..<range.grains {
      let row = part == .a ? (range.start + range.grain(grain).lowerBound) / width : 0
      for index in 0..<min(sumsOfGrain, rank - row) {
        importance[first + row + index] += values[next + index] / Double(width)
      }
      next += sumsOfGrain
    }
  }
}
