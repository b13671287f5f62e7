// A folder that appears under its name only when all of it is on the disk.
import Base
import Foundation

/// A folder that is being written, `NAME.incomplete`, next to its final place. One rank does all steps.
package struct DirectoryPublish: Sendable {
  package static let suffix = ".incomplete"
  /// The name of an existing folder while a new one takes its place.
  private static let oldSuffix = ".replaced"

  /// The final path.
  package let path: String
  /// The path where it is filled until then.
  package var staging: String { path + Self.suffix }

  /// - Parameter path: without a slash at its end, or with.
  package init(_ path: String) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  private var old: String { path + Self.oldSuffix }

  /// Creates the empty staging folder, and the folders above it. Cleans up what an earlier run left.
  /// - Throws: `UserError(.disk)`.
  package func begin() throws {
    try recover()
    try abandon()
    try makeFolders(staging)
  }

  /// Removes the staging folder, if it exists.
  package func abandon() throws { try removeTree(staging) }

  /// Renames the staging folder to its final name, in one step that survives a power cut. The files in it have been
  /// synced by the code that wrote them. An existing folder of that name is set aside first and removed afterwards:
  /// at every moment one of the two exists, and `recover` puts back what was set aside.
  /// - Parameter replacing: whether a folder of that name may exist.
  /// - Throws: `UserError(.disk)`, also if the final name is taken.
  package func publish(replacing: Bool = false) throws {
    try DurableFile.sync(folder: staging)
    if replacing, Self.isThere(path) {
      try removeTree(old)
      guard rename(path, old) == 0 else { throw UserError.disk("cannot be replaced", path) }
    }
    guard rename(staging, path) == 0 else {
      let code = errno
      try? recover()
      if code == ENOTEMPTY || code == EEXIST || code == ENOTDIR {
        throw UserError(.disk, "exists already", at: path, hint: "the new one is complete in \(staging)")
      }
      errno = code
      throw UserError.disk("cannot be renamed to \(path)", staging)
    }
    try DurableFile.sync(folder: parent)
    // The new folder is in place: `recover` removes what is left of the old one.
    if replacing { try? removeTree(old) }
  }

  /// Handles what was set aside by a run that ended early: puts it back if no new folder has taken its place,
  /// otherwise removes it.
  package func recover() throws {
    guard Self.isThere(old) else { return }
    guard !Self.isThere(path) else { return try removeTree(old) }
    guard rename(old, path) == 0 else { throw UserError.disk("cannot be renamed to \(path)", old) }
  }

  /// Cleans up what interrupted runs left in a folder: removes everything that ends in `.incomplete`, and puts back
  /// what was set aside.
  /// - Returns: the names removed, sorted; none if there is no such folder.
  /// - Throws: `UserError(.disk)`.
  @discardableResult
  package static func removeStale(in folder: String) throws -> [String] {
    guard access(folder, F_OK) == 0 else { return [] }
    try recoverAll(in: folder)
    let stale = try names(inFolder: folder).filter { $0.hasSuffix(suffix) }
    for name in stale { try removeTree("\(folder)/\(name)") }
    return stale.sorted()
  }

  /// The same as `recover` for everything in a folder that was set aside.
  package static func recoverAll(in folder: String) throws {
    for name in try names(inFolder: folder) where name.hasSuffix(oldSuffix) {
      try DirectoryPublish("\(folder)/\(name.dropLast(oldSuffix.count))").recover()
    }
  }

  /// Whether something has this name, including a link to nothing.
  private static func isThere(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0
  }

  /// Removes what has this name. It is renamed first, so that no half of it is ever taken for the whole;
  /// `removeStale` cleans up after an interruption.
  /// - Throws: `UserError(.disk)`.
  package func remove() throws {
    try abandon()
    guard rename(path, staging) == 0 else { throw UserError.disk("cannot be removed", path) }
    try abandon()
  }

  private var parent: String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }
}
