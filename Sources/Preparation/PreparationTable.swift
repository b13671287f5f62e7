// The report of a preparation as a table.
import Base

package enum PreparationTable {
  /// - Parameter report: as `Preparation` gives it.
  package static func text(_ report: JSON) -> String {
    var lines = [["step", "rows before", "after", "changed", "added", "removed"]]
    for step in report["steps"]?.elements ?? [] {
      let removed = (step["removed"]?.members ?? []).map {
        "\(grouped($0.value.integer ?? 0)) \(String(decoding: $0.key, as: UTF8.self))"
      }
      lines.append([
        step["step"]?.text ?? "", grouped(step["before"]?.integer ?? 0), grouped(step["after"]?.integer ?? 0),
        step["changed"]?.integer.map(grouped) ?? "", step["added"]?.integer.map(grouped) ?? "",
        removed.joined(separator: ", "),
      ])
    }
    let widths = (0..<6).map { column in lines.map { $0[column].count }.max() ?? 0 }
    let table = lines.map { line in
      line.enumerated().map { column, text in
        let space = String(repeating: " ", count: widths[column] - text.count)
        return column == 5 ? text : column == 0 ? text + space : space + text
      }.joined(separator: "  ").trimmedAtEnd
    }
    let outputs = (report["outputs"]?.elements ?? []).map { output in
      "\(counted(output["rows"]?.integer ?? 0, "row")) · \(output["file"]?.text ?? "")"
    }
    return (table + outputs).joined(separator: "\n")
  }
}

extension String {
  fileprivate var trimmedAtEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
