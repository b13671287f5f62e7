// What numbers may be rounded to: levels that the numbers of a block share.
import Checkpoints
import Kernels

protocol RoundingGrid: Sendable {
  associatedtype Levels
  /// Numbers of a block; rows hold whole blocks.
  var block: Int { get }
  /// From what the numbers of a block are.
  func levels(of block: UnsafePointer<Float>) -> Levels
  /// The level that is nearest to a number.
  /// - Parameter place: in the block.
  func value(_ number: Float, at place: Int, _ levels: Levels) -> Float
}

extension RoundingGrid {
  /// A matrix, each row of which `body` rounds in its place; it also gives the levels of the row's blocks.
  func blockwise(
    _ matrix: [Float], rows: Int, columns: Int, _ engine: Engine,
    _ body: (_ row: UnsafeMutablePointer<Float>, _ levels: UnsafeMutablePointer<Levels>) -> Void
  ) -> (values: [Float], levels: [Levels]) {
    var values = matrix
    let blocks = columns / block
    let levels = [Levels](unsafeUninitializedCapacity: rows * blocks) { levels, count in
      count = rows * blocks
      values.withUnsafeMutableBufferPointer { values in
        guard let w = values.baseAddress, let own = levels.baseAddress else { return }
        engine.pool.run(rows) { row, _ in body(w + row * columns, own + row * blocks) }
      }
    }
    return (values, levels)
  }

  /// A matrix [rows, columns] with each number rounded by itself.
  func nearest(
    _ matrix: [Float], rows: Int, columns: Int, _ engine: Engine
  ) -> (values: [Float], levels: [Levels]) {
    blockwise(matrix, rows: rows, columns: columns, engine) { w, levels in
      for start in stride(from: 0, to: columns, by: block) {
        let own = self.levels(of: w + start)
        (levels + start / block).initialize(to: own)
        for place in 0..<block { w[start + place] = value(w[start + place], at: place, own) }
      }
    }
  }
}

/// The blocks of `Q4_0`. The number that decides a scale stays −8 of them, so that ggml's encoder finds the same scale and
/// the same four bits in what comes out.
struct Q4_0Grid: RoundingGrid {
  var block: Int { Q4_0.block.numbers }

  func levels(of block: UnsafePointer<Float>) -> (scale: Float, anchor: Int) {
    let anchor = (0..<self.block).max { abs(block[$0]) < abs(block[$1]) } ?? 0
    return (FloatConversion.widened(f16: FloatConversion.narrowed(f16: block[anchor] / -8)), anchor)
  }

  func value(_ number: Float, at place: Int, _ levels: (scale: Float, anchor: Int)) -> Float {
    guard levels.scale != 0 else { return 0 }
    return levels.scale
      * (place == levels.anchor ? -8 : min(max((number / levels.scale + 0.5).rounded(.down), -8), 7))
  }
}
