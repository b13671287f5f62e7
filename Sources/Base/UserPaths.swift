// Turns a path as a user writes it into a path that the system knows.
import Foundation

/// What stands for a folder at the beginning of a path: `~` and `~user`, as in a shell, and `shipped:`.
package struct UserPaths: Sendable {
  private let home: String?
  private let shipped: String?
  private static let shippedMark = "shipped:"
  /// The usual cause of empty settings, as a hint.
  static let unset = "was it an unset variable?"

  /// - Parameters:
  ///   - home: the folder that `~` stands for; if nil or empty, the one that the system has for this user.
  ///   - shipped: the folder that `shipped:` stands for; nil if there is none.
  package init(home: String? = nil, shipped: String? = nil) {
    self.home = home.flatMap { $0.isEmpty ? nil : $0 }
    self.shipped = shipped
  }

  /// - Throws: `UserError(.usage)` without a place if the text is empty or names a home folder that does not exist.
  package func path(_ text: String) throws -> String {
    if text.isEmpty { throw UserError(.usage, "is empty", hint: Self.unset) }
    if let shipped, isShipped(text) { return shipped + "/" + text.dropFirst(Self.shippedMark.count) }
    guard text.hasPrefix("~") else { return text }
    let user = text.dropFirst().prefix { $0 != "/" }
    let known =
      user.isEmpty ? home ?? homeFolder(of: getpwuid(getuid())) : homeFolder(of: getpwnam(String(user)))
    guard let folder = known else {
      let what =
        user.isEmpty ? "\(text) stands for a home folder, and there is none" : "there is no user \(user)"
      throw UserError(.usage, what, hint: "a name that itself begins with ~ is written ./\(text)")
    }
    let rest = text.dropFirst(1 + user.count)
    return folder == "/" && !rest.isEmpty ? String(rest) : folder + rest
  }

  /// Whether a path begins with `shipped:`.
  package func isShipped(_ text: String) -> Bool { shipped != nil && text.hasPrefix(Self.shippedMark) }

  /// A path as a user would write it.
  package func name(of path: String) -> String {
    guard let shipped, path.hasPrefix(shipped + "/") else { return path }
    return Self.shippedMark + path.dropFirst(shipped.count + 1)
  }
}

private func homeFolder(of entry: UnsafeMutablePointer<passwd>?) -> String? {
  entry.map { String(cString: $0.pointee.pw_dir) }
}
