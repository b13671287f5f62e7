// Collects the values of one column of a row group, and writes them as pages.
import Base
import Compression

/// What the footer says about a column of a row group.
struct WrittenColumn {
  var dictionaryStart: Int?
  var dataStart: Int
  var size: Int
  var rawSize: Int
  var valueCount: Int
}

final class ColumnWriter {
  let shape: ColumnShape
  let path: [[UInt8]]
  private let definition: Int
  private let repetition: Int

  private var repetitions: [UInt8] = []
  private var definitions: [UInt8] = []
  /// The values as they are, one byte for each truth value.
  private var plain: [UInt8] = []
  private var valueCount = 0
  /// The distinct values with their numbers, while they are few.
  private var numbers: [[UInt8]: UInt32]? = [:]
  private var dictionary: [UInt8] = []
  private var indices: [UInt32] = []
  /// Where pages end.
  private var ends: [End] = []

  private struct End {
    var entries = 0
    var values = 0
    var bytes = 0
  }

  /// What other programs take for a page, and for a dictionary.
  private static let pageSize = 1 << 20
  private static let pageEntries = 20_000
  private static let largestDictionary = 1 << 20

  /// - Parameters:
  ///   - definition: the level of a value that is there.
  ///   - repetition: how many lists it lies in.
  init(_ shape: ColumnShape, path: [[UInt8]], definition: Int, repetition: Int) {
    self.shape = shape
    self.path = path
    self.definition = definition
    self.repetition = repetition
    if shape.kind == .bool { numbers = nil }
  }

  /// Bytes in memory.
  var size: Int { plain.count + definitions.count + repetitions.count + indices.count * 4 }

  func addNull(repetition: Int, definition: Int) {
    repetitions.append(UInt8(repetition))
    definitions.append(UInt8(definition))
  }

  func add(_ value: JSON, repetition: Int) {
    addNull(repetition: repetition, definition: definition)
    let start = plain.count
    switch value {
    case .bool(let truth): plain.append(truth ? 1 : 0)
    case .integer(let number) where shape.kind == .integer: plain.appendLittleEndian(Int64(number))
    case .integer(let number): plain.appendLittleEndian(Double(number).bitPattern)
    case .number(let number): plain.appendLittleEndian(number.bitPattern)
    case .string(let text):
      plain.appendLittleEndian(UInt32(text.count))
      plain += text
    case .null, .array, .object: preconditionFailure("the shape knows every value")
    }
    valueCount += 1
    remember(Array(plain[start...]))
  }

  /// Gives the value its number, or gives the dictionary up where it is no shorter than the values.
  private func remember(_ value: [UInt8]) {
    guard numbers != nil else { return }
    if let number = numbers?[value] { return indices.append(number) }
    guard dictionary.count + value.count <= Self.largestDictionary,
      dictionary.count < 4096 || dictionary.count * 2 < plain.count
    else {
      numbers = nil
      indices = []
      dictionary = []
      return
    }
    let number = UInt32(numbers?.count ?? 0)
    numbers?[value] = number
    indices.append(number)
    dictionary += value
  }

  /// Ends the page if it is long enough. Call it behind a row, since a row's values stand on one page.
  func endRow() {
    let last = ends.last ?? End()
    guard plain.count - last.bytes >= Self.pageSize || definitions.count - last.entries >= Self.pageEntries
    else {
      return
    }
    ends.append(End(entries: definitions.count, values: valueCount, bytes: plain.count))
  }

  /// Writes all values, and is empty then.
  /// - Parameter start: where the file ends now.
  func flush(_ codec: BlockCodec, from start: Int, _ sink: ByteSink) throws -> WrittenColumn {
    var written = WrittenColumn(dataStart: start, size: 0, rawSize: 0, valueCount: definitions.count)
    func page(_ kind: PageHeader.Kind, _ raw: [UInt8], values: Int, isIndexed: Bool) throws {
      let bytes = try codec.compress(raw)
      var header = ThriftWriter()
      header.structure { header in
        header.int(1, kind.rawValue)
        header.int(2, raw.count)
        header.int(3, bytes.count)
        header.structure(kind == .dictionary ? 7 : 5) { header in
          header.int(1, values)
          header.int(2, isIndexed ? 8 : 0)
          guard kind == .data else { return }
          header.int(3, 3)
          header.int(4, 3)
        }
      }
      try header.bytes.withUnsafeBytes(sink)
      try bytes.withUnsafeBytes(sink)
      written.size += header.bytes.count + bytes.count
      written.rawSize += header.bytes.count + raw.count
    }
    if let numbers, !numbers.isEmpty {
      written.dictionaryStart = start
      try page(.dictionary, dictionary, values: numbers.count, isIndexed: false)
      written.dataStart = start + written.size
    }
    if ends.last?.entries != definitions.count {
      ends.append(End(entries: definitions.count, values: valueCount, bytes: plain.count))
    }
    var from = End()
    for end in ends {
      let raw = pageBytes(from, end)
      try page(.data, raw, values: end.entries - from.entries, isIndexed: written.dictionaryStart != nil)
      from = end
    }
    clear()
    return written
  }

  private func pageBytes(_ from: End, _ end: End) -> [UInt8] {
    var raw: [UInt8] = []
    func levels(_ levels: [UInt8], most: Int) {
      guard most > 0 else { return }
      var runs: [UInt8] = []
      runs.appendRuns(levels[from.entries..<end.entries], width: Int.bitWidth - most.leadingZeroBitCount)
      raw.appendLittleEndian(UInt32(runs.count))
      raw += runs
    }
    levels(repetitions, most: repetition)
    levels(definitions, most: definition)
    if let numbers, !numbers.isEmpty {
      let width = Int.bitWidth - (numbers.count - 1).leadingZeroBitCount
      raw.append(UInt8(width))
      raw.appendRuns(indices[from.values..<end.values], width: width)
    } else if shape.kind == .bool {
      for start in stride(from: from.bytes, to: end.bytes, by: 8) {
        var byte: UInt8 = 0
        for place in start..<min(start + 8, end.bytes) { byte |= plain[place] << UInt8(place - start) }
        raw.append(byte)
      }
    } else {
      raw += plain[from.bytes..<end.bytes]
    }
    return raw
  }

  private func clear() {
    repetitions.removeAll(keepingCapacity: true)
    definitions.removeAll(keepingCapacity: true)
    plain.removeAll(keepingCapacity: true)
    indices.removeAll(keepingCapacity: true)
    ends.removeAll(keepingCapacity: true)
    dictionary.removeAll(keepingCapacity: true)
    valueCount = 0
    numbers = shape.kind == .bool ? nil : [:]
  }
}
