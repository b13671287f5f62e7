// One safetensors file, mapped into memory and read by name.
import Base
import Tensors

/// A safetensors file whose header has been checked; its tensors can be read from any thread.
package final class SafetensorsFile: Sendable {
  package let path: String
  package let header: SafetensorsHeader
  private let file: MappedFile
  private let places: [String: Int]

  /// - Throws: `UserError` where the file cannot be read or is no valid safetensors file.
  package init(_ path: String) throws {
    self.path = path
    file = try MappedFile(path)
    header = try file.withBytes { try SafetensorsHeader.parse($0, path: path) }
    var places: [String: Int] = [:]
    for (index, entry) in header.entries.enumerated() { places[entry.name] = index }
    self.places = places
  }

  /// In the order in which the tensors lie in the file.
  package var names: [String] { header.entries.map(\.name) }

  package func entry(_ name: String) -> SafetensorsHeader.Entry? {
    places[name].map { header.entries[$0] }
  }

  /// Reads elements of a tensor as `Float`, in row-major order: F32 as it is, BF16 and F16 exactly, F64
  /// rounded.
  /// - Parameters:
  ///   - buffer: takes `range.count` elements from its start.
  ///   - range: elements of the tensor.
  /// - Throws: `UserError` if there is no such tensor, or it holds no floats or fewer elements than asked for.
  package func read(
    _ name: String, into buffer: UnsafeMutableBufferPointer<Float>, range: Range<Int>
  ) throws {
    let entry = try self.tensor(name)
    guard entry.type.isFloat else {
      throw refused(name, "is \(entry.type.rawValue); weights are read from F32, BF16, F16 and F64")
    }
    guard range.lowerBound >= 0, range.upperBound <= entry.count else {
      throw refused(name, "has \(entry.count) elements, not the \(range.upperBound) that are needed")
    }
    precondition(buffer.count >= range.count, "the buffer is smaller than the range that is read into it")
    guard !range.isEmpty, let base = file.bytes.baseAddress else { return }
    let start = header.dataStart + entry.bytes.lowerBound + range.lowerBound * entry.type.bits / 8
    FloatConversion.widen(
      entry.type, base + start, into: UnsafeMutableBufferPointer(rebasing: buffer[..<range.count]))
    try file.check()
    file.release(start..<start + range.count * entry.type.bits / 8)
  }

  /// A tensor as it lies in the file; nil if there is no such tensor.
  package func withBytes<T>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> T) throws -> T? {
    guard let entry = entry(name) else { return nil }
    let start = header.dataStart + entry.bytes.lowerBound
    return try file.withBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[start..<start + entry.bytes.count]))
    }
  }

  /// A tensor of bfloat16 where it is mapped; nil if it is of another type, or at an odd address.
  package func halves(of name: String) -> MappedHalves? {
    guard let entry = entry(name), entry.type == .bf16, entry.count > 0, let base = file.bytes.baseAddress
    else { return nil }
    let start = base + header.dataStart + entry.bytes.lowerBound
    guard Int(bitPattern: start) % 2 == 0 else { return nil }
    return MappedHalves(start, of: file) { [file] in try file.check() }
  }

  /// All elements of a tensor of whole numbers (or truth values), in row-major order.
  /// - Throws: `UserError` where there is no such tensor or it does not hold I64, I32, I16, I8, U8 or BOOL.
  package func integers(_ name: String) throws -> [Int] {
    let entry = try self.tensor(name)
    guard entry.type.isInteger else {
      throw refused(name, "is \(entry.type.rawValue), which is no type of whole numbers")
    }
    let start = header.dataStart + entry.bytes.lowerBound
    func all<Element: BinaryInteger>(_ type: Element.Type) throws -> [Int] {
      let width = MemoryLayout<Element>.size
      return try file.withBytes { bytes in
        (0..<entry.count).map { Int(bytes.loadUnaligned(fromByteOffset: start + $0 * width, as: type)) }
      }
    }
    return switch entry.type {
    case .i64: try all(Int64.self)
    case .i32: try all(Int32.self)
    case .i16: try all(Int16.self)
    case .i8: try all(Int8.self)
    default: try all(UInt8.self)
    }
  }

  private func tensor(_ name: String) throws -> SafetensorsHeader.Entry {
    guard let entry = entry(name) else {
      throw UserError(.data, "holds no tensor \(name.quoted)", at: path)
    }
    return entry
  }

  private func refused(_ name: String, _ what: String) -> UserError {
    UserError(.data, "the tensor \(name.quoted) \(what)", at: path)
  }
}
