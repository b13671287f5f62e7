// A file or folder that another host has made on a network file system, which this host may not see at once: NFS keeps
// what it knows of a folder for up to a minute (acdirmax), and that a name is not there as well.
import Foundation

package struct SharedPath: Sendable {
  package let path: String

  package init(_ path: String) { self.path = path }

  /// Whether it is there, as the server says.
  package var isThere: Bool {
    if access(path, F_OK) == 0 { return true }
    // An opened folder is one that NFS has asked its server about (close-to-open consistency, nfs(5)).
    if let folder = opendir(URL(fileURLWithPath: path).deletingLastPathComponent().path) { closedir(folder) }
    return access(path, F_OK) == 0
  }

  /// Waits until it is there.
  /// - Parameter limit: in seconds.
  /// - Returns: whether it came.
  @discardableResult
  package func wait(limit: Double = 10) -> Bool {
    let end = Date(timeIntervalSinceNow: limit)
    while !isThere {
      guard Date() < end else { return false }
      usleep(100_000)
    }
    return true
  }
}
