// Files of one folder that must not be there yet.
import Base
import Foundation

package struct NewFiles {
  private let folder: String
  private let files: [(name: String, file: NewFile)]

  /// - Parameters:
  ///   - folder: it is made when the files are written; what is in it stays.
  ///   - option: what names the folder, for messages.
  /// - Throws: every file that is there already, or that no file can be made; nothing is left behind.
  package init(_ names: [String], in folder: String, at option: String) throws {
    self.folder = folder
    var status = stat()
    let isThere = lstat(folder, &status) == 0
    if !isThere {
      var above = Base.folder(of: folder)
      while !above.isEmpty, lstat(above, &status) != 0 { above = Base.folder(of: above) }
      // Whatever has another name tells whether the folder can be made.
      let probe = ".swiftdp-\(getpid())"
      _ = try NewFile(above.isEmpty ? probe : above + "/" + probe, at: option)
    }
    let problems = Problems()
    files = names.compactMap { name in
      problems.collect {
        (name, try NewFile(folder + "/" + name, at: option, probes: isThere))
      }
    }
    try problems.throwIfAny()
  }

  /// Returns when the disk holds the file.
  package func write(_ bytes: [UInt8], to name: String) throws {
    guard let file = files.first(where: { $0.name == name })?.file else {
      preconditionFailure("\(name) was not named before")
    }
    try makeFolders(folder)
    try file.write(bytes)
  }
}
