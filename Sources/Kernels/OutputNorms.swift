// ‖W + scale · B A‖ of every output, as DoRA needs it (Liu et al. 2024): W is widened and the product made a tile at a
// time, so that neither is in memory as a whole.
import Base
import Tensors

extension Operand {
  /// Writes a part of a row as fp32.
  fileprivate func widen(row: Int, columns: Range<Int>, into y: UnsafeMutablePointer<Float>) {
    switch self {
    case .float32(let m): y.update(from: m.base + row * m.stride + columns.lowerBound, count: columns.count)
    case .bfloat16(let m):
      BFloat16.widen(m.base + row * m.stride + columns.lowerBound, count: columns.count, into: y)
    case .frozen(let m): m.widen(row: row, columns: columns, into: y)
    }
  }
}

/// Where the numbers of an output of W lie.
package enum OutputAxis: Sendable {
  /// W is [outputs, inputs].
  case rows
  /// W is [inputs, outputs].
  case columns
}

extension Engine {
  /// Outputs of a tile, and inputs that are widened at once.
  private static let outputs = 64
  private static let depth = 256

  /// The floats of scratch that `outputNorms` needs.
  package static func outputNormsRoom(_ axis: OutputAxis, outputs: Int, rank: Int) -> Int {
    axis == .rows ? 0 : outputs * rank
  }

  /// - Parameters:
  ///   - w: [outputs, inputs] or [inputs, outputs].
  ///   - a, b: [rank, inputs] and [outputs, rank].
  ///   - rounding: whether products round W to bfloat16.
  ///   - scratch: as many floats as `outputNormsRoom` says.
  ///   - norms: [outputs], summed in fp64.
  package func outputNorms(
    of w: Operand, _ axis: OutputAxis, a: ConstMatrix, b: ConstMatrix, scale: Float, rounding: Bool,
    scratch: UnsafeMutablePointer<Float>, into norms: UnsafeMutablePointer<Float>
  ) {
    let (rank, inputs, outputs) = (a.rows, a.columns, b.rows)
    if axis == .columns {
      for output in 0..<outputs {
        for index in 0..<rank { scratch[index * outputs + output] = b.base[output * rank + index] }
      }
    }
    let area = Self.outputs * Self.depth
    frozenRooms.reserve(area + 2 * Self.depth + 4 * Self.outputs)
    pool.run((outputs + Self.outputs - 1) / Self.outputs) { tile, worker in
      let own = tile * Self.outputs..<min((tile + 1) * Self.outputs, outputs)
      let sum = frozenRooms.room(worker)
      let row = sum + area
      let halves = UnsafeMutableRawPointer(row + Self.depth).assumingMemoryBound(to: BFloat16.self)
      let part = row + 2 * Self.depth
      let totals = UnsafeMutableRawPointer(part + Self.outputs).assumingMemoryBound(to: Double.self)
      totals.update(repeating: 0, count: own.count)
      for start in stride(from: 0, to: inputs, by: Self.depth) {
        let range = start..<min(start + Self.depth, inputs)
        func widen(_ number: Int, _ columns: Range<Int>) {
          w.widen(row: number, columns: columns, into: row)
          guard rounding else { return }
          BFloat16.narrow(row, count: columns.count, into: halves)
          BFloat16.widen(halves, count: columns.count, into: row)
        }
        switch axis {
        case .rows:
          // The library's order of additions: norms do not depend on the rows of a batch.
          blas.product(
            .none, m: own.count, n: range.count, k: rank, alpha: scale, b.base + own.lowerBound * rank, rank,
            a.base + start, a.stride, beta: 0, sum, range.count)
          for (place, output) in own.enumerated() {
            widen(output, range)
            let other = sum + place * range.count
            var squares = Vector()
            forEachVector(range.count) {
              let x = $0.load(row) + $0.load(other)
              squares.addProduct(x, x)
            }
            totals[place] += Double(squares.total)
          }
        case .columns:
          blas.product(
            .first, m: range.count, n: own.count, k: rank, alpha: scale, a.base + start, a.stride,
            scratch + own.lowerBound, outputs, beta: 0, sum, own.count)
          part.update(repeating: 0, count: own.count)
          for (place, input) in range.enumerated() {
            widen(input, own)
            let other = sum + place * own.count
            forEachVector(own.count) {
              let x = $0.load(row) + $0.load(other)
              $0.store($0.load(part).addingProduct(x, x), part)
            }
          }
          for place in 0..<own.count { totals[place] += Double(part[place]) }
        }
      }
      for (place, output) in own.enumerated() { norms[output] = Float(totals[place].squareRoot()) }
    }
  }
}
