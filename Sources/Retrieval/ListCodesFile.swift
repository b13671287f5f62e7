// The bytes of lists in the file of a part: `codes` [blocks, groups, 16, 4], and `bounds` [lists, 3], the step, the error and the
// length of each list.
import Base
import Checkpoints
import Kernels

extension ListCodes {
  static let bytesName = "codes"
  static let boundsName = "bounds"

  typealias Tensor = (name: String, type: StoredType, shape: [Int])

  /// What a file holds of them.
  static func tensors(_ clusters: VectorClusters, width: Int) -> (bytes: Tensor, bounds: Tensor) {
    ((bytesName, .u8, shape(clusters, width: width)), (boundsName, .f32, [clusters.count, 3]))
  }

  /// Those of a file; nil if it has none.
  /// - Throws: if they do not fit the lists.
  static func bounds(in file: SafetensorsFile, _ clusters: VectorClusters, width: Int) throws -> [Bounds]? {
    guard let bytes = file.entry(bytesName) else { return nil }
    let bounds = file.entry(boundsName)
    guard bytes.type == .u8, bytes.shape == shape(clusters, width: width), let bounds, bounds.type == .f32,
      bounds.shape == [clusters.count, 3]
    else { throw unfit(file) }
    var numbers = [Float](repeating: 0, count: bounds.count)
    try numbers.withUnsafeMutableBufferPointer {
      try file.read(boundsName, into: $0, range: 0..<bounds.count)
    }
    guard numbers.allSatisfy({ $0 >= 0 }) else { throw unfit(file) }
    return (0..<clusters.count).map {
      Bounds(step: numbers[3 * $0], error: numbers[3 * $0 + 1], length: numbers[3 * $0 + 2])
    }
  }

  private static func unfit(_ file: SafetensorsFile) -> UserError {
    UserError(.data, "holds bytes that do not fit its lists", at: file.path, hint: "build it anew")
  }

  /// Writes the bytes of rows in the order of their lists.
  static func write(
    _ clusters: VectorClusters, _ order: [VectorPart.Place], of parts: [VectorPart],
    to writer: SafetensorsWriter
  ) throws {
    let width = parts[0].width
    var run = RowRun(bytesName, writer, bytes: 1)
    var bounds: [Float] = []
    for list in 0..<clusters.count {
      let places = Array(order[clusters.starts[list]..<clusters.starts[list + 1]])
      let size = (places.count + ByteRows.rows - 1) / ByteRows.rows * ByteRows.block(width)
      var own = Bounds(step: 0, error: 0, length: 0)
      if !places.isEmpty {
        let rows = try VectorLists.vectors(places, of: parts)
        let bytes = [UInt8](unsafeUninitializedCapacity: size) { bytes, filled in
          rows.withUnsafeBufferPointer { rows in
            clusters.centroids.withUnsafeBufferPointer { centroids in
              own = encode(
                rows.baseAddress!, count: places.count, width: width,
                centroid: centroids.baseAddress! + list * width, into: bytes.baseAddress!)
            }
          }
          filled = size
        }
        try bytes.withUnsafeBytes { try run.append($0) }
      }
      bounds += [own.step, own.error, own.length]
    }
    try run.flush()
    try bounds.withUnsafeBufferPointer {
      try writer.write(name: boundsName, elementRange: 0..<$0.count, from: $0)
    }
  }
}
