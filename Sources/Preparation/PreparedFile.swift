// One file that a preparation writes.
import Base
import Compression
import Datasets
import Foundation

/// Takes rows as lines of JSON. Files of JSON lines are written as rows come; for other kinds, whose columns must be known
/// first, rows wait in a file of TMPDIR.
final class PreparedFile {
  let path: String
  private(set) var rows = 0
  private let sink: ByteSink
  private let isDirect: Bool
  private let compression: (any Compression)?
  private var buffer: [UInt8] = []
  private var waiting: (path: String, file: FileHandle)?

  init(_ path: String, sink: @escaping ByteSink) throws {
    self.path = path
    self.sink = sink
    let (kind, form) = try DataFileKind.checked(path)
    isDirect = kind == .jsonLines
    compression = isDirect ? form?.compression() : nil
    guard !isDirect else { return }
    let folder = FileManager.default.temporaryDirectory.path
    var template = Array("\(folder)/swiftdp-XXXXXX.jsonl".utf8CString)
    let descriptor = mkstemps(&template, 6)
    guard descriptor >= 0 else { throw UserError.disk("rows cannot be kept there", folder) }
    let name = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    waiting = (name, FileHandle(fileDescriptor: descriptor, closeOnDealloc: true))
  }

  deinit { if let waiting { unlink(waiting.path) } }

  func add(_ line: UnsafeRawBufferPointer) throws {
    buffer.append(contentsOf: line)
    buffer.append(0x0A)
    rows += 1
    if buffer.count >= 1 << 18 { try flush() }
  }

  private func flush() throws {
    if let waiting {
      do { try waiting.file.write(contentsOf: buffer) } catch {
        throw UserError(
          .disk, "rows cannot be kept: \(systemReason(error))", at: waiting.path,
          hint: "set TMPDIR to a folder with room")
      }
    } else {
      try buffer.withUnsafeBytes { part in
        if let compression { try compression.feed(part, sink) } else { try sink(part) }
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  func finish() throws {
    try flush()
    guard let waiting else {
      try compression?.finish(sink)
      return
    }
    guard rows > 0 else {
      throw UserError(.data, "no row is left for it", at: path, hint: "write .jsonl, which may be empty")
    }
    do {
      _ = try DataConversion([waiting.path], to: path, codec: .zstd).run(into: sink) { _ in }
    } catch var error as UserError {
      // The place would be that of a file that nobody has seen.
      error.place = error.place.replacingOccurrences(of: waiting.path, with: path)
      throw error
    }
  }
}
