// Places of rows by numbers, since their names would take more memory than what is kept of them.
import Base

/// Files and lines; the file of most rows is that of the row before.
struct PlaceList {
  private var files: [String] = []

  /// Four bytes for a file, four for a line.
  struct Place { var file, line: UInt32 }

  mutating func place(_ name: String) -> Place {
    let colon = name.utf8.lastIndex(of: UInt8(ascii: ":"))
    let line = colon.flatMap { UInt32(name[name.index(after: $0)...]) }
    let file = line == nil ? name : String(name[..<colon!])
    if files.last != file { files.append(file) }
    return Place(file: UInt32(files.count - 1), line: line ?? 0)
  }

  func name(_ place: Place) -> String {
    place.line == 0 ? files[Int(place.file)] : "\(files[Int(place.file)]):\(place.line)"
  }
}
