// Rows as a table: .csv as RFC 4180 says, or .tsv without quoting.
import Base
import Compression

/// Numbers and truth values stand as in JSON; so do lists and objects, which a table has no other way to say. Null is an
/// empty field, and an empty text one in quotes.
final class TableRowWriter: RowWriter {
  private let out: PartBuffer
  private let names: [[UInt8]]
  private let isQuoted: Bool

  /// - Parameter names: of all columns.
  init(names: [[UInt8]], isQuoted: Bool, _ sink: @escaping ByteSink) throws {
    out = PartBuffer(sink)
    self.names = names
    self.isQuoted = isQuoted
    try write(names.map { try field(.string($0), named: $0) })
  }

  func add(_ row: SourceRow) throws {
    let members = row.json.members ?? []
    try write(
      names.enumerated().map { place, name in
        // Most rows have all columns in one order.
        let isThere = place < members.count && members[place].key == name
        let value = isThere ? members[place].value : members.first { $0.key == name }?.value
        return try field(value ?? .null, named: name)
      })
  }

  func finish() throws { try out.flush() }

  private func write(_ fields: [[UInt8]]) throws {
    var line: [UInt8] = []
    for (place, field) in fields.enumerated() {
      if place > 0 { line.append(isQuoted ? UInt8(ascii: ",") : 0x09) }
      line += field
    }
    if line.isEmpty {
      // A reader passes over an empty line.
      guard isQuoted else {
        throw RowMistake("is empty, and an empty line of a .tsv file is no row", hint: "convert to .csv")
      }
      line = Array("\"\"".utf8)
    }
    try out.append(line + [0x0A])
  }

  private func field(_ value: JSON, named name: [UInt8]) throws -> [UInt8] {
    let text: [UInt8]
    switch value {
    case .null: return []
    case .string(let bytes): text = bytes
    default:
      var written: [UInt8] = []
      value.write(to: &written)
      text = written
    }
    if isQuoted {
      guard text.isEmpty || text.contains(where: { $0 == 0x22 || $0 == 0x2C || $0 == 0x0A || $0 == 0x0D })
      else { return text }
      var quoted: [UInt8] = [0x22]
      quoted.reserveCapacity(text.count + 2)
      for byte in text {
        if byte == 0x22 { quoted.append(byte) }
        quoted.append(byte)
      }
      return quoted + [0x22]
    }
    guard !text.contains(where: { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }) else {
      throw RowMistake(
        "\"\(String(decoding: name, as: UTF8.self))\" has a tab or a line end, which a .tsv file cannot say",
        hint: "convert to .csv")
    }
    return text
  }
}
