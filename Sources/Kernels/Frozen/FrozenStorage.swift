// The storage of a frozen parameter: no optimizer updates it, so it may take few bits.
import CProcessor
import Tensors

/// The storage of frozen matrices; vectors are always fp32.
package enum FrozenStorage: Sendable, Equatable {
  case float32
  case bfloat16
  /// One byte per number, and one scale per row: its largest magnitude (Dettmers et al. 2022, `LLM.int8()`).
  case int8
  /// Four bits per number, and one scale for each 64 numbers (Dettmers et al. 2023, QLoRA). With double quantisation,
  /// the mean of the scales is subtracted, and each scale takes one byte, with one fp32 scale for each 256 of them.
  case nf4(doubleQuantization: Bool)

  /// What a model of that type is kept in.
  package init(_ type: ElementType) { self = type == .float32 ? .float32 : .bfloat16 }

  /// Whether numbers share scales.
  package var isQuantised: Bool { self != .float32 && self != .bfloat16 }

  /// The number of rows or blocks that have a scale of their own.
  func scales(rows: Int, columns: Int) -> Int {
    switch self {
    case .float32, .bfloat16: 0
    case .int8: rows
    case .nf4: (rows * columns + NF4.block - 1) / NF4.block
    }
  }

  /// Without scales.
  package var bytesPerNumber: Double { Double(bytes(rows: 1, columns: NF4.block).codes) / Double(NF4.block) }

  /// The bytes of the numbers, and of their scales.
  package func bytes(rows: Int, columns: Int) -> (codes: Int, scales: Int) {
    let count = rows * columns
    let scales = scales(rows: rows, columns: columns)
    return switch self {
    case .float32: (4 * count, 0)
    case .bfloat16: (2 * count, 0)
    case .int8: (count, 4 * scales)
    case .nf4(doubleQuantization: false): ((count + 1) / 2, 4 * scales)
    case .nf4(doubleQuantization: true): ((count + 1) / 2, NestedScales.bytes(scales))
    }
  }
}

/// What the frozen matrices of a model are kept in.
package struct FrozenForm: Sendable, Equatable {
  /// Matrices that only products read.
  package var projections: FrozenStorage
  /// The table of tokens and the head onto them; nil for the type of the model.
  package var embeddings: FrozenStorage?

  package init(projections: FrozenStorage, embeddings: FrozenStorage? = nil) {
    self.projections = projections
    self.embeddings = embeddings
  }

  /// What a model of that type is kept in.
  package init(_ type: ElementType) { self.init(projections: FrozenStorage(type)) }
}

extension FrozenForm: CustomStringConvertible {
  package var description: String {
    "\(projections)" + (embeddings.map { ", embeddings in \($0)" } ?? "")
  }
}

extension FrozenStorage: CustomStringConvertible {
  package var description: String {
    switch self {
    case .float32: "float32"
    case .bfloat16: "bfloat16"
    case .int8: "int8"
    case .nf4(let nests): nests ? "nf4 with double quantization" : "nf4"
    }
  }
}

extension FrozenStorage {
  /// Makes numbers what they are once they have been stored.
  /// - Parameter x: [rows, columns]
  package func round(_ x: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
    guard self != .float32 else { return }
    let bytes = bytes(rows: rows, columns: columns)
    let memory = FlatMemory(count: (bytes.codes + 63) / 64 * 16 + (bytes.scales + 3) / 4, label: "loading")
    let codes = UnsafeMutableRawPointer(memory.base)
    let matrix = FrozenMatrix(
      self, rows: rows, columns: columns, codes: codes, scales: codes + (bytes.codes + 63) / 64 * 64)
    matrix.quantise(x)
    for row in 0..<rows { matrix.widen(row: row, columns: 0..<columns, into: x + row * columns) }
  }
}

