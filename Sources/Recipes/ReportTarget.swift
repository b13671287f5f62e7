// Where the numbers of a run go beside metrics.jsonl.
import Base

package enum ReportTarget: String, CaseIterable, Sendable {
  case tensorboard
  case csv
  case prometheus

  /// `report_to`: a name or a list of them; none by default. Each counts once.
  static func read(_ section: Section) -> [ReportTarget] {
    let key = "report_to"
    let names = allCases.map(\.rawValue)
    var targets: [ReportTarget] = []
    for name in section.texts(key, default: []) {
      if let target = ReportTarget(rawValue: name) {
        if !targets.contains(target) { targets.append(target) }
      } else {
        section.fail(
          key, "has \"\(name)\", but must be some of \(names.joined(separator: ", "))",
          hint: nearest(to: name, among: names).map { "did you mean \($0)?" } ?? "")
      }
    }
    return targets
  }
}
