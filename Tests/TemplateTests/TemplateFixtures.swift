// What the fixture scripts wrote, and folders that tests write themselves.
import Base
import Foundation
import Templates

enum TemplateFixtures {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let folder = root + "/Tests/Fixtures/templates"
  static let shared = root + "/../shared/data/chat_templates"
  static let hasShared = FileManager.default.fileExists(atPath: shared)

  static func bytes(_ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(fileURLWithPath: path)))
  }
  static func json(_ name: String) throws -> JSON { try JSON.parse(try bytes(folder + "/" + name)) }

  static func rows(_ name: String) throws -> [JSON] {
    try bytes(folder + "/" + name).split(separator: 0x0A).map { try JSON.parse(Array($0)) }
  }

  /// 2026-01-02 03:04:05, wherever this runs: what make_chat_fixtures.py lets templates see as now.
  static var time: Int {
    var time = tm()
    (time.tm_year, time.tm_mon, time.tm_mday) = (126, 0, 2)
    (time.tm_hour, time.tm_min, time.tm_sec) = (3, 4, 5)
    return mktime(&time)
  }

  static func member(_ key: String, _ value: JSON) -> JSON.Member {
    JSON.Member(key: Array(key.utf8), value: value)
  }
}

/// A folder that is removed after the test.
final class TemplateFolder {
  let path: String

  init(_ files: [String: String]) throws {
    path = FileManager.default.temporaryDirectory.path + "/swiftdp-templates-" + UUID().uuidString
    for (name, text) in files {
      let url = URL(fileURLWithPath: path + "/" + name)
      try FileManager.default.createDirectory(
        at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(text.utf8).write(to: url)
    }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
