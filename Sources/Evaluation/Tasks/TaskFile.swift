// The file of a task or a group, with the files that it includes: YAML of lm-evaluation-harness.
import Base
import Foundation

struct TaskFile {
  /// Keys with values; those of the file itself come before those of included ones.
  var json: JSON
  /// The path, or what messages call it.
  let file: String
  /// Where names in it are looked for; nil for a shipped one.
  let folder: String?

  /// The most bytes of one file.
  private static let longest = 1 << 20
  private static let deepest = 16

  init(json: JSON, file: String, folder: String?) {
    (self.json, self.file, self.folder) = (json, file, folder)
  }

  /// - Parameter bytes: of a shipped file.
  init(shipped bytes: [UInt8], name: String) throws {
    self.init(
      json: try TaskYAML.read(String(decoding: bytes, as: UTF8.self), file: name), file: name, folder: nil)
  }

  /// - Throws: where the file, or one that it includes, cannot be read.
  init(_ path: String) throws { try self.init(path, seen: []) }

  private init(_ path: String, seen: [String]) throws {
    if let missing = UserError.noFile(path) { throw missing }
    let own = try Self.contents(path)
    let folder = Base.folder(of: path)
    let whole = URL(fileURLWithPath: path).standardizedFileURL.path
    guard !seen.contains(whole), seen.count < Self.deepest else {
      throw UserError(.usage, "includes itself", at: path)
    }
    var members = own.members ?? []
    if let place = members.firstIndex(where: { $0.key.elementsEqual("include".utf8) }) {
      let include = members.remove(at: place).value
      let names = include.text.map { [$0] } ?? include.elements?.compactMap(\.text) ?? []
      guard !names.isEmpty else {
        throw UserError(.usage, "is \(include.kind), where a file is meant", at: "\(path): include")
      }
      var included: [JSON.Member] = []
      for name in names {
        let place = name.hasPrefix("/") || folder.isEmpty ? name : folder + "/" + name
        let other = try TaskFile(place, seen: seen + [whole])
        Self.merge(other.json.members ?? [], into: &included)
      }
      Self.merge(members, into: &included)
      members = included
    }
    json = .object(members)
    file = path
    self.folder = folder.isEmpty ? "." : folder
  }

  private static func merge(_ members: [JSON.Member], into all: inout [JSON.Member]) {
    for member in members {
      if let place = all.firstIndex(where: { $0.key == member.key }) {
        all[place] = member
      } else {
        all.append(member)
      }
    }
  }

  /// The same file with other values under some keys.
  func setting(_ members: [JSON.Member]) -> TaskFile {
    var all = json.members ?? []
    Self.merge(members, into: &all)
    return TaskFile(json: .object(all), file: file, folder: folder)
  }

  private static func contents(_ path: String) throws -> JSON {
    let bytes = try OpenFile.contents(path)
    guard bytes.count <= longest else {
      throw UserError(.usage, "has \(bytes.count) bytes, and a task file at most \(longest)", at: path)
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw UserError(.usage, "is not UTF-8 text", at: path)
    }
    let json = try TaskYAML.read(text, file: path)
    guard json.members != nil else {
      throw UserError(.usage, "is \(json.kind), where keys with values are meant", at: path)
    }
    return json
  }

  var isGroup: Bool { json["group"].map { !$0.isNull } ?? false }
}
