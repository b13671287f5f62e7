// Writing a planned checkpoint from many ranks at once: one creates the files, all fill in their ranges.
import Base

/// One rank's hand in writing a plan: `create` on one rank, a barrier, then `write` and `finish` on all.
package final class SafetensorsWriter {
  package let plan: SafetensorsPlan
  package let folder: String
  private var open: [Int: DurableFile] = [:]
  /// Elements that are rounded to 16 bits at a time.
  private static let chunk = 1 << 16

  /// Opens nothing yet.
  package init(_ plan: SafetensorsPlan, in folder: String) {
    self.plan = plan
    self.folder = folder
  }

  /// Makes every file at its full size, with its header, and the index; all on the disk when it returns.
  /// - Throws: `UserError(.disk)`, with a full disk among the reasons.
  package static func create(_ plan: SafetensorsPlan, in folder: String) throws {
    for file in plan.files {
      let created = try DurableFile(creating: "\(folder)/\(file.name)", size: file.size)
      try file.header.encoded().withUnsafeBytes { try created.write($0, at: 0) }
      try created.sync()
    }
    let index = Array((plan.index.encoded(indented: true) + "\n").utf8)
    let created = try DurableFile(creating: "\(folder)/\(plan.indexName)", size: index.count)
    try index.withUnsafeBytes { try created.write($0, at: 0) }
    try created.sync()
    try DurableFile.sync(folder: folder)
  }

  /// Writes elements of a tensor, in row-major order; BF16 to the nearest, ties to even.
  /// - Parameters:
  ///   - elementRange: elements of the tensor; several ranks may write different ranges of one.
  ///   - values: exactly those elements.
  /// - Throws: `UserError(.disk)`.
  package func write(name: String, elementRange: Range<Int>, from values: UnsafeBufferPointer<Float>) throws {
    guard let place = plan.place(of: name) else { preconditionFailure("\(name) is not in the plan") }
    precondition(elementRange.lowerBound >= 0 && elementRange.upperBound <= place.count, "beyond \(name)")
    precondition(values.count == elementRange.count, "as many values as elements of \(name)")
    guard !values.isEmpty else { return }
    let file = try opened(place.file)
    guard plan.type == .bf16 else {
      try file.write(UnsafeRawBufferPointer(values), at: place.offset + 4 * elementRange.lowerBound)
      return
    }
    let buffer = UnsafeMutablePointer<UInt16>.allocate(capacity: min(Self.chunk, values.count))
    defer { buffer.deallocate() }
    for start in stride(from: 0, to: values.count, by: Self.chunk) {
      let part = UnsafeBufferPointer(rebasing: values[start..<min(start + Self.chunk, values.count)])
      FloatConversion.narrow(part, into: buffer)
      let bytes = UnsafeRawBufferPointer(start: buffer, count: 2 * part.count)
      try file.write(bytes, at: place.offset + 2 * (elementRange.lowerBound + start))
    }
  }

  /// Writes elements of a tensor as they lie in memory.
  /// - Parameters:
  ///   - first: the first of them, an element of the tensor.
  ///   - bytes: of the plan's type.
  /// - Throws: `UserError(.disk)`.
  package func write(name: String, from first: Int, bytes: UnsafeRawBufferPointer) throws {
    guard let place = plan.place(of: name) else { preconditionFailure("\(name) is not in the plan") }
    let width = plan.type.bits / 8
    precondition(first >= 0 && first + bytes.count / width <= place.count, "beyond \(name)")
    guard !bytes.isEmpty else { return }
    try opened(place.file).write(bytes, at: place.offset + width * first)
  }

  /// Forces what this rank wrote onto the disk and closes the files.
  /// - Throws: `UserError(.disk)`.
  package func finish() throws {
    for number in open.keys.sorted() { try open[number]?.sync() }
    open = [:]
  }

  private func opened(_ number: Int) throws -> DurableFile {
    if let file = open[number] { return file }
    let file = try DurableFile(opening: "\(folder)/\(plan.files[number].name)")
    open[number] = file
    return file
  }
}
