// The files of TensorBoard: records of TensorFlow's TFRecord format, each a message `Event`.
import Base
import Foundation
import SwiftProtobuf

typealias Event = Swiftdp_Tensorboard_Event

/// A record is the length of its message (eight bytes, little-endian), the masked CRC-32C of these, the message, and
/// the masked CRC-32C of the message (record_writer.cc of TensorFlow).
enum EventRecords {
  private static let headBytes = 12
  private static let tailBytes = 4

  /// An event as a record; nothing if it is too large for a message.
  static func record(_ event: Event) -> [UInt8] {
    guard let message: [UInt8] = try? event.serializedBytes() else { return [] }
    let length = bytes(UInt64(message.count))
    return length + bytes(masked(length)) + message + bytes(masked(message))
  }

  /// The events of a file up to the first record that is damaged or cut.
  /// - Returns: for each event, where its record ends.
  static func events(_ file: [UInt8]) -> [(event: Event, end: Int)] {
    var found: [(event: Event, end: Int)] = []
    var start = 0
    while file.count - start >= headBytes + tailBytes {
      let length = Array(file[start..<start + 8])
      let count = length.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      guard file[start + 8..<start + headBytes].elementsEqual(bytes(masked(length))),
        count <= UInt64(file.count - start - headBytes - tailBytes)
      else { break }
      let end = start + headBytes + Int(count)
      let message = Array(file[start + headBytes..<end])
      guard file[end..<end + tailBytes].elementsEqual(bytes(masked(message))),
        let event = try? Event(serializedBytes: message)
      else { break }
      start = end + tailBytes
      found.append((event, start))
    }
    return found
  }

  /// A rotation and an addition, so that the checksum of bytes that hold a checksum is no special one.
  private static func masked(_ bytes: [UInt8]) -> UInt32 {
    let value = CRC32C(bytes).value
    return (value >> 15 | value << 17) &+ 0xa282_ead8
  }

  private static func bytes<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian, Array.init)
  }
}

extension EventRecords {
  /// What the name of each file of events has in it.
  private static let mark = ".tfevents."

  /// The name of a new file, as TensorFlow and torch make it.
  static func name(time: Date, host: String, process: Int32) -> String {
    "events.out.tfevents.\(Int(time.timeIntervalSince1970)).\(host).\(process).0"
  }

  /// Cuts the files of a folder back to what comes at or before a step. Readers would show a step that is done again
  /// twice.
  /// - Throws: `UserError` if a file cannot be read or cut.
  static func cut(folder: String, after step: Int) throws {
    guard FileManager.default.fileExists(atPath: folder) else { return }
    for name in try names(inFolder: folder).sorted() where name.contains(mark) {
      let path = folder + "/" + name
      let file = try OpenFile.contents(path)
      let events = events(file)
      let kept = events.prefix { $0.event.step <= Int64(step) }
      // Where a run begins anew, nothing of an earlier one stays.
      guard step > 0, let end = kept.last?.end else {
        if unlink(path) != 0 { throw UserError.disk("cannot be removed", path) }
        continue
      }
      if end < file.count, truncate(path, off_t(end)) != 0 { throw UserError.disk("cannot be cut", path) }
    }
  }
}
