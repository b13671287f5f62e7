// The values of GGUF's metadata, as ggml's gguf.md lays them out: little-endian, texts behind their length.

/// A value with its type.
enum GGUFValue: Equatable {
  case unsigned(UInt32)
  case float(Float)
  case bool(Bool)
  case text([UInt8])
  case texts([[UInt8]])
  case floats([Float])
  case integers([Int32])

  static func text(_ text: String) -> GGUFValue { .text(Array(text.utf8)) }

  /// The numbers of the types.
  private enum Kind: UInt32 {
    case uint32 = 4
    case int32 = 5
    case float32 = 6
    case bool = 7
    case string = 8
    case array = 9
  }

  func write(to out: inout [UInt8]) {
    func list<Element>(_ kind: Kind, _ elements: [Element], _ write: (Element, inout [UInt8]) -> Void) {
      out.append(little: Kind.array.rawValue)
      out.append(little: kind.rawValue)
      out.append(little: UInt64(elements.count))
      for element in elements { write(element, &out) }
    }
    switch self {
    case .unsigned(let value):
      out.append(little: Kind.uint32.rawValue)
      out.append(little: value)
    case .float(let value):
      out.append(little: Kind.float32.rawValue)
      out.append(little: value.bitPattern)
    case .bool(let value):
      out.append(little: Kind.bool.rawValue)
      out.append(value ? 1 : 0)
    case .text(let value):
      out.append(little: Kind.string.rawValue)
      out.append(text: value)
    case .texts(let values): list(.string, values) { $1.append(text: $0) }
    case .floats(let values): list(.float32, values) { $1.append(little: $0.bitPattern) }
    case .integers(let values): list(.int32, values) { $1.append(little: $0) }
    }
  }
}

extension [UInt8] {
  mutating func append(little value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  mutating func append(text: [UInt8]) {
    append(little: UInt64(text.count))
    append(contentsOf: text)
  }
}
