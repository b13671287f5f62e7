// A folder that a test runs in, and that is removed after the test.
import Foundation

final class Workspace {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/swiftdp-command-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and the folders above it.
  /// - Returns: the full path.
  @discardableResult
  func file(_ name: String, _ data: Data) throws -> String {
    let url = URL(fileURLWithPath: path + "/" + name)
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try data.write(to: url)
    return url.path
  }

  @discardableResult
  func file(_ name: String, _ text: String) throws -> String { try file(name, Data(text.utf8)) }

  func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path + "/" + name)) }
  func text(_ name: String) throws -> String { String(decoding: try data(name), as: UTF8.self) }
  func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }
  /// Turns a folder into one without checksums: faults in its files are then found by reading them.
  func removeManifest(of name: String) throws {
    try remove(name + "/manifest.json")
    let state = name + "/training_state.json"
    guard exists(state) else { return }
    let text = try text(state)
    let old = text.replacingOccurrences(of: "\"format_version\": 2", with: "\"format_version\": 1")
    if old == text { throw CocoaError(.fileReadCorruptFile) }
    try file(state, old)
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }
  func copy(_ name: String, to copy: String) throws {
    try FileManager.default.copyItem(atPath: path + "/" + name, toPath: path + "/" + copy)
  }
  /// The names in a folder, sorted; none if there is no such folder.
  func names(in folder: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path + "/" + folder)) ?? []).sorted()
  }

  /// Every file below a folder with its bytes, by its path; folders end in a slash.
  func snapshot(_ folder: String = "") -> [String: Data] {
    var files: [String: Data] = [:]
    let root = path + "/" + folder
    for case let name as String in FileManager.default.enumerator(atPath: root) ?? .init() {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: root + "/" + name, isDirectory: &isFolder)
      files[name + (isFolder.boolValue ? "/" : "")] =
        isFolder.boolValue ? Data() : FileManager.default.contents(atPath: root + "/" + name)
    }
    return files
  }
}
