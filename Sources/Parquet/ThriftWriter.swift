// Writes Thrift's compact protocol, as far as Parquet's metadata needs it.

struct ThriftWriter {
  private(set) var bytes: [UInt8] = []
  /// The numbers of the fields before, of each structure that is open.
  private var last: [Int] = [0]

  mutating func field(_ id: Int, _ value: Int) {
    head(id, .long)
    zigzag(Int64(value))
  }

  /// A number of 32 bits, or of an enumeration.
  mutating func int(_ id: Int, _ value: Int) {
    head(id, .int)
    zigzag(Int64(value))
  }

  mutating func field(_ id: Int, _ text: [UInt8]) {
    head(id, .binary)
    write(text)
  }

  mutating func structure(_ id: Int, _ body: (inout ThriftWriter) -> Void) {
    head(id, .structure)
    structure(body)
  }

  /// One element of a list of structures, or the outermost one.
  mutating func structure(_ body: (inout ThriftWriter) -> Void) {
    last.append(0)
    body(&self)
    last.removeLast()
    bytes.append(0)
  }

  mutating func list<Element>(
    _ id: Int, of kind: ThriftReader.Kind, _ elements: [Element],
    _ body: (inout ThriftWriter, Element) -> Void
  ) {
    head(id, .list)
    if elements.count < 15 {
      bytes.append(UInt8(elements.count) << 4 | kind.rawValue)
    } else {
      bytes.append(0xF0 | kind.rawValue)
      varint(UInt64(elements.count))
    }
    for element in elements { body(&self, element) }
  }

  mutating func zigzag(_ value: Int64) { varint(UInt64(bitPattern: value << 1 ^ value >> 63)) }

  mutating func write(_ text: [UInt8]) {
    varint(UInt64(text.count))
    bytes += text
  }

  private mutating func head(_ id: Int, _ kind: ThriftReader.Kind) {
    let step = id - last[last.count - 1]
    precondition((1...15).contains(step), "fields are written in their order")
    bytes.append(UInt8(step) << 4 | kind.rawValue)
    last[last.count - 1] = id
  }

  private mutating func varint(_ value: UInt64) { bytes.appendVarint(value) }
}

extension [UInt8] {
  mutating func appendVarint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    append(UInt8(value))
  }

  mutating func appendLittleEndian(_ value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }

  /// Numbers in runs: eight or more equal ones as one, others packed in eights. See `RunLengths`.
  /// - Parameter width: bits of a number.
  mutating func appendRuns<Number: UnsignedInteger & FixedWidthInteger>(
    _ numbers: ArraySlice<Number>, width: Int
  ) {
    var packed: [Number] = []
    func flush(_ out: inout [UInt8]) {
      guard !packed.isEmpty else { return }
      let groups = (packed.count + 7) / 8
      out.appendVarint(UInt64(groups) << 1 | 1)
      var (word, bits): (UInt64, Int) = (0, 0)
      for index in 0..<groups * 8 {
        word |= (index < packed.count ? UInt64(packed[index]) : 0) << UInt64(bits)
        bits += width
        while bits >= 8 {
          out.append(UInt8(truncatingIfNeeded: word))
          word >>= 8
          bits -= 8
        }
      }
      packed.removeAll(keepingCapacity: true)
    }
    var at = numbers.startIndex
    while at < numbers.endIndex {
      let number = numbers[at]
      let end = numbers[at...].firstIndex { $0 != number } ?? numbers.endIndex
      // Packed numbers come in eights, so that a run fills the last eight up first.
      let filling = Swift.min((8 - packed.count % 8) % 8, end - at)
      if end - at - filling >= 8 {
        packed.append(contentsOf: numbers[at..<at + filling])
        flush(&self)
        appendVarint(UInt64(end - at - filling) << 1)
        for shift in stride(from: 0, to: width, by: 8) {
          append(UInt8(truncatingIfNeeded: UInt64(number) >> UInt64(shift)))
        }
      } else {
        packed.append(contentsOf: numbers[at..<end])
      }
      at = end
    }
    flush(&self)
  }
}
