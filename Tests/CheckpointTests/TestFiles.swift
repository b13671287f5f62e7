// Where the tests' files are: scratch folders, the committed fixtures and the shared data.
import Base
import Checkpoints
import Foundation

/// A temporary folder that is removed with this value.
final class ScratchFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/swiftdp-checkpoint-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file into the folder and returns its path.
  @discardableResult
  func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    return "\(path)/\(name)"
  }
}

/// The bytes of a safetensors file: a length, a header, data.
func safetensors(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
  let length = length ?? UInt64(header.utf8.count)
  return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
}

/// All elements of a tensor.
func floats(_ file: SafetensorsFile, _ name: String) throws -> [Float] {
  let count = file.entry(name)?.count ?? 0
  var values = [Float](repeating: .nan, count: count)
  try values.withUnsafeMutableBufferPointer { try file.read(name, into: $0, range: 0..<count) }
  return values
}

func floats(_ weights: HuggingFaceWeights, _ name: String) throws -> [Float] {
  let count = (weights.shape(of: name) ?? []).reduce(1, *)
  var values = [Float](repeating: .nan, count: count)
  try values.withUnsafeMutableBufferPointer { try weights.read(name, into: $0, range: 0..<count) }
  return values
}

/// The sum of element i times 1 + (i mod 97), computed as `make_parity_fixtures.py` does.
func checksum(_ values: [Float]) -> Double {
  var sum = 0.0
  for (index, value) in values.enumerated() { sum += Double(value) * Double(index % 97 + 1) }
  return sum
}

enum Fixtures {
  private static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()

  static func parity(_ name: String) -> String { tests.path + "/Fixtures/parity/" + name }

  /// The shared data beside the project.
  static func shared(_ name: String) -> String {
    tests.deletingLastPathComponent().deletingLastPathComponent().path + "/shared/data/" + name
  }

  /// Whether a test of shared data has to run: always on CI, where missing data is a failure.
  static func hasShared(_ name: String) -> Bool {
    ProcessInfo.processInfo.environment["CI"] == "true"
      || FileManager.default.fileExists(atPath: shared(name))
  }
}
