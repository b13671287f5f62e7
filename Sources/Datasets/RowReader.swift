// The rows of data files as they stand there, for programs that add to them.
import Base

extension DataOptions {
  /// Every row of `train` as an object, in order, with its place. Fields of a table without names have the names that
  /// `columns` gives them, or otherwise their numbers. Texts without rows are left out.
  /// - Throws: `UserError` for the first file or row that cannot be read.
  package func forEachRow(_ body: (_ row: JSON, _ place: String) -> Void) throws {
    for path in train {
      let file = try DataFile(path)
      if file.kind == .text { continue }
      var mistake: UserError?
      try file.forEachRow(hasNames: !columns.areNumbered) { row in
        do throws(RowMistake) {
          body(
            columns.named(try row.json.get(), isCoNLL: file.kind == .words), "\(path):\(row.line)")
        } catch {
          mistake = error.at("\(path):\(row.line)")
        }
        return mistake == nil
      }
      if let mistake { throw mistake }
      try file.check()
    }
  }
}

extension DataColumns {
  /// A row whose numbered fields have the names that are given to them.
  func named(_ row: JSON, isCoNLL: Bool) -> JSON {
    if isCoNLL, !areNumbered, let members = row.members {
      let names = members.indices.map { $0 == 0 ? "words" : $0 == members.count - 1 ? "labels" : "\($0)" }
      return .object(zip(names, members).map { JSON.Member(key: Array($0.utf8), value: $1.value) })
    }
    guard areNumbered, let members = row.members else { return row }
    let names = Dictionary(places.map { (key($0.key), $0.key) }) { first, _ in first }
    return .object(
      members.map { member in
        let name = names[String(decoding: member.key, as: UTF8.self)]
        return JSON.Member(key: name.map { Array($0.utf8) } ?? member.key, value: member.value)
      })
  }
}
