// Writes the file of a part: of vectors that were made just now, or of rows of other parts in another order.
import Base
import Checkpoints
import Foundation
import Kernels

extension VectorPart {
  /// Writes new vectors. The disk holds the file when this returns.
  /// - Parameters:
  ///   - numbers: of the chunks, [n].
  ///   - vectors: [n, width]
  /// - Throws: `UserError(.disk)`; then nothing is left of it.
  static func write(
    _ folder: String, number: Int, numbers: [Int64], vectors: [Float], width: Int, type: IndexFacts.VectorType
  ) throws {
    let rows = numbers.count
    precondition(vectors.count == rows * width, "a vector for each chunk")
    try write(folder, number: number, numbers: numbers, width: width, type: type) { writer in
      guard rows > 0 else { return }
      try vectors.withUnsafeBufferPointer { x in
        guard type == .int8 else {
          return try writer.write(name: "vectors", elementRange: 0..<x.count, from: x)
        }
        var codes = [Int8](repeating: 0, count: x.count)
        var largest = [Float](repeating: 0, count: rows)
        codes.withUnsafeMutableBytes { codes in
          largest.withUnsafeMutableBytes { largest in
            FrozenMatrix(
              .int8, rows: rows, columns: width, codes: codes.baseAddress!, scales: largest.baseAddress!
            ).quantise(x.baseAddress!)
          }
        }
        try codes.withUnsafeBytes { try writer.write(name: "vectors", from: 0, bytes: $0) }
        try largest.withUnsafeBytes { try writer.write(name: "largest", from: 0, bytes: $0) }
      }
    }
  }

  /// A row of one of several parts.
  struct Place {
    let part: Int
    let row: Int
  }

  /// Writes rows of other parts as they lie there, in an order of its own.
  static func write(
    _ folder: String, number: Int, _ order: [Place], of parts: [VectorPart], clusters: VectorClusters? = nil
  ) throws {
    let numbers = order.map { parts[$0.part].numbers[$0.row] }
    try write(
      folder, number: number, numbers: numbers, width: parts[0].width, type: parts[0].type, clusters: clusters
    ) { writer in
      if let clusters { try ListCodes.write(clusters, order, of: parts, to: writer) }
      var vectors = RowRun("vectors", writer, bytes: parts[0].type == .float32 ? 4 : 1)
      var largest = RowRun("largest", writer, bytes: 4)
      // Rows that lie in one part are read with it open.
      var next = 0
      while next < order.count {
        let part = order[next].part
        let end = order[next...].firstIndex { $0.part != part } ?? order.count
        try parts[part].withRows { rows in
          for place in order[next..<end] {
            let stored = rows.stored(place.row)
            try vectors.append(stored.bytes)
            if let size = stored.largest { try largest.append(size) }
          }
        }
        next = end
      }
      try vectors.flush()
      try largest.flush()
    }
  }

  private static func write(
    _ folder: String, number: Int, numbers: [Int64], width: Int, type: IndexFacts.VectorType,
    clusters: VectorClusters? = nil, _ fill: (SafetensorsWriter) throws -> Void
  ) throws {
    let rows = numbers.count
    // Whole lines of the cache first, then tensors of eight bytes an element, of four and of one, so that each lies at a multiple
    // of its own.
    let codes = clusters.map { ListCodes.tensors($0, width: width) }
    var tensors: [(name: String, type: StoredType, shape: [Int])] = codes.map { [$0.bytes] } ?? []
    tensors.append(("numbers", .i64, [rows]))
    if let clusters { tensors.append(("starts", .i64, [clusters.count + 1])) }
    if clusters != nil { tensors.append(("probes", .i64, [1])) }
    if let clusters { tensors.append(("centroids", .f32, [clusters.count, width])) }
    if let codes { tensors.append(codes.bounds) }
    if type == .int8 { tensors.append(("largest", .f32, [rows])) }
    tensors.append(("vectors", type == .float32 ? .f32 : .i8, [rows, width]))
    let plan = try SafetensorsPlan(tensors: tensors, maximumShardBytes: .max, stem: stem(number))
    do {
      let writer = SafetensorsWriter(plan, in: folder)
      try writer.create()
      try numbers.withUnsafeBytes { try writer.write(name: "numbers", from: 0, bytes: $0) }
      if let clusters {
        try clusters.starts.map(Int64.init).withUnsafeBytes {
          try writer.write(name: "starts", from: 0, bytes: $0)
        }
        try [Int64(clusters.probes)].withUnsafeBytes {
          try writer.write(name: "probes", from: 0, bytes: $0)
        }
        try clusters.centroids.withUnsafeBufferPointer {
          try writer.write(name: "centroids", elementRange: 0..<$0.count, from: $0)
        }
      }
      try fill(writer)
      try writer.finish()
      try DurableFile.sync(folder: folder)
    } catch {
      unlink("\(folder)/\(stem(number)).safetensors")
      throw error
    }
  }
}
