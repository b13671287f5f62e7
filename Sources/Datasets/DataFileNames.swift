// What names of data files stand for: a file, all files of a folder, or those that a pattern matches.
import Base
import Foundation

package enum DataFileNames {
  /// The files that a name stands for, by their names if there are several.
  /// - Parameters:
  ///   - name: a file, a folder, a pattern with `*`, `?` and `[…]`, or standard input.
  ///   - place: the key or option that gives it.
  /// - Throws: `UserError(.usage)` where there are none.
  package static func files(_ name: String, at place: String = "") throws(UserError) -> [String] {
    if StandardInput.isNamed(name) { return ["/dev/stdin"] }
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: name, isDirectory: &isFolder) {
      return isFolder.boolValue ? try files(inFolder: name, at: place) : [name]
    }
    if name.contains(where: { "*?[".contains($0) }) {
      let found = matches(name)
      if !found.isEmpty { return found }
      throw UserError(.usage, "no file matches \(name)", at: place, hint: near(name))
    }
    throw UserError(.usage, "there is no file \(name)", at: place, hint: near(name))
  }

  /// The files of several names, and what is wrong with the names.
  package static func files(
    _ names: [String], at place: String = ""
  ) -> (files: [String], mistakes: [UserError]) {
    var all: (files: [String], mistakes: [UserError]) = ([], [])
    for name in names {
      do throws(UserError) { all.files += try files(name, at: place) } catch { all.mistakes.append(error) }
    }
    if all.files.count(where: StandardInput.isNamed) > 1 {
      all.mistakes.append(
        UserError(.usage, "names standard input twice", at: place, hint: "it can be read once"))
    }
    return all
  }

  private static func files(inFolder folder: String, at place: String) throws(UserError) -> [String] {
    let all = (try? names(inFolder: folder)) ?? []
    guard !all.contains("config.json") else {
      throw UserError(.usage, "\(folder) is the folder of a model", at: place, hint: "name files of data")
    }
    let known = dataFiles(among: all)
    guard !known.isEmpty else {
      throw UserError(
        .usage, "the folder \(folder) holds no data file", at: place,
        hint: "their names end in \(DataFileKind.endings)")
    }
    return known.map { (folder.hasSuffix("/") ? folder : folder + "/") + $0 }
  }

  private static func dataFiles(among names: [String]) -> [String] {
    names.filter { !$0.hasPrefix(".") && DataFileKind.of($0) != nil }.sorted(by: precedes)
  }

  /// By bytes: the language of a host must not change the order of the data.
  private static func precedes(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

  private static func matches(_ pattern: String) -> [String] {
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(pattern, GLOB_NOSORT, nil, &found) == 0 else { return [] }
    return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
      .filter { !$0.hasSuffix("/") && UserError.noFile($0) == nil }.sorted(by: precedes)
  }

  /// What stands in the folder where nothing of that name stands.
  private static func near(_ name: String) -> String {
    let parent = folder(of: name)
    let shown = parent.isEmpty ? "this folder" : parent
    guard let all = try? names(inFolder: parent.isEmpty ? "." : parent) else {
      return parent.contains(where: { "*?[".contains($0) }) ? "" : "there is no folder \(parent)"
    }
    let last = name.split(separator: "/").last.map(String.init) ?? name
    if let near = nearest(to: last, among: all) {
      return "did you mean \(parent.isEmpty ? "" : parent.hasSuffix("/") ? parent : parent + "/")\(near)?"
    }
    let known = dataFiles(among: all)
    return known.isEmpty
      ? "\(shown) holds no data file" : "\(shown) holds \(shortened(known.joined(separator: ", ")))"
  }
}
