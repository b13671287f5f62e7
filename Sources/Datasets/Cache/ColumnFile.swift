// A file of a cache: named columns of numbers, and a head that says what they are.
//
//   mark            16 bytes
//   size, checksum  of the head: 8 and 4 bytes, and 4 of zeros
//   head            JSON: the key of the entry, what it holds, and where each column lies
//   columns         each at a multiple of 64 bytes
import Base
import Foundation
import Synchronization

/// Why an entry of a cache cannot be used.
struct CacheDamage: Error, Equatable {
  let path: String
  let reason: String

  /// In one line, for a note.
  var words: String { "\(path): \(reason); it is made anew" }
}

final class ColumnFile: Sendable {
  private static let mark = Array("swiftdp columns\n".utf8)
  private static let headStart = 32
  private static let alignment = 64
  /// The most values of a head.
  private static let mostValues = 50_000_000

  private struct Section: Sendable {
    var range: Range<Int>
    var checksum: UInt32
  }

  let path: String
  let about: JSON
  private let mapped: MappedFile
  private let sections: [String: Section]
  private let hasDamage = Atomic(false)

  /// Opens a file and checks its head and its size: what columns hold is checked where it is read.
  /// - Returns: nil if there is no such file.
  /// - Throws: `CacheDamage`, or `UserError` if it cannot be read.
  static func open(_ path: String, key: CacheKey) throws -> ColumnFile? {
    var status = stat()
    if stat(path, &status) != 0, errno == ENOENT || errno == ENOTDIR { return nil }
    return try ColumnFile(path, key: key)
  }

  private init(_ path: String, key: CacheKey) throws {
    func damage(_ reason: String) -> CacheDamage { CacheDamage(path: path, reason: reason) }
    self.path = path
    mapped = try MappedFile(path)
    let bytes = mapped.bytes
    guard bytes.count >= Self.headStart, bytes.starts(with: Self.mark) else {
      throw damage("is cut, or no file of a cache")
    }
    let size = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self))
    let checksum = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self))
    guard size <= UInt64(bytes.count - Self.headStart) else { throw damage("is cut") }
    let end = Self.headStart + Int(size)
    let head = UnsafeRawBufferPointer(rebasing: bytes[Self.headStart..<end])
    var found = CRC32C()
    found.update(head)
    guard found.value == checksum else { throw damage("its head is damaged") }
    guard
      let json = try? JSON.parse(head.bindMemory(to: UInt8.self), mostValues: Self.mostValues),
      json["key"]?.text == key.digits, let about = json["about"], let list = json["columns"]?.elements
    else { throw damage("its head is not that of this entry") }
    self.about = about
    var sections: [String: Section] = [:]
    var last = Self.aligned(end)
    for entry in list {
      guard let name = entry["name"]?.text, let count = entry["bytes"]?.integer, count >= 0,
        let checksum = entry["checksum"]?.integer.flatMap(UInt32.init(exactly:)),
        count <= bytes.count - last
      else { throw damage("is cut") }
      sections[name] = Section(range: last..<last + count, checksum: checksum)
      last = min(Self.aligned(last + count), bytes.count)
    }
    guard last == bytes.count else { throw damage("has other bytes than it should") }
    self.sections = sections
  }

  private static func aligned(_ offset: Int) -> Int { (offset + alignment - 1) / alignment * alignment }

  /// A column; an empty one if the file has none of that name.
  /// - Throws: `CacheDamage` if it does not hold whole elements.
  func column<Element>(_ name: String, of type: Element.Type = Element.self) throws -> Column<Element> {
    guard let section = sections[name] else { return Column() }
    guard section.range.count % MemoryLayout<Element>.stride == 0 else {
      throw CacheDamage(path: path, reason: "its column \(name) is cut")
    }
    return Column(mapped, section.range)
  }

  /// Compares what columns hold with what was written.
  /// - Parameter others: names of columns that are not looked at.
  /// - Throws: `CacheDamage`.
  func verify(but others: Set<String> = []) throws {
    for (name, section) in sections.sorted(by: { $0.key < $1.key }) where !others.contains(name) {
      var checksum = CRC32C()
      for start in stride(from: section.range.lowerBound, to: section.range.upperBound, by: 16 << 20) {
        let part = start..<min(start + 16 << 20, section.range.upperBound)
        checksum.update(UnsafeRawBufferPointer(rebasing: mapped.bytes[part]))
        mapped.release(part)
      }
      guard checksum.value == section.checksum, !mapped.isBroken else {
        throw CacheDamage(path: path, reason: "its column \(name) is damaged")
      }
    }
  }

  /// Takes its pages out of this process's memory.
  func release() { mapped.release(0..<mapped.bytes.count) }

  /// Notes that something was read which cannot have been written.
  func reportDamage() { hasDamage.store(true, ordering: .relaxed) }

  /// - Throws: if it was damaged while it was in use. It is removed then, so that the next start makes it anew.
  func check() throws {
    guard hasDamage.load(ordering: .relaxed) || mapped.isBroken else { return }
    // Another rank may have been faster.
    let isRemoved = unlink(path) == 0 || errno == ENOENT
    throw UserError(
      .tryAgain, "a part of data.cache was damaged" + (isRemoved ? ", and is removed" : ""), at: path,
      hint: isRemoved ? "start again: it is made anew" : "remove it, and start again")
  }
}

// MARK: writing

/// The bytes of a column, for a file.
struct ColumnBytes {
  let name: String
  let count: Int
  /// Calls its argument with all bytes, one part after the other.
  let read: ((UnsafeRawBufferPointer) throws -> Void) throws -> Void

  /// - Parameter column: read twice.
  init<Element>(_ name: String, _ column: Column<Element>) {
    self.name = name
    count = column.count * MemoryLayout<Element>.stride
    read = { body in
      let part = (4 << 20) / MemoryLayout<Element>.stride
      for start in stride(from: 0, to: column.count, by: part) {
        try column.withElements(start..<min(start + part, column.count)) {
          try body(UnsafeRawBufferPointer($0))
        }
        if start % (part * 16) == 0 { column.release() }
      }
      column.release()
    }
  }
}

extension ColumnFile {
  /// Returns when the disk holds the file.
  /// - Throws: `UserError(.disk)`; nothing is left then.
  static func write(to path: String, key: CacheKey, about: JSON, _ columns: [ColumnBytes]) throws {
    let list = try columns.map { column in
      var checksum = CRC32C()
      try column.read { checksum.update($0) }
      return JSON.object([
        "name": .string(column.name), "bytes": .integer(column.count),
        "checksum": .integer(Int(checksum.value)),
      ])
    }
    let head = Array(
      JSON.object(["key": .string(key.digits), "about": about, "columns": .array(list)]).encoded().utf8)
    var checksum = CRC32C()
    head.withUnsafeBytes { checksum.update($0) }
    var start = mark
    withUnsafeBytes(of: UInt64(head.count).littleEndian) { start += $0 }
    withUnsafeBytes(of: checksum.value.littleEndian) { start += $0 }
    start += [0, 0, 0, 0] + head
    let size = columns.reduce(aligned(start.count)) { aligned($0 + $1.count) }
    try CacheFile.write(size: size, to: path) { file in
      try start.withUnsafeBytes { try file.write($0, at: 0) }
      var offset = aligned(start.count)
      for column in columns {
        var place = offset
        try column.read { part in
          try file.write(part, at: place)
          place += part.count
        }
        offset = aligned(offset + column.count)
      }
    }
  }
}
