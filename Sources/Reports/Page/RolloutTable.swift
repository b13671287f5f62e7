// The answers of a policy by step, from rollouts.jsonl: what was asked, what the model said, what that earned, and how
// much better than expected it was.
import Base
import Foundation

struct RolloutTable {
  private let runs: [RunFolder]
  private let names: [String]

  /// Of all runs together, so that a page stays small; the first and the last step are among them.
  private static let mostSteps = 8
  /// Of a step, and of a prompt.
  private static let mostPrompts = 3
  private static let mostAnswers = 8

  init(_ runs: [RunFolder], _ names: [String]) { (self.runs, self.names) = (runs, names) }

  var html: String {
    runs.indices.map { place in
      let steps = Rollouts(runs[place].path + "/rollouts.jsonl")
        .chosen(max(2, Self.mostSteps / runs.count))
      guard !steps.isEmpty else { return "" }
      let heading = runs.count == 1 ? "" : "<h3>\(HTMLPage.escaped(names[place]))</h3>\n"
      return heading
        + steps.enumerated().map { Self.html($0.element, isOpen: $0.offset == steps.count - 1) }.joined()
    }.joined()
  }

  private static func html(_ step: Rollouts.Step, isOpen: Bool) -> String {
    let rewards = step.answers.compactMap { $0["reward"]?.double }
    let tokens = step.answers.compactMap { $0["tokens"]?.double }
    let cut = step.answers.count { $0["cut"]?.bool == true }
    var facts = ["step \(grouped(step.number))", counted(step.answers.count, "answer")]
    if let mean = mean(rewards) {
      let spread = (rewards.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rewards.count)).squareRoot()
      facts.append("reward \(Curve.short(mean)) ± \(Curve.short(spread))")
    }
    if let mean = mean(tokens) { facts.append("\(Curve.short(mean)) tokens") }
    if cut > 0 { facts.append("\(grouped(cut)) cut off") }
    let groups = step.groups
    let rows = groups.prefix(mostPrompts).flatMap { group in
      group.prefix(mostAnswers).enumerated().map { place, answer in
        row(answer, of: place == 0 ? min(group.count, mostAnswers) : 0)
      }
    }
    let left = groups.count - mostPrompts
    let more = left > 0 ? "<p>\(counted(left, "more prompt")) in this step.</p>\n" : ""
    let head = ["prompt", "answer", "reward", "advantage", "tokens"].enumerated().map {
      "<th scope=\"col\"\($0.offset > 1 ? " class=\"number\"" : "")>\($0.element)</th>"
    }
    return
      "<details\(isOpen ? " open" : "")><summary>\(HTMLPage.escaped(facts.joined(separator: " · ")))</summary>\n"
      + HTMLPage.wide("<table>\n<thead><tr>\(head.joined())</tr></thead>\n\(rows.joined())</table>")
      + "\(more)</details>\n"
  }

  /// - Parameter count: of the answers to its prompt, where it is the first of them; 0 for the others.
  private static func row(_ answer: JSON, of count: Int) -> String {
    func text(_ key: String, _ most: Int) -> String {
      HTMLPage.escaped((answer[key]?.text ?? "").printable(most))
    }
    func number(_ key: String) -> String { answer[key]?.double.map { Curve.short($0) } ?? "" }
    let each = (answer["rewards"]?.members ?? []).prefix(8).compactMap { member in
      member.value.double.map { "\(String(decoding: member.key, as: UTF8.self)) \(Curve.short($0))" }
    }
    let parts =
      each.isEmpty
      ? "" : "<br><small>\(HTMLPage.escaped(each.joined(separator: ", ").printable(200)))</small>"
    let reference = text("reference", 200)
    let prompt =
      count == 0
      ? ""
      : "<td rowspan=\"\(count)\">\(text("prompt", 400))"
        + (reference.isEmpty ? "" : "<br><small>reference: \(reference)</small>") + "</td>"
    let isCut = answer["cut"]?.bool == true
    return "<tr>\(prompt)<td>\(text("completion", 400))\(isCut ? " …" : "")</td>"
      + "<td class=\"number\">\(number("reward"))\(parts)</td><td class=\"number\">\(number("advantage"))</td>"
      + "<td class=\"number\">\(number("tokens"))</td></tr>\n"
  }

  private static func mean(_ values: [Double]) -> Double? {
    values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
  }
}

/// The lines of rollouts.jsonl, of which only those that are shown are read as JSON.
private struct Rollouts {
  struct Step {
    let number: Int
    let answers: [JSON]

    /// The answers to each prompt, which stand beside each other.
    var groups: [[JSON]] {
      answers.reduce(into: []) { groups, answer in
        if let last = groups.last?.last, last["prompt"] == answer["prompt"] {
          groups[groups.count - 1].append(answer)
        } else {
          groups.append([answer])
        }
      }
    }
  }

  private let lines: [ArraySlice<UInt8>]
  /// Rising, with the lines of each.
  private var steps: [(number: Int, lines: Range<Int>)] = []

  /// Empty where there is no such file.
  init(_ path: String) {
    lines = ((try? OpenFile.contents(path)) ?? []).split(separator: UInt8(ascii: "\n"))
    for (place, line) in lines.enumerated() {
      guard let number = Self.step(of: line) else { continue }
      if let last = steps.last, last.number == number, last.lines.upperBound == place {
        steps[steps.count - 1].lines = last.lines.lowerBound..<place + 1
      } else {
        steps.append((number, place..<place + 1))
      }
    }
  }

  /// Each line begins with its step.
  private static func step(of line: ArraySlice<UInt8>) -> Int? {
    let head = Array("{\"step\":".utf8)
    guard line.starts(with: head) else { return nil }
    let digits = line.dropFirst(head.count).drop { $0 == 0x20 }.prefix(16).prefix {
      (0x30...0x39).contains($0)
    }
    return Int(String(decoding: digits, as: UTF8.self))
  }

  /// Some steps, evenly over all of them.
  func chosen(_ count: Int) -> [Step] {
    let places =
      steps.count <= count
      ? Array(steps.indices) : (0..<count).map { $0 * (steps.count - 1) / max(count - 1, 1) }
    return places.map { place in
      Step(
        number: steps[place].number,
        answers: steps[place].lines.compactMap { try? JSON.parse(Array(lines[$0])) })
    }
  }
}
