// A matrix in a frozen storage, in memory that shows what was written beside it.
import Kernels
import Testing

final class StoredMatrix {
  private static let guardCount = 64
  private static let guardByte: UInt8 = 0xA5
  private let codeMemory: UnsafeMutableRawPointer
  private let scaleMemory: UnsafeMutableRawPointer
  let bytes: (codes: Int, scales: Int)
  let matrix: FrozenMatrix

  init(_ storage: FrozenStorage, rows: Int, columns: Int, _ x: [Float]) {
    precondition(x.count == rows * columns, "\(x.count) numbers are no \(rows) x \(columns)")
    let bytes = storage.bytes(rows: rows, columns: columns)
    self.bytes = bytes
    func allocate(_ count: Int) -> UnsafeMutableRawPointer {
      let total = count + 2 * Self.guardCount
      let memory = UnsafeMutableRawPointer.allocate(byteCount: total, alignment: 64)
      memory.initializeMemory(as: UInt8.self, repeating: Self.guardByte, count: total)
      return memory
    }
    codeMemory = allocate(bytes.codes)
    scaleMemory = allocate(bytes.scales)
    matrix = FrozenMatrix(
      storage, rows: rows, columns: columns, codes: codeMemory + Self.guardCount,
      scales: scaleMemory + Self.guardCount)
    matrix.quantise(x)
  }

  deinit {
    codeMemory.deallocate()
    scaleMemory.deallocate()
  }

  var scaleBase: UnsafeMutableRawPointer { scaleMemory + Self.guardCount }
  var codes: [UInt8] { read(codeMemory, bytes.codes) }
  var scaleBytes: [UInt8] { read(scaleMemory, bytes.scales) }
  var scales: [Float] {
    scaleBytes.withUnsafeBytes { bytes in
      (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
    }
  }

  /// The bytes, after a look at the guards.
  private func read(_ memory: UnsafeMutableRawPointer, _ count: Int) -> [UInt8] {
    let all = UnsafeRawBufferPointer(start: memory, count: count + 2 * Self.guardCount)
    let outside = [all.prefix(Self.guardCount), all.suffix(Self.guardCount)]
    let intact = outside.allSatisfy { $0.allSatisfy { $0 == Self.guardByte } }
    #expect(intact, "quantising wrote outside of \(count) bytes")
    return Array(all.dropFirst(Self.guardCount).prefix(count))
  }

  /// Every row as a whole, widened.
  var values: [Float] {
    let y = Floats(count: matrix.rows * matrix.columns)
    for row in 0..<matrix.rows {
      matrix.widen(row: row, columns: 0..<matrix.columns, into: y.base + row * matrix.columns)
    }
    return y.values
  }
}