/// A frozen matrix [rows, columns], row-major, in its storage.
package struct FrozenMatrix {
  package let storage: FrozenStorage
  package let rows: Int
  package let columns: Int
  let codes: UnsafeMutableRawPointer
  let scales: UnsafeMutableRawPointer

  /// - Parameters:
  ///   - codes, scales: as many bytes as `FrozenStorage.bytes` says, at multiples of 4.
  package init(
    _ storage: FrozenStorage, rows: Int, columns: Int, codes: UnsafeMutableRawPointer,
    scales: UnsafeMutableRawPointer
  ) {
    self.storage = storage
    self.rows = rows
    self.columns = columns
    self.codes = codes
    self.scales = scales
  }

  /// The numbers as bfloat16; nil in another storage.
  var halves: HalfMatrix? {
    storage == .bfloat16
      ? HalfMatrix(UnsafePointer(codes.assumingMemoryBound(to: BFloat16.self)), rows: rows, columns: columns)
      : nil
  }

  /// Writes a part of a row as fp32.
  package func widen(row: Int, columns range: Range<Int>, into y: UnsafeMutablePointer<Float>) {
    let start = row * columns + range.lowerBound
    switch storage {
    case .float32: y.update(from: codes.assumingMemoryBound(to: Float.self) + start, count: range.count)
    case .bfloat16:
      BFloat16.widen(codes.assumingMemoryBound(to: BFloat16.self) + start, count: range.count, into: y)
    case .int8:
      Int8Rows.widen(
        codes.assumingMemoryBound(to: Int8.self) + start, count: range.count,
        largest: scales.assumingMemoryBound(to: Float.self)[row], into: y)
    case .nf4(doubleQuantization: false):
      let scales = scales.assumingMemoryBound(to: Float.self)
      NF4.widen(codes, start..<start + range.count, into: y) { scales[$0] }
    case .nf4(doubleQuantization: true):
      let scales = NestedScales(scales, count: storage.scales(rows: rows, columns: columns))
      NF4.widen(codes, start..<start + range.count, into: y) { scales[$0] }
    }
  }

  /// Writes a part of a row, rounded to bfloat16.
  /// - Parameter room: as many floats.
  package func narrow(
    row: Int, columns range: Range<Int>, into y: UnsafeMutablePointer<BFloat16>,
    room: UnsafeMutablePointer<Float>
  ) {
    let start = row * columns + range.lowerBound
    switch storage {
    case .bfloat16: y.update(from: codes.assumingMemoryBound(to: BFloat16.self) + start, count: range.count)
    case .nf4(doubleQuantization: false):
      let scales = scales.assumingMemoryBound(to: Float.self)
      NF4.narrow(codes, start..<start + range.count, into: y) { scales[$0] }
    case .nf4(doubleQuantization: true):
      let scales = NestedScales(scales, count: storage.scales(rows: rows, columns: columns))
      NF4.narrow(codes, start..<start + range.count, into: y) { scales[$0] }
    case .float32, .int8:
      widen(row: row, columns: range, into: room)
      BFloat16.narrow(room, count: range.count, into: y)
    }
  }

  /// Writes the codes of a part of a row in int8 as fp32, without the factor of the row.
  func widenCodes(row: Int, columns range: Range<Int>, into y: UnsafeMutablePointer<Float>) {
    precondition(storage == .int8, "\(storage) has other codes")
    let start = row * columns + range.lowerBound
    swiftdp_widen_int8(codes.assumingMemoryBound(to: Int8.self) + start, range.count, 1, 1, y)
  }

  /// Asks for a part of a row that is widened soon.
  @inline(__always)
  func fetch(row: Int, columns range: Range<Int>) {
    guard row < rows else { return }
    let start = storage.bytes(rows: 1, columns: row * columns + range.lowerBound).codes
    swiftdp_fetch(codes + start, storage.bytes(rows: 1, columns: range.count).codes)
  }

  /// Takes the numbers of a whole matrix. What is not finite makes its row (int8), block, or matrix (with double
  /// quantisation) NaN.
  package func quantise(_ x: UnsafePointer<Float>) {
    let count = rows * columns
    switch storage {
    case .float32: codes.assumingMemoryBound(to: Float.self).update(from: x, count: count)
    case .bfloat16:
      BFloat16.narrow(x, count: count, into: codes.assumingMemoryBound(to: BFloat16.self))
    case .int8:
      Int8Rows.quantise(
        x, rows: rows, columns: columns, into: codes.assumingMemoryBound(to: Int8.self),
        largest: scales.assumingMemoryBound(to: Float.self))
    case .nf4(doubleQuantization: false):
      NF4.quantise(
        x, count: count, into: codes.assumingMemoryBound(to: UInt8.self),
        scales: scales.assumingMemoryBound(to: Float.self))
    case .nf4(doubleQuantization: true):
      let count = storage.scales(rows: rows, columns: columns)
      let plain = UnsafeMutablePointer<Float>.allocate(capacity: count)
      defer { plain.deallocate() }
      NF4.quantise(
        x, count: rows * columns, into: codes.assumingMemoryBound(to: UInt8.self), scales: plain)
      NestedScales(scales, count: count).quantise(plain, mean: NestedScales.mean(plain, count: count))
    }
  }
}
