// A safetensors file as its parts, so that tests can break one of them.
import Base
import Foundation

struct Safetensors {
  var header: [JSON.Member]
  var data: Data

  init(_ file: Data) throws {
    let length = file.prefix(8).reversed().reduce(0) { $0 << 8 | Int($1) }
    header = try JSON.parse(Array(file[8..<8 + length])).members ?? []
    data = Data(file[(8 + length)...])
  }

  var file: Data {
    let text = Data(JSON.object(header).encoded().utf8)
    return Data((0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }) + text + data
  }

  func index(of name: String) -> Int? { header.firstIndex { $0.key.elementsEqual(name.utf8) } }

  /// Where a tensor's bytes lie in `data`.
  func range(of name: String) -> Range<Int>? {
    let offsets = index(of: name).flatMap { header[$0].value["data_offsets"]?.elements }
    guard let begin = offsets?.first?.integer, let end = offsets?.last?.integer else { return nil }
    return begin..<end
  }

  /// Leaves out a tensor and its bytes, so that the file is sound except for what it lacks.
  mutating func remove(_ name: String) {
    guard let index = index(of: name), let gone = range(of: name) else { return }
    header.remove(at: index)
    data.removeSubrange(gone)
    data = Data(data)
    for index in header.indices {
      guard let range = range(of: String(decoding: header[index].key, as: UTF8.self)) else { continue }
      let shift = range.lowerBound >= gone.upperBound ? gone.count : 0
      set(index, "data_offsets", [range.lowerBound - shift, range.upperBound - shift])
    }
  }

  mutating func add(_ name: String, floats: [Float]) {
    let bytes = floats.withUnsafeBytes { Data($0) }
    let value = JSON.object([
      "dtype": .string("F32"), "shape": .array([.integer(floats.count)]),
      "data_offsets": .array([.integer(data.count), .integer(data.count + bytes.count)]),
    ])
    header.append(JSON.Member(key: Array(name.utf8), value: value))
    data += bytes
  }

  mutating func reshape(_ name: String, to shape: [Int]) {
    if let index = index(of: name) { set(index, "shape", shape) }
  }

  mutating func setFirst(of name: String, to value: Float) { set(0, of: name, to: value) }

  /// - Parameter element: the number of the element in the tensor.
  mutating func set(_ element: Int, of name: String, to value: Float) {
    guard let range = range(of: name) else { return }
    let place = range.lowerBound + 4 * element
    withUnsafeBytes(of: value) { data.replaceSubrange(place..<place + 4, with: $0) }
  }

  private mutating func set(_ index: Int, _ key: String, _ values: [Int]) {
    let members = (header[index].value.members ?? []).map { member in
      member.key.elementsEqual(key.utf8)
        ? JSON.Member(key: member.key, value: .array(values.map { .integer($0) })) : member
    }
    header[index].value = .object(members)
  }
}
