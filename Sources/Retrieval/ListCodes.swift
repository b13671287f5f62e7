// The rows of lists as bytes, which is all that a search reads of most rows.
//
// A row is the centroid of its list and a difference, each number of which is rounded to a multiple of the list's step. How far a
// product with the rounded row is from that with the row itself is bounded by the length of what rounding leaves (Cauchy and
// Schwarz), so that every row whose product may be among the best can be told by its bytes, and is then read in full.
import Base
import Checkpoints
import Kernels

struct ListCodes {
  /// What is known of all rows of a list.
  struct Bounds: Equatable, Sendable {
    /// What a difference of 1 between bytes stands for.
    let step: Float
    /// The length of a row without what its bytes stand for, at most.
    let error: Float
    /// The length of what bytes stand for, at most.
    let length: Float
  }

  /// [blocks, groups, 16, 4] Blocks of every list begin anew.
  private let bytes: UnsafePointer<UInt8>
  /// [lists]
  let bounds: [Bounds]
  /// [lists + 1] Where the blocks of each list begin, and the end.
  let blocks: [Int]
  private let width: Int

  /// - Parameter bytes: lie there as long as this value is used.
  init(_ bytes: UnsafePointer<UInt8>, _ bounds: [Bounds], _ clusters: VectorClusters, width: Int) {
    (self.bytes, self.bounds, blocks, self.width) = (bytes, bounds, Self.blocks(clusters), width)
  }

  static func blocks(_ clusters: VectorClusters) -> [Int] {
    (0..<clusters.count).reduce(into: [0]) { blocks, list in
      let rows = clusters.starts[list + 1] - clusters.starts[list]
      blocks.append(blocks[list] + (rows + ByteRows.rows - 1) / ByteRows.rows)
    }
  }

  /// What bytes lie in a file: [blocks, groups, 16, 4].
  static func shape(_ clusters: VectorClusters, width: Int) -> [Int] {
    let blocks = blocks(clusters)
    return [
      blocks[clusters.count], ByteRows.groups(width), ByteRows.rows,
      ByteRows.block(width) / ByteRows.rows / ByteRows.groups(width),
    ]
  }

  /// Some blocks of all lists.
  subscript(blocks: Range<Int>) -> ByteRows {
    ByteRows(bytes + blocks.lowerBound * ByteRows.block(width), blocks: blocks.count, width: width)
  }

  /// The bytes of a list.
  /// - Parameters:
  ///   - rows: [count, width]
  ///   - centroid: [width]
  ///   - target: takes whole blocks.
  static func encode(
    _ rows: UnsafePointer<Float>, count: Int, width: Int, centroid: UnsafePointer<Float>,
    into target: UnsafeMutablePointer<UInt8>
  ) -> Bounds {
    let size = (count + ByteRows.rows - 1) / ByteRows.rows * ByteRows.block(width)
    target.update(repeating: UInt8(ByteRows.zero), count: size)
    var largest: Float = 0
    for row in 0..<count {
      for column in 0..<width {
        let difference = abs(rows[row * width + column] - centroid[column])
        if difference.isFinite { largest = max(largest, difference) }
      }
    }
    let step = largest / Float(ByteRows.largest)
    var (error, length) = (0.0, 0.0)
    for row in 0..<count {
      let x = rows + row * width
      var (rest, code) = (0.0, 0.0)
      for column in 0..<width {
        let difference = x[column] - centroid[column]
        let steps = step > 0 && difference.isFinite ? (difference / step).rounded() : 0
        let whole = min(max(Int(steps), -ByteRows.largest), ByteRows.largest)
        target[ByteRows.place(row: row, column: column, width: width)] = UInt8(ByteRows.zero + whole)
        let coded = Double(step) * Double(whole)
        let left = Double(x[column]) - Double(centroid[column]) - coded
        rest += left * left
        code += coded * coded
      }
      // A row that is not finite has no bound: all rows of its list are read in full.
      error = rest.isFinite ? max(error, rest) : .infinity
      length = max(length, code)
    }
    return Bounds(
      step: step, error: Float(error.squareRoot()).nextUp, length: Float(length.squareRoot()).nextUp)
  }
}

extension ListCodes {
  /// Bytes of a part whose file has none.
  final class Made {
    private let bytes: UnsafeMutablePointer<UInt8>
    fileprivate let bounds: [Bounds]

    init(_ rows: VectorRows, _ clusters: VectorClusters, width: Int, _ engine: Engine) {
      let blocks = ListCodes.blocks(clusters)
      bytes = .allocate(capacity: max(blocks[clusters.count] * ByteRows.block(width), 1))
      let bytes = bytes
      var bounds = [Bounds](repeating: Bounds(step: 0, error: 0, length: 0), count: clusters.count)
      bounds.withUnsafeMutableBufferPointer { bounds in
        clusters.centroids.withUnsafeBufferPointer { centroids in
          let (bounds, centroids) = (Unshared(bounds), Unshared(centroids))
          engine.pool.run(clusters.count) { list, _ in
            let range = clusters.starts[list]..<clusters.starts[list + 1]
            guard !range.isEmpty else { return }
            let room = UnsafeMutablePointer<Float>.allocate(capacity: range.count * width)
            defer { room.deallocate() }
            bounds.value[list] = encode(
              rows.wide(range, into: room).base, count: range.count, width: width,
              centroid: centroids.value.baseAddress! + list * width,
              into: bytes + blocks[list] * ByteRows.block(width))
          }
        }
      }
      self.bounds = bounds
    }

    deinit { bytes.deallocate() }

    func codes(_ clusters: VectorClusters, width: Int) -> ListCodes {
      ListCodes(UnsafePointer(bytes), bounds, clusters, width: width)
    }
  }
}
