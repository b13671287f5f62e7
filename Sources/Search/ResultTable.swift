// results.csv and results.jsonl: a line for each trial.
import Base

package struct ResultTable {
  private let keys: [String]
  private let results: [TrialResult]

  package init(_ space: SearchSpace, _ results: [TrialResult]) {
    keys = space.settings.map(\.key)
    self.results = results
  }

  /// With a head; a setting that a trial lacks is empty. Fields with commas or quotes are quoted (RFC 4180).
  package var csv: String {
    let head = ["trial"] + keys + ["validation_loss", "seconds", "state", "steps", "reason"]
    let lines = results.map { result -> [String] in
      let settings = keys.map { key in
        result.trial.settings.first { $0.key == key }.map { $0.value.text ?? $0.value.encoded() } ?? ""
      }
      return ["\(result.trial.number)"] + settings + [
        result.loss.map { JSON.number($0).encoded() } ?? "", JSON.number(result.seconds).encoded(),
        result.state.rawValue, "\(result.steps)", result.reason,
      ]
    }
    return ([head] + lines).map { $0.map(Self.field).joined(separator: ",") + "\n" }.joined()
  }

  private static func field(_ text: String) -> String {
    guard text.contains(where: { ",\"\n\r".contains($0) }) else { return text }
    return "\"" + text.replacing("\"", with: "\"\"") + "\""
  }

  package var jsonLines: String {
    results.map { result in
      let settings = result.trial.settings.map { JSON.Member(key: Array($0.key.utf8), value: $0.value) }
      let members: [(String, JSON)] = [
        ("trial", .integer(result.trial.number)), ("settings", .object(settings)),
        ("validation_loss", result.loss.map { .number($0) } ?? .null), ("seconds", .number(result.seconds)),
        ("state", .string(result.state.rawValue)), ("steps", .integer(result.steps)),
        ("reason", .string(result.reason)),
      ]
      return JSON.object(members.map { JSON.Member(key: Array($0.0.utf8), value: $0.1) }).encoded() + "\n"
    }.joined()
  }
}
