// What goes wrong with files, in the system's own words.
import Foundation

extension UserError {
  /// The error for a user's file that does not exist, or is not a file. That is a mistake in the call of swiftdp,
  /// while a mistake inside a file is one of data. Nil if there is a file.
  /// - Parameter place: the key or option that names it.
  package static func noFile(_ path: String, at place: String = "") -> UserError? {
    var isFolder: ObjCBool = false
    if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      return UserError(.usage, "there is no file \(path)", at: place)
    }
    return isFolder.boolValue
      ? UserError(.usage, "\(path) is a folder", at: place, hint: "name its files") : nil
  }

  /// The same for a folder with a model.
  package static func noModelFolder(_ path: String, at place: String = "") -> UserError? {
    var isFolder: ObjCBool = false
    if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      return UserError(
        .usage, "there is no folder \(path)", at: place, hint: "a Hugging Face model that was downloaded")
    }
    return isFolder.boolValue
      ? nil : UserError(.usage, "\(path) is a file, where a model folder is meant", at: place)
  }

  /// The current `errno` as an error of the disk.
  package static func disk(_ doing: String, _ path: String) -> UserError {
    UserError(.disk, "\(doing): \(String(cString: strerror(errno)))", at: path)
  }
}

/// Why Foundation could not do something, in the system's own words if it has kept them.
package func systemReason(_ error: any Error) -> String {
  let error = error as NSError
  let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
  guard cause.domain == NSPOSIXErrorDomain else { return error.localizedDescription }
  return String(cString: strerror(Int32(cause.code)))
}
