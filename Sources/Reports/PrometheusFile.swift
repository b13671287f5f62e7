// The last numbers of a run as a file for the textfile collector of Prometheus' node_exporter.
import Base
import Foundation
import Objectives
import Training

/// `OUTPUT/prometheus/swiftdp.prom` in the text format of Prometheus, replaced as a whole every few seconds, as the
/// collector asks for.
final class PrometheusFile: Observer {
  /// Seconds between two files; Prometheus looks every fifteen.
  private static let interval = 5.0

  private let path: String
  private let note: (String) -> Void
  private var run: RunSummary?
  private var numbers: [(name: String, value: Double)] = []
  private var isTold = false
  private var lastTime = Date.distantPast

  init(output: String, note: @escaping (String) -> Void) {
    path = output + "/prometheus/swiftdp.prom"
    self.note = note
  }

  func began(_ run: RunSummary) {
    self.run = run
    numbers = []
    set("steps", Double(run.steps))
    set("ranks", Double(run.ranks))
    set("step", Double(run.resumed?.step ?? 0))
    set("running", 1)
    write()
  }

  func validated(_ evaluation: Evaluation) {
    if let run { take(StepRecord(before: evaluation, unit: run.unit)) }
  }

  func stepped(_ report: StepReport, validation: Evaluation?) {
    guard let run else { return }
    take(StepRecord(report, validation: validation, unit: run.unit))
    set("last_step_time_seconds", Date().timeIntervalSince1970.rounded())
    if validation != nil || Date().timeIntervalSince(lastTime) >= Self.interval { write() }
  }

  func saved(step: Int, path: String) { set("checkpoint_step", Double(step)) }

  func ended(_ end: RunEnd) {
    set("running", 0)
    write()
  }

  private func take(_ record: StepRecord) {
    set("step", Double(record.step))
    for number in record.numbers { set(number.path.joined(separator: "_"), number.value) }
  }

  private func set(_ name: String, _ value: Double) {
    // Names have letters, digits and underscores.
    let plain = "swiftdp_" + String(name.unicodeScalars.map { Self.isPlain($0) ? Character($0) : "_" })
    if let place = numbers.firstIndex(where: { $0.name == plain }) {
      numbers[place].value = value
    } else {
      numbers.append((plain, value))
    }
  }

  private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
    scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
  }

  private func write() {
    lastTime = Date()
    let output = (run?.output ?? "").reduce(into: "") { text, character in
      text +=
        character == "\"" || character == "\\" ? "\\\(character)" : character == "\n" ? "\\n" : "\(character)"
    }
    let text = numbers.map { number in
      let value =
        number.value.isNaN
        ? "NaN" : number.value.isInfinite ? (number.value > 0 ? "+Inf" : "-Inf") : "\(number.value)"
      return "# TYPE \(number.name) gauge\n\(number.name){output=\"\(output)\"} \(value)\n"
    }.joined()
    do {
      try makeFolders(folder(of: path))
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      let reason =
        (error as? UserError).map { "\($0)" } ?? "\(path): cannot be written: \(systemReason(error))"
      if !isTold { note("\(reason); the run goes on") }
      isTold = true
    }
  }
}
