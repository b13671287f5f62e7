// What a manifest notices, and which texts it is read from.
import Base
import Checkpoints
import Foundation
import Testing

@Suite struct ManifestTests {
  private let scratch: ScratchFolder
  init() throws { scratch = try ScratchFolder() }

  private static let contents: [(name: String, bytes: [UInt8])] = [
    ("b.json", Array("{}".utf8)), ("a.safetensors", Array(0..<200)), ("empty", []),
  ]

  private func makeFolder() throws -> Manifest {
    let manifest = Manifest(
      try Self.contents.map { name, bytes in
        try scratch.file(name, bytes)
        return Manifest.File(name: name, bytes: bytes.count, checksum: CRC32C(bytes).value)
      })
    try scratch.file(Manifest.fileName, manifest.encoded.utf8)
    return manifest
  }

  private func faults(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)".replacing(scratch.path, with: "DIR") }
    return ""
  }

  @Test func whatIsWrittenIsRead() throws {
    let manifest = try makeFolder()
    #expect(manifest.files.map(\.name) == ["a.safetensors", "b.json", "empty"])
    #expect(try Manifest(folder: scratch.path) == manifest)
    #expect(manifest.bytes == 202)
    try manifest.check(scratch.path)
    try manifest.checkLengths(scratch.path)
  }

  /// Each bit of each file, and of the manifest itself.
  @Test func everyBitCounts() throws {
    let manifest = try makeFolder()
    var flips = 0
    for (name, bytes) in Self.contents + [(Manifest.fileName, Array(manifest.encoded.utf8))] {
      for bit in 0..<8 * bytes.count {
        var changed = bytes
        changed[bit / 8] ^= 1 << (bit % 8)
        try scratch.file(name, changed)
        let found = faults { try Manifest(folder: scratch.path).check(scratch.path) }
        #expect(found.hasPrefix("DIR/"), "bit \(bit) of \(name)")
        flips += 1
      }
      try scratch.file(name, bytes)
    }
    #expect(flips > 8 * 400)
    try Manifest(folder: scratch.path).check(scratch.path)
  }

  @Test func everyFaultIsTold() throws {
    let manifest = try makeFolder()
    try scratch.file("b.json", [1])
    try FileManager.default.removeItem(atPath: scratch.path + "/empty")
    let lengths = "DIR/b.json: is 1 bytes long, and was 2 when it was written"
    #expect(faults { try manifest.check(scratch.path) } == lengths + "\nDIR/empty: is missing")
    #expect(faults { try manifest.checkLengths(scratch.path) } == lengths)
    try FileManager.default.removeItem(atPath: scratch.path + "/b.json")
    try FileManager.default.createDirectory(
      atPath: scratch.path + "/b.json", withIntermediateDirectories: false)
    #expect(faults { try manifest.checkLengths(scratch.path) } == "DIR/b.json: this is not a file")
  }

  @Test(arguments: [
    ("", "is not JSON: "), ("{}\n", "has no format_version"),
    ("{\"format_version\": 2, \"files\": {}}\n", "has format 2, and this swiftdp reads format 1"),
    (
      "{\"format_version\": 1, \"files\": {\"../a\": {\"bytes\": 1, \"crc32c\": \"00000000\"}}}",
      "does not say what \"../a\" must be"
    ),
    (
      "{\"format_version\": 1, \"files\": {\"a\": {\"bytes\": -1, \"crc32c\": \"00000000\"}}}",
      "does not say what \"a\" must be"
    ),
    ("{\"format_version\": 1, \"files\": {}}", "is damaged: it is not as swiftdp writes it"),
  ])
  func whatIsNoManifestIsRefused(_ text: String, _ reason: String) throws {
    try scratch.file(Manifest.fileName, text.utf8)
    #expect(faults { _ = try Manifest(folder: scratch.path) }.hasPrefix("DIR/manifest.json: " + reason))
  }

  @Test func aMissingManifestIsTold() {
    #expect(faults { _ = try Manifest(folder: scratch.path) } == "DIR/manifest.json: is missing")
  }
}
