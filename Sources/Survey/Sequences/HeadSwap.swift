// A model with the head of one folder on the body of another: what a task that was learned before is measured by, when the
// body has learned another one since.
import Base
import Foundation

enum HeadSwap {
  /// Makes a folder of `head` in which all tensors that both have, by name, type and shape, are those of `body`. What is
  /// called `classifier` is a head's own.
  static func make(head: String, body: String, output: String) throws {
    let files = FileManager.default
    try? files.removeItem(atPath: output)
    try files.copyItem(atPath: head, toPath: output)
    let name = "/model.safetensors"
    guard files.fileExists(atPath: head + name), files.fileExists(atPath: body + name) else {
      throw Commands.Failed(description: "\(head) or \(body) is no folder of one file of weights")
    }
    let (mine, theirs) = (try Weights(head + name), try Weights(body + name))
    var bytes = mine.bytes
    var taken = 0
    for (tensor, own) in mine.tensors where !tensor.hasPrefix("classifier.") {
      guard let other = theirs.tensors[tensor], other.form == own.form else { continue }
      bytes.replaceSubrange(own.range, with: theirs.bytes[other.range])
      taken += 1
    }
    guard taken > 0 else {
      throw Commands.Failed(description: "\(head) and \(body) have no tensor in common")
    }
    try bytes.write(to: URL(fileURLWithPath: output + name))
    // Checksums and cards are of the folder that it was.
    for gone in ["/manifest.json", "/README.md"] { try? files.removeItem(atPath: output + gone) }
  }

  /// A file of safetensors that this program's own swiftdp wrote.
  private struct Weights {
    let bytes: Data
    let tensors: [String: (form: String, range: Range<Int>)]

    init(_ path: String) throws {
      let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
      self.bytes = bytes
      let wrong = Commands.Failed(description: "\(path) is no file of safetensors")
      guard bytes.count >= 8 else { throw wrong }
      let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << (8 * UInt64($1)) }
      guard length <= UInt64(bytes.count - 8) else { throw wrong }
      let start = 8 + Int(length)
      var tensors: [String: (form: String, range: Range<Int>)] = [:]
      for member in try JSON.parse(Array(bytes[8..<start])).members ?? [] {
        let offsets = member.value["data_offsets"]?.elements?.compactMap(\.integer) ?? []
        guard offsets.count == 2, let type = member.value["dtype"]?.text else { continue }
        guard offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= bytes.count - start else {
          throw wrong
        }
        tensors[String(decoding: member.key, as: UTF8.self)] = (
          type + (member.value["shape"]?.encoded() ?? ""), start + offsets[0]..<start + offsets[1]
        )
      }
      self.tensors = tensors
    }
  }
}
