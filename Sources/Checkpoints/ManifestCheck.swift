// Compares the files of a folder with its manifest, in one process or in all ranks at once.
import Base
import Collectives
import Foundation

extension Manifest {
  /// Every file that differs from the manifest, found by this process alone.
  package func check(_ folder: String) throws {
    let problems = Problems()
    for file in files {
      problems.collect { try file.compare(try file.checksum(in: folder, part: 0, of: 1), in: folder) }
    }
    try problems.throwIfAny()
  }

  /// The first file that differs from the manifest; nil if all agree. Each rank reads its share of the bytes of every
  /// file. Collective, with the same manifest on all ranks.
  package func fault(in folder: String, over ranks: Ranks) -> Ranks.Fault? {
    var mine: [Double] = []
    let read = Result {
      // Exact: a checksum has 32 bits.
      mine = try files.map { Double(try $0.checksum(in: folder, part: ranks.rank, of: ranks.count)) }
    }
    if let fault = ranks.firstFault(read.error) { return fault }
    let parts = ranks.gather(mine)
    let compared = Result {
      for (number, file) in files.enumerated() {
        try file.compare(parts.reduce(0) { $0 ^ UInt32($1[number]) }, in: folder)
      }
    }
    return ranks.firstFault(compared.error)
  }

  /// The faults that show without reading the files: one is missing or has another length.
  package func checkLengths(_ folder: String) throws {
    for file in files { _ = try file.opened(in: folder) }
  }
}

extension Manifest.File {
  /// Bytes that are read at once.
  private static let piece = 1 << 20

  /// What a share of a file's bytes adds to its checksum.
  /// - Throws: if the file cannot be read or has another length.
  fileprivate func checksum(in folder: String, part: Int, of parts: Int) throws -> UInt32 {
    let opened = try opened(in: folder)
    let share = bytes / parts
    let range = share * part..<(part + 1 == parts ? bytes : share * (part + 1))
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(Self.piece, max(range.count, 1)), alignment: 64)
    defer { buffer.deallocate() }
    var crc = CRC32C()
    var place = range.lowerBound
    while place < range.upperBound {
      let part = UnsafeMutableRawBufferPointer(
        rebasing: buffer[..<min(buffer.count, range.upperBound - place)])
      try opened.read(part, at: place)
      crc.update(UnsafeRawBufferPointer(part))
      place += part.count
    }
    return CRC32C.shifted(crc.value, by: bytes - range.upperBound)
  }

  fileprivate func compare(_ found: UInt32, in folder: String) throws {
    guard found != checksum else { return }
    throw UserError(
      .data,
      "is damaged: its checksum is \(CRC32C.digits(found)), and was \(CRC32C.digits(checksum)) when it was written",
      at: "\(folder)/\(name)")
  }

  fileprivate func opened(in folder: String) throws -> OpenFile {
    let path = "\(folder)/\(name)"
    if access(path, F_OK) != 0, errno == ENOENT { throw UserError(.data, "is missing", at: path) }
    let file = try OpenFile(path)
    guard file.bytes == bytes else {
      throw UserError(
        .data, "is \(file.bytes) bytes long, and was \(bytes) when it was written", at: file.path)
    }
    return file
  }
}
