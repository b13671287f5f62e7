// The rows of files with what models give for them, a line each.
import Base
import Datasets
import Objectives

extension ReadData {
  /// - Parameter keepsMeant: whether what a row has under such a name stands beside what is given, as "gold".
  func lines(_ evaluated: [Evaluated], keepsMeant: Bool = true) throws -> [UInt8] {
    var text: [UInt8] = []
    var row = 0
    var next = evaluated.map { _ in 0 }
    try parts[0].options.forEachRow { json, _ in
      let part = rowParts.isEmpty ? 0 : rowParts[row]
      let predicted = parts[part].objective.prediction(next[part], of: evaluated[part])
      next[part] += 1
      row += 1
      let written = predicted.map(\.key)
      let dropped = written + (keepsMeant ? ["gold"] : [])
      var members = (json.members ?? []).filter { !dropped.contains($0.name) }
      func add(_ name: String, _ value: JSON) {
        members.append(JSON.Member(key: Array(name.utf8), value: value))
      }
      // What the row has under such a name already is what was meant.
      let meant = [written[0], "label", "labels"].compactMap { json[$0] }.first { !$0.isNull }
      if keepsMeant, let meant { add("gold", meant) }
      for (key, value) in predicted { add(key, value) }
      text += Array(JSON.object(members).encoded().utf8) + [UInt8(ascii: "\n")]
    }
    precondition(next == evaluated.map(\.rowCount), "as many rows are written as were read")
    return text
  }
}

extension JSON.Member {
  fileprivate var name: String { String(decoding: key, as: UTF8.self) }
}
