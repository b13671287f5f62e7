// Which files were hashed before, so that a second start does not read them.
import Base
import Foundation

/// Trusted as long as nothing that the file system tells of a file has changed.
struct KnownFiles {
  private let path: String
  private var files: [String: FileContent] = [:]

  /// A damaged record knows nothing.
  init(folder: String) {
    path = folder + "/files.json"
    guard let list = (try? OpenFile.json(path))?["files"]?.elements else { return }
    for entry in list {
      guard let name = entry["path"]?.text, let hash = entry["hash"]?.text, let stamp = FileStamp(entry)
      else {
        continue
      }
      files[name] = FileContent(hash: hash, stamp: stamp)
    }
  }

  /// - Parameter stamp: of the file now.
  func content(of path: String, _ stamp: FileStamp) -> FileContent? {
    guard let known = files[Self.name(path)], known.stamp == stamp else { return nil }
    return known
  }

  mutating func remember(_ content: FileContent, of path: String) { files[Self.name(path)] = content }

  /// Adds what is known to what another run may have written since.
  func write() throws {
    var all = KnownFiles(folder: folder(of: path)).files
    all.merge(files) { _, own in own }
    let list = all.sorted { $0.key < $1.key }.map { name, content in
      JSON.object(
        members: [("path", .string(name)), ("hash", .string(content.hash))] + content.stamp.json)
    }
    try CacheFile.write(Array((JSON.object(["files": .array(list)]).encoded() + "\n").utf8), to: path)
  }

  /// A path that means the same in every folder.
  private static func name(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }
}
