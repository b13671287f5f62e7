// Writes a planned checkpoint from many ranks at once: one rank creates the files, all ranks fill in their ranges.
import Base

/// What one rank has written of a file, anywhere in it. Those of all ranks together give the checksum of the file.
package struct WrittenPart: Equatable, Sendable {
  package var bytes = 0
  /// The XOR of the checksums of all ranges, each shifted by what follows it in the file.
  package var checksum: UInt32 = 0

  package init() {}
  package init(bytes: Int, checksum: UInt32) {
    self.bytes = bytes
    self.checksum = checksum
  }

  mutating func add(_ bytes: Int, _ checksum: UInt32, following: Int) {
    self.bytes += bytes
    self.checksum ^= CRC32C.shifted(checksum, by: following)
  }
}

/// One rank's part in writing a plan: `create` on one rank, a barrier, then `write` and `finish` on all. Not for use
/// from several threads at once.
package final class SafetensorsWriter {
  package let plan: SafetensorsPlan
  package let folder: String
  /// What was written of each file of the plan.
  package private(set) var written: [WrittenPart]
  private var open: [Int: DurableFile] = [:]
  /// How many elements are rounded to 16 bits at a time, and how many bytes are written at a time: they are still in
  /// the cache when they are written, after their checksum was taken.
  private static let chunk = 1 << 16
  private static let piece = 1 << 18

  /// Opens nothing yet.
  package init(_ plan: SafetensorsPlan, in folder: String) {
    self.plan = plan
    self.folder = folder
    written = [WrittenPart](repeating: WrittenPart(), count: plan.files.count)
  }

  /// Creates every file at its full size, with its header. They are on the disk once `finish` returns.
  /// - Throws: `UserError(.disk)`, with a full disk among the reasons.
  package func create() throws {
    for (number, file) in plan.files.enumerated() {
      open[number] = try DurableFile(creating: "\(folder)/\(file.name)", size: file.size)
      try file.header.encoded().withUnsafeBytes { try write($0, at: 0, ofFile: number) }
    }
  }

  /// Writes elements of a tensor, in row-major order; 16 bits to the nearest, ties to even.
  /// - Parameters:
  ///   - elementRange: elements of the tensor; several ranks may write different ranges of one.
  ///   - values: exactly those elements.
  /// - Throws: `UserError(.disk)`.
  package func write(name: String, elementRange: Range<Int>, from values: UnsafeBufferPointer<Float>) throws {
    guard let place = plan.place(of: name) else { preconditionFailure("\(name) is not in the plan") }
    precondition(elementRange.lowerBound >= 0 && elementRange.upperBound <= place.count, "beyond \(name)")
    precondition(values.count == elementRange.count, "as many values as elements of \(name)")
    guard !values.isEmpty else { return }
    guard place.type.bits == 16 else {
      let start = place.offset + 4 * elementRange.lowerBound
      return try write(UnsafeRawBufferPointer(values), at: start, ofFile: place.file)
    }
    let buffer = UnsafeMutablePointer<UInt16>.allocate(capacity: min(Self.chunk, values.count))
    defer { buffer.deallocate() }
    for start in stride(from: 0, to: values.count, by: Self.chunk) {
      let part = UnsafeBufferPointer(rebasing: values[start..<min(start + Self.chunk, values.count)])
      FloatConversion.narrow(part, to: place.type, into: buffer)
      let bytes = UnsafeRawBufferPointer(start: buffer, count: 2 * part.count)
      try write(bytes, at: place.offset + 2 * (elementRange.lowerBound + start), ofFile: place.file)
    }
  }

  /// Writes elements of a tensor as they lie in memory.
  /// - Parameters:
  ///   - first: the first of them, an element of the tensor.
  ///   - bytes: elements of the tensor's type.
  /// - Throws: `UserError(.disk)`.
  package func write(name: String, from first: Int, bytes: UnsafeRawBufferPointer) throws {
    guard let place = plan.place(of: name) else { preconditionFailure("\(name) is not in the plan") }
    let width = place.type.bits / 8
    precondition(first >= 0 && first + bytes.count / width <= place.count, "beyond \(name)")
    guard !bytes.isEmpty else { return }
    try write(bytes, at: place.offset + width * first, ofFile: place.file)
  }

  /// Forces what this rank wrote onto the disk and closes the files.
  /// - Throws: `UserError(.disk)`.
  package func finish() throws {
    for number in open.keys.sorted() { try open[number]?.sync() }
    open = [:]
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int, ofFile number: Int) throws {
    let file = try opened(number)
    var crc = CRC32C()
    for start in stride(from: 0, to: bytes.count, by: Self.piece) {
      let part = UnsafeRawBufferPointer(rebasing: bytes[start..<min(start + Self.piece, bytes.count)])
      crc.update(part)
      try file.write(part, at: offset + start)
    }
    written[number].add(bytes.count, crc.value, following: plan.files[number].size - offset - bytes.count)
  }

  private func opened(_ number: Int) throws -> DurableFile {
    if let file = open[number] { return file }
    let file = try DurableFile(opening: "\(folder)/\(plan.files[number].name)")
    open[number] = file
    return file
  }
}
