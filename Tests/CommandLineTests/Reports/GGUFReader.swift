// Reads GGUF by its public definition, without anything of swiftdp.
import Foundation

struct GGUFReader {
  struct Damaged: Error {}

  struct Tensor {
    /// As in the file: the columns first.
    var sizes: [Int]
    var type: UInt32
    var offset: Int
  }

  private(set) var version: UInt32 = 0
  private(set) var texts: [String: String] = [:]
  private(set) var numbers: [String: Double] = [:]
  private(set) var lists: [String: [String]] = [:]
  private(set) var keys: [String] = []
  private(set) var tensors: [String: Tensor] = [:]
  private let bytes: [UInt8]
  private var place = 0
  private var dataStart = 0

  init(_ data: Data) throws {
    bytes = [UInt8](data)
    guard bytes.prefix(4).elementsEqual("GGUF".utf8) else { throw Damaged() }
    place = 4
    version = UInt32(try integer(4))
    let (tensorCount, keyCount) = (Int(try integer(8)), Int(try integer(8)))
    for _ in 0..<keyCount {
      let key = try text()
      keys.append(key)
      let kind = try integer(4)
      if kind == 9 {
        let element = try integer(4)
        lists[key] = try (0..<Int(try integer(8))).map { _ in try value(element) }
      } else {
        let value = try value(kind)
        if kind == 8 { texts[key] = value } else { numbers[key] = Double(value) }
      }
    }
    for _ in 0..<tensorCount {
      let name = try text()
      let sizes = try (0..<Int(try integer(4))).map { _ in Int(try integer(8)) }
      let type = UInt32(try integer(4))
      tensors[name] = Tensor(sizes: sizes, type: type, offset: Int(try integer(8)))
    }
    dataStart = (place + 31) / 32 * 32
  }

  /// Some bytes of a tensor from its start.
  func data(_ name: String, count: Int) throws -> [UInt8] {
    guard let tensor = tensors[name], tensor.offset % 32 == 0,
      dataStart + tensor.offset + count <= bytes.count
    else { throw Damaged() }
    return Array(bytes[dataStart + tensor.offset..<dataStart + tensor.offset + count])
  }

  /// A tensor of type f32, row by row.
  func floats(_ name: String) throws -> [Float] {
    guard let tensor = tensors[name], tensor.type == 0 else { throw Damaged() }
    let bytes = try data(name, count: 4 * tensor.sizes.reduce(1, *))
    return bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }

  private mutating func integer(_ count: Int) throws -> UInt64 {
    guard place + count <= bytes.count else { throw Damaged() }
    defer { place += count }
    return bytes[place..<place + count].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func text() throws -> String {
    let count = Int(try integer(8))
    guard place + count <= bytes.count else { throw Damaged() }
    defer { place += count }
    return String(decoding: bytes[place..<place + count], as: UTF8.self)
  }

  private mutating func value(_ kind: UInt64) throws -> String {
    switch kind {
    case 4: "\(try integer(4))"
    case 5: "\(Int32(truncatingIfNeeded: try integer(4)))"
    case 6: "\(Float(bitPattern: UInt32(try integer(4))))"
    case 7: "\(try integer(1))"
    case 8: try text()
    default: throw Damaged()
    }
  }
}
