// Reads the header of a safetensors file that anybody may have written.
import Base

extension SafetensorsHeader {
  /// The header of a file, checked against the size of the file.
  /// - Parameters:
  ///   - file: all bytes of the file.
  ///   - path: for messages.
  /// - Throws: `UserError` for whatever the format forbids.
  package static func parse(_ file: UnsafeRawBufferPointer, path: String) throws -> SafetensorsHeader {
    try SafetensorsHeaderParser(file: file, path: path).header()
  }
}

private struct SafetensorsHeaderParser {
  let file: UnsafeRawBufferPointer
  let path: String

  func refused(_ what: String, hint: String = "") -> UserError {
    UserError(.data, what, at: path, hint: hint)
  }

  func header() throws -> SafetensorsHeader {
    let text = try self.text()
    var metadata: [String: String] = [:]
    var entries: [SafetensorsHeader.Entry] = []
    for member in try members(text) {
      let name = String(decoding: member.key, as: UTF8.self)
      if name == SafetensorsHeader.metadataKey {
        metadata = try self.metadata(member.value)
      } else {
        entries.append(try entry(name, member.value))
      }
    }
    // Zero-size tensors share their offset with a neighbour; the place in the JSON decides among equals.
    entries = entries.enumerated().sorted {
      ($0.element.bytes.lowerBound, $0.element.bytes.upperBound, $0.offset)
        < ($1.element.bytes.lowerBound, $1.element.bytes.upperBound, $1.offset)
    }.map(\.element)
    let dataStart = 8 + text.count
    try check(entries, dataStart: dataStart)
    return SafetensorsHeader(entries: entries, metadata: metadata, dataStart: dataStart)
  }

  /// The JSON between the length and the data.
  func text() throws -> UnsafeBufferPointer<UInt8> {
    if file.starts(with: "version https://git-lfs".utf8) {
      throw refused("is a Git LFS pointer, not the model itself", hint: "git lfs pull fetches it")
    }
    guard file.count >= 8 else {
      throw refused("is cut short: a safetensors file begins with 8 bytes of length, this has \(file.count)")
    }
    let length = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard length <= UInt64(SafetensorsHeader.longest) else {
      throw refused("is not a safetensors file: a header of \(length) bytes is more than the format allows")
    }
    let end = 8 + Int(length)
    guard end <= file.count else {
      throw refused(
        "is cut short: the header alone ends at byte \(end), the file has \(file.count)",
        hint: "copy or download it again")
    }
    let text = UnsafeRawBufferPointer(rebasing: file[8..<end]).bindMemory(to: UInt8.self)
    guard text.first == UInt8(ascii: "{") else {
      throw refused("is not a safetensors file: its header does not begin with a brace")
    }
    return text
  }

  func members(_ text: UnsafeBufferPointer<UInt8>) throws -> [JSON.Member] {
    do {
      return try JSON.parse(text, mostValues: SafetensorsHeader.mostValues).members ?? []
    } catch {
      // The reason may quote a key, which may hold any character.
      throw refused("the header is not JSON: \(error.reason.printable()) at byte \(error.offset + 8)")
    }
  }

  func metadata(_ value: JSON) throws -> [String: String] {
    let key = SafetensorsHeader.metadataKey
    guard let members = value.members else { throw refused("\(key) is \(value.kind), not an object") }
    var metadata: [String: String] = [:]
    for member in members {
      let name = String(decoding: member.key, as: UTF8.self)
      guard let text = member.value.text else {
        throw refused("\(name.quoted) of \(key) is \(member.value.kind), not a string")
      }
      metadata[name] = text
    }
    return metadata
  }

  func entry(_ name: String, _ value: JSON) throws -> SafetensorsHeader.Entry {
    let tensor = "the tensor \(name.quoted)"
    guard value.members != nil else { throw refused("\(tensor) is \(value.kind), not an object") }
    guard let typeName = value["dtype"]?.text else { throw refused("\(tensor) has no dtype") }
    guard let type = StoredType(rawValue: typeName) else {
      throw refused("\(tensor) has the dtype \(typeName.quoted), which safetensors does not define")
    }
    guard let shape = sizes(value["shape"]) else {
      throw refused("the shape of \(tensor) is not a list of whole numbers from 0")
    }
    guard let offsets = sizes(value["data_offsets"]), offsets.count == 2 else {
      throw refused("the data_offsets of \(tensor) are not two whole numbers from 0")
    }
    guard let count = StoredType.elementCount(of: shape), let size = type.byteCount(of: shape) else {
      throw refused("\(tensor) of dtype \(typeName) has an impossible shape, \(listed(shape))")
    }
    guard offsets[0] <= offsets[1] else {
      throw refused("\(tensor) ends at byte \(offsets[1]), before it begins at \(offsets[0])")
    }
    let span = offsets[1] - offsets[0]
    guard span == size else {
      let kind = "\(tensor) of dtype \(typeName) and shape \(listed(shape))"
      throw refused("\(kind) takes \(size) bytes, but its offsets span \(span)")
    }
    return SafetensorsHeader.Entry(
      name: name, type: type, shape: shape, bytes: offsets[0]..<offsets[1], count: count)
  }

  /// Whether the tensors, in the order of their offsets, fill the file from `dataStart` to its end.
  func check(_ entries: [SafetensorsHeader.Entry], dataStart: Int) throws {
    var names: Set<String> = []
    var end = 0
    for entry in entries {
      // JSON has refused equal keys; these are equal only to Unicode, and are one name as `String`.
      guard names.insert(entry.name).inserted else {
        throw refused("two tensors are called \(entry.name.quoted)")
      }
      let start = entry.bytes.lowerBound
      guard start == end else {
        let fault = start < end ? "overlaps the one before it" : "leaves a hole after the one before it"
        throw refused("the tensor \(entry.name.quoted) at data byte \(start) \(fault), which ends at \(end)")
      }
      end = entry.bytes.upperBound
    }
    let (total, overflow) = dataStart.addingReportingOverflow(end)
    guard !overflow, total <= file.count else {
      let promised = overflow ? "more than 2^63" : String(total)
      throw refused(
        "is cut short: the header promises \(promised) bytes, the file has \(file.count)",
        hint: "copy or download it again")
    }
    guard total == file.count else {
      throw refused("is too long: the header promises \(total) bytes, the file has \(file.count)")
    }
  }

  /// A list of whole numbers, none of them negative; nil for anything else, such as 2.0 or a list of absurd length.
  func sizes(_ value: JSON?) -> [Int]? {
    guard let elements = value?.elements, elements.count <= 64 else { return nil }
    var sizes: [Int] = []
    for element in elements {
      guard case .integer(let size) = element, size >= 0 else { return nil }
      sizes.append(size)
    }
    return sizes
  }

  func listed(_ shape: [Int]) -> String {
    shape.count <= 8 ? "\(shape)" : "[\(shape.prefix(8).map(String.init).joined(separator: ", ")), …]"
  }
}
