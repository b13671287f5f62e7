// A file system in memory that a test fills, shrinks and takes away.
import Foundation
import Testing

/// The disk is gone with this value.
final class SmallDisk {
  let folder: Workspace
  let path: String
  let isMounted: Bool

  /// Whether this user may mount file systems. Only root may, and not in every container.
  static let mayMount: Bool = {
    guard let folder = try? Workspace(), let disk = try? SmallDisk("disk", in: folder, bytes: 1 << 20) else {
      return false
    }
    return disk.isMounted
  }()

  init(_ name: String, in folder: Workspace, bytes: Int) throws {
    self.folder = folder
    path = folder.path + "/" + name
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    isMounted =
      try Command.run(["mount", "-t", "tmpfs", "-o", "size=\(bytes)", "tmpfs", path], in: folder).code == 0
  }

  func grow(to bytes: Int) throws {
    let isGrown = try remount("size=\(bytes)")
    try #require(isGrown)
  }

  /// - Returns: whether it was possible: it is not if a file is open for writing.
  func remount(_ options: String) throws -> Bool {
    try Command.run(["mount", "-o", "remount," + options, path], in: folder).code == 0
  }

  deinit { if isMounted { _ = try? Command.run(["umount", path], in: folder) } }
}
