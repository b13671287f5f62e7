// Reads TensorBoard's files by the public definitions of their formats, without anything of swiftdp.
import Foundation

struct ReadEvent {
  var step = 0
  var version = ""
  var tags: [String] = []
  var scalars: [(tag: String, value: Float)] = []
}

enum EventReader {
  struct Damaged: Error {}

  /// TFRecord: length, masked CRC of it, bytes, masked CRC of them.
  static func events(_ data: Data) throws -> [ReadEvent] {
    let bytes = [UInt8](data)
    var events: [ReadEvent] = []
    var place = 0
    while place < bytes.count {
      guard place + 12 <= bytes.count else { throw Damaged() }
      let length = Int(little(bytes[place..<place + 8]))
      guard place + 16 + length <= bytes.count,
        little(bytes[place + 8..<place + 12]) == masked(bytes[place..<place + 8])
      else { throw Damaged() }
      let message = bytes[place + 12..<place + 12 + length]
      let end = place + 12 + length
      guard little(bytes[end..<end + 4]) == masked(message) else { throw Damaged() }
      events.append(try event(message))
      place = end + 4
    }
    return events
  }

  private static func event(_ message: ArraySlice<UInt8>) throws -> ReadEvent {
    var event = ReadEvent()
    for (number, field) in try fields(message) {
      switch (number, field) {
      case (2, .number(let value)): event.step = Int(value)
      case (3, .bytes(let value)): event.version = String(decoding: value, as: UTF8.self)
      case (5, .bytes(let summary)):
        for (_, value) in try fields(summary) {
          guard case .bytes(let value) = value else { throw Damaged() }
          var tag = ""
          for (number, field) in try fields(value) {
            switch (number, field) {
            case (1, .bytes(let name)): tag = String(decoding: name, as: UTF8.self)
            case (2, .float(let value)): event.scalars.append((tag, value))
            default: break
            }
          }
          event.tags.append(tag)
        }
      default: break
      }
    }
    return event
  }

  private enum Field {
    case number(UInt64)
    case double
    case bytes(ArraySlice<UInt8>)
    case float(Float)
  }

  /// The fields of a message of protocol buffers in their order.
  private static func fields(_ message: ArraySlice<UInt8>) throws -> [(Int, Field)] {
    var fields: [(Int, Field)] = []
    var rest = message
    func variable() throws -> UInt64 {
      var value: UInt64 = 0
      for shift in stride(from: UInt64(0), to: 64, by: 7) {
        guard let byte = rest.popFirst() else { throw Damaged() }
        value |= UInt64(byte & 127) << shift
        if byte < 128 { return value }
      }
      throw Damaged()
    }
    while !rest.isEmpty {
      let key = try variable()
      let number = Int(key >> 3)
      switch key & 7 {
      case 0: fields.append((number, .number(try variable())))
      case 1:
        rest = rest.dropFirst(8)
        fields.append((number, .double))
      case 2:
        let count = Int(try variable())
        guard count <= rest.count else { throw Damaged() }
        fields.append((number, .bytes(rest.prefix(count))))
        rest = rest.dropFirst(count)
      case 5:
        fields.append((number, .float(Float(bitPattern: UInt32(little(rest.prefix(4)))))))
        rest = rest.dropFirst(4)
      default: throw Damaged()
      }
    }
    return fields
  }

  private static func little(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func masked(_ bytes: ArraySlice<UInt8>) -> UInt64 {
    var crc = UInt32.max
    for byte in bytes {
      crc ^= UInt32(byte)
      for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    crc = ~crc
    return UInt64((crc >> 15 | crc << 17) &+ 0xa282_ead8)
  }
}
