// metrics.csv: the numbers of metrics.jsonl as a table, for spreadsheets.
import Base
import Foundation
import Objectives
import Training

/// A row for each step. A number that comes later for the first time, such as that of a validation, adds a column;
/// the rows before it are then empty there. The numbers of an object have its name before theirs, joined by a dot.
final class CSVLog: Observer {
  private let file: GrowingFile
  private let note: (String) -> Void
  private var columns: [String] = []
  private var unit = LossUnit.targetTokens

  init(output: String, note: @escaping (String) -> Void) {
    self.note = note
    file = GrowingFile(output + "/metrics.csv", note: note)
  }

  func began(_ run: RunSummary) {
    unit = run.unit
    rewrite { lines in
      let last = run.resumed?.step ?? 0
      columns = last > 0 ? Self.fields(lines.first ?? "") : []
      return lines.dropFirst().filter { line in
        // A row that a crash cut short has fewer fields; its step is done again.
        guard let step = Int(line.prefix { $0 != "," }), step <= last else { return false }
        return line.count { $0 == "," } == columns.count - 1
      }
    }
  }

  func stepped(_ report: StepReport, validation: Evaluation?) {
    add(StepRecord(report, validation: validation, unit: unit))
  }

  private func add(_ record: StepRecord) {
    var values = ["step": "\(record.step)"]
    var new = columns.isEmpty ? ["step"] : []
    for number in record.numbers {
      let name = number.path.joined(separator: ".")
      values[name] =
        number.value == number.value.rounded() && abs(number.value) < 1e15
        ? "\(Int(number.value))" : "\(number.value)"
      if !columns.contains(name), !new.contains(name) { new.append(name) }
    }
    if !new.isEmpty {
      let commas = columns.isEmpty ? "" : String(repeating: ",", count: new.count)
      columns += new
      rewrite { $0.dropFirst().map { $0 + commas } }
    }
    file.append((columns.map { values[$0] ?? "" }.joined(separator: ",") + "\n").utf8)
  }

  /// Writes the file anew, the names of the columns first. If that cannot be done, rows go on as they are.
  /// - Parameter change: gets the lines, the first of which are names, and gives the rows.
  private func rewrite(_ change: ([String]) -> [String]) {
    let text = (try? OpenFile.contents(file.path)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    let rows = change(text.split(separator: "\n").map(String.init))
    let names = columns.isEmpty ? [] : [columns.map(Self.quoted).joined(separator: ",")]
    let new = (names + rows).map { $0 + "\n" }.joined()
    do {
      try Data(new.utf8).write(to: URL(fileURLWithPath: file.path), options: .atomic)
    } catch { note("\(file.path): cannot be written: \(systemReason(error)); the run goes on") }
  }

  /// A field as RFC 4180 has it. Line ends in the name of a source become spaces, so that a line stays a row.
  private static func quoted(_ name: String) -> String {
    let line = String(name.map { $0.isNewline ? " " : $0 })
    guard line.contains(",") || line.contains("\"") else { return line }
    return "\"" + line.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"")
      + "\""
  }

  private static func fields(_ line: String) -> [String] {
    var fields = [""]
    var isQuoted = false
    var last: Character?
    for character in line {
      switch character {
      case "\"":
        if !isQuoted, last == "\"" { fields[fields.count - 1].append("\"") }
        isQuoted.toggle()
      case "," where !isQuoted: fields.append("")
      default: fields[fields.count - 1].append(character)
      }
      last = character
    }
    return fields
  }
}
