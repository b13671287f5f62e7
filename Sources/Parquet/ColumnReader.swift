// The values of a column within a row group, page by page.
import Base
import Compression

final class ColumnReader {
  let column: SchemaColumn
  private let pages: UnsafeRawBufferPointer
  private let decompression: BlockDecompression
  private var cursor: ByteCursor
  /// Entries of the column and of its page, behind the one that stands next.
  private var left: Int64
  private var leftOnPage = 0
  /// What the page holds that `values` and levels point into.
  private var page = ByteBuffer()
  private var repetitions = Levels.none
  private var definitions = Levels.none
  private var values = Values.none
  private var dictionary: [JSON]?

  private enum Values {
    case none
    case decoded(any ValueDecoder)
    case indices(RunLengths)
  }

  /// The levels of the entry that stands next: where lists go on, and how deep the value is.
  private(set) var repetition = 0
  private(set) var definition = 0
  /// Whether there is one.
  private(set) var hasEntry = true

  /// - Parameter file: all bytes of it.
  init(_ column: SchemaColumn, _ chunk: ColumnChunk, in file: UnsafeRawBufferPointer) throws {
    guard !chunk.isElsewhere else { throw ParquetMistake("has its values in another file") }
    guard !chunk.isEncrypted else { throw ParquetMistake("is encrypted, which is not built in") }
    guard chunk.physical == column.type.physical.rawValue, chunk.valueCount >= 0 else {
      throw ParquetMistake.damaged("a column has another type than the schema says")
    }
    self.column = column
    pages = try file.part(from: chunk.start, count: chunk.size)
    cursor = ByteCursor(pages)
    left = chunk.valueCount
    decompression = BlockDecompression(try chunk.blockCodec())
    try advance()
  }

  /// The entry that stands next: a value, or null.
  func take() throws -> JSON {
    guard hasEntry else { throw ParquetMistake.damaged("a column has fewer values than others") }
    let value = definition == column.definition ? try value() : .null
    try advance()
    return value
  }

  private func value() throws -> JSON {
    switch values {
    case .none: throw ByteCursor.endsTooEarly
    case .decoded(var decoder):
      // The decoder is taken out, since two owners of a value would mean a copy.
      values = .none
      defer { values = .decoded(decoder) }
      return try column.type.json(try decoder.next())
    case .indices(var indices):
      values = .none
      defer { values = .indices(indices) }
      let index = Int(try indices.next())
      guard let dictionary, index < dictionary.count else {
        throw ParquetMistake.damaged("a value is number \(index) of a dictionary that does not have it")
      }
      return dictionary[index]
    }
  }

  private func advance() throws {
    guard left > 0 else {
      hasEntry = false
      return
    }
    while leftOnPage == 0 { try nextPage() }
    left -= 1
    leftOnPage -= 1
    repetition = try repetitions.next()
    definition = column.definition == 0 ? 0 : try definitions.next()
  }

  private func nextPage() throws {
    var reader = ThriftReader(cursor)
    let header = try PageHeader(&reader)
    cursor = reader.cursor
    let stored = try cursor.take(header.compressedSize)
    if let checksum = header.checksum, crc32(stored) != checksum {
      throw ParquetMistake.damaged("a page has another checksum than it should")
    }
    do {
      switch header.kind {
      case .data: try startPage(header, stored)
      case .dataV2: try startPageV2(header, stored)
      case .dictionary: try readDictionary(header, stored)
      case .index, nil: break
      }
    } catch let damage as CompressedForm.Damage {
      throw ParquetMistake.damaged("a page cannot be decompressed: \(damage.reason)")
    }
  }

  private func readDictionary(_ header: PageHeader, _ stored: UnsafeRawBufferPointer) throws {
    guard dictionary == nil, [0, 2].contains(header.encoding), column.type.physical != .boolean else {
      throw ParquetMistake.damaged("a column has two dictionaries, or one with encoding \(header.encoding)")
    }
    page.removeAll()
    try decompression.decompress(stored, size: header.size, into: &page)
    var decoder = PlainDecoder(page.bytes, column.type)
    var values: [JSON] = []
    for _ in 0..<header.valueCount { values.append(try column.type.json(try decoder.next())) }
    dictionary = values
  }

  private func startPage(_ header: PageHeader, _ stored: UnsafeRawBufferPointer) throws {
    page.removeAll()
    try decompression.decompress(stored, size: header.size, into: &page)
    var cursor = ByteCursor(page.bytes)
    func levels(most: Int, encoding: Int) throws -> Levels {
      guard most > 0 else { return .none }
      switch encoding {
      case 3:
        let size = Int(try cursor.fixed(UInt32.self))
        return try Levels(try cursor.take(size), most: most)
      case 4:
        let width = Int.bitWidth - most.leadingZeroBitCount
        return try Levels(try cursor.take((header.valueCount * width + 7) / 8), most: most, isPacked: true)
      default: throw ParquetMistake.damaged("levels have encoding \(encoding)")
      }
    }
    repetitions = try levels(most: column.repetition, encoding: header.repetitionEncoding)
    definitions = try levels(most: column.definition, encoding: header.definitionEncoding)
    try startValues(header, cursor.rest)
  }

  private func startPageV2(_ header: PageHeader, _ stored: UnsafeRawBufferPointer) throws {
    var cursor = ByteCursor(stored)
    page.removeAll()
    let levelSize = header.repetitionSize + header.definitionSize
    try page.append(try cursor.take(levelSize))
    guard header.size >= levelSize else { throw ByteCursor.endsTooEarly }
    if !header.isCompressed {
      try page.append(cursor.rest)
    } else if header.size > levelSize {
      try decompression.decompress(cursor.rest, size: header.size - levelSize, into: &page)
    }
    cursor = ByteCursor(page.bytes)
    let (repeated, defined) = (try cursor.take(header.repetitionSize), try cursor.take(header.definitionSize))
    repetitions = column.repetition == 0 ? .none : try Levels(repeated, most: column.repetition)
    definitions = column.definition == 0 ? .none : try Levels(defined, most: column.definition)
    try startValues(header, cursor.rest)
  }

  private func startValues(_ header: PageHeader, _ bytes: UnsafeRawBufferPointer) throws {
    leftOnPage = header.valueCount
    guard header.encoding == 2 || header.encoding == 8 else {
      // A page of nulls may have no bytes, not even a head.
      values =
        bytes.isEmpty && header.encoding != 0
        ? .none
        : .decoded(try decoder(encoding: header.encoding, bytes, column.type, most: header.valueCount))
      return
    }
    guard !bytes.isEmpty else {
      values = .none
      return
    }
    var cursor = ByteCursor(bytes)
    let width = Int(try cursor.byte())
    values = .indices(try RunLengths(cursor, width: width))
  }
}
