// Vectors of some chunks in one safetensors file, which never changes: `numbers` [n] of the chunks, and `vectors`
// [n, width], in fp32, or as int8 with the largest magnitude of each row in `largest` [n]. Where rows are clustered,
// `centroids` [lists, width] and `starts` [lists + 1] say which rows are whose, and `codes` and `bounds` (`ListCodes`) are the
// rows as bytes.
import Base
import Checkpoints
import Foundation
import Kernels
import Tensors

package final class VectorPart {
  private let file: SafetensorsFile
  package let rows: Int
  package let width: Int
  package let type: IndexFacts.VectorType
  /// [rows] The chunk of each row; 0 where it is not there any more.
  package private(set) var numbers: [Int64]
  /// How many rows are whose, by their centroids; nil where the rows lie as they came.
  package let clusters: VectorClusters?
  /// Of the bytes of rows in the file; nil where it has none, as files of older versions.
  private let bounds: [ListCodes.Bounds]?
  /// Bytes that were made of such a file.
  private var made: ListCodes.Made?

  package static func stem(_ number: Int) -> String { "vectors-" + zeroPadded(String(number), to: 6) }

  /// - Throws: if the file is not there, or is not what the index says.
  package init(_ folder: String, number: Int, width: Int, type: IndexFacts.VectorType) throws {
    let file = try SafetensorsFile("\(folder)/\(Self.stem(number)).safetensors")
    let numbers = file.entry("numbers").flatMap { $0.type == .i64 ? $0.count : nil }
    let expected: StoredType = type == .float32 ? .f32 : .i8
    guard let rows = numbers, let vectors = file.entry("vectors"), vectors.type == expected,
      vectors.shape == [rows, width],
      type == .float32 || (file.entry("largest").map { $0.type == .f32 && $0.shape == [rows] } ?? false)
    else {
      throw UserError(.data, "does not hold the vectors of its index", at: file.path, hint: "build it anew")
    }
    self.file = file
    self.rows = rows
    self.width = width
    self.type = type
    self.numbers = try file.integers("numbers").map(Int64.init)
    guard self.numbers.allSatisfy({ (1..<IndexDatabase.mostRows).contains($0) }) else {
      throw UserError(.data, "has numbers of chunks that none can have", at: file.path, hint: "build it anew")
    }
    clusters = try VectorClusters(file, rows: rows, width: width)
    bounds = try clusters.flatMap { try ListCodes.bounds(in: file, $0, width: width) }
  }

  /// Takes out the rows of chunks that are gone, or that may not be found.
  package func keep(_ isKept: (Int64) -> Bool) {
    for row in numbers.indices where !isKept(numbers[row]) { numbers[row] = 0 }
  }

  /// Hands on the rows of lists as bytes, which are made at the first call if the file has none.
  func withCodes<T>(
    _ clusters: VectorClusters, _ rows: VectorRows, _ engine: Engine, _ body: (ListCodes) throws -> T
  ) throws -> T {
    if let bounds {
      let found = try file.withBytes(of: ListCodes.bytesName) { bytes in
        // Lists of no rows have no memory.
        guard let base = bytes.baseAddress else { preconditionFailure("there are rows") }
        return try body(
          ListCodes(base.assumingMemoryBound(to: UInt8.self), bounds, clusters, width: width))
      }
      guard let found else { preconditionFailure("the tensor is there") }
      return found
    }
    let made = made ?? ListCodes.Made(rows, clusters, width: width, engine)
    self.made = made
    return try withExtendedLifetime(made) { try body(made.codes(clusters, width: width)) }
  }

  /// Hands on the vectors of all rows as an operand of a product.
  package func withRows<T>(_ body: (VectorRows) throws -> T) throws -> T {
    let found = try file.withBytes(of: "vectors") { vectors in
      try file.withBytes(of: "largest") { try body(VectorRows(vectors, largest: $0, self)) }
        ?? body(VectorRows(vectors, largest: nil, self))
    }
    guard let found else { preconditionFailure("the tensor is there") }
    return found
  }
}

/// The rows of a part where they are mapped.
package struct VectorRows {
  private let bytes: UnsafeRawBufferPointer
  private let largest: UnsafeRawBufferPointer?
  private let width: Int
  private let type: IndexFacts.VectorType

  fileprivate init(_ bytes: UnsafeRawBufferPointer, largest: UnsafeRawBufferPointer?, _ part: VectorPart) {
    (self.bytes, self.largest, width, type) = (bytes, largest, part.width, part.type)
  }

  /// Some rows, [rows, width].
  package subscript(rows: Range<Int>) -> Operand {
    // A table of no rows has no memory.
    guard let base = bytes.baseAddress else { preconditionFailure("there are rows") }
    switch type {
    case .float32:
      let first = (base + 4 * rows.lowerBound * width).assumingMemoryBound(to: Float.self)
      return .float32(ConstMatrix(first, rows: rows.count, columns: width))
    case .int8:
      guard let largest = largest?.baseAddress else { preconditionFailure("int8 has scales") }
      return .frozen(
        FrozenMatrix(
          .int8, rows: rows.count, columns: width,
          codes: UnsafeMutableRawPointer(mutating: base + rows.lowerBound * width),
          scales: UnsafeMutableRawPointer(mutating: largest + 4 * rows.lowerBound)))
    }
  }

  /// The bytes of a row as they lie in the file, and its largest magnitude, which fp32 has not.
  package func stored(_ row: Int) -> (bytes: UnsafeRawBufferPointer, largest: UnsafeRawBufferPointer?) {
    let size = type == .float32 ? 4 * width : width
    return (
      UnsafeRawBufferPointer(rebasing: bytes[row * size..<(row + 1) * size]),
      largest.map { UnsafeRawBufferPointer(rebasing: $0[4 * row..<4 * row + 4]) }
    )
  }

  /// Asks for a row that is read soon.
  func fetch(_ row: Int) {
    let bytes = stored(row).bytes
    bytes.baseAddress.map { fetchMemory($0, count: bytes.count) }
  }

  /// Some rows in fp32: where they lie, or widened.
  /// - Parameter room: for as many numbers.
  package func wide(_ rows: Range<Int>, into room: UnsafeMutablePointer<Float>) -> ConstMatrix {
    if case .float32(let matrix) = self[rows] { return matrix }
    for (place, row) in rows.enumerated() { copy(row: row, into: room + place * width) }
    return ConstMatrix(room, rows: rows.count, columns: width)
  }

  /// Hands on a row in fp32: where it lies, or widened.
  @inline(__always)
  func withRow<T>(_ row: Int, _ body: (UnsafePointer<Float>) -> T) -> T {
    if type == .float32, let base = bytes.baseAddress {
      return body((base + 4 * row * width).assumingMemoryBound(to: Float.self))
    }
    return withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { wide in
      guard let room = wide.baseAddress else { preconditionFailure("a row has numbers") }
      copy(row: row, into: room)
      return body(room)
    }
  }

  /// Writes a row as fp32.
  package func copy(row: Int, into target: UnsafeMutablePointer<Float>) {
    switch self[row..<row + 1] {
    case .float32(let matrix): target.update(from: matrix.base, count: width)
    case .frozen(let matrix): matrix.widen(row: 0, columns: 0..<width, into: target)
    case .bfloat16: preconditionFailure("vectors are fp32 or int8")
    }
  }
}
