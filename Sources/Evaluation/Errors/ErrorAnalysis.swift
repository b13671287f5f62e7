// What a model gets wrong: by kinds of rows, how sure it is, and where two models differ.
import Base
import Foundation

/// A part of a report, which a page and a text show in their ways.
package enum ReportPart: Sendable {
  case heading(String)
  case text(String)
  case table([String], rows: [[String]])
  /// Rows with what was asked and answered.
  case answers([ShownAnswer])
  case reliability(Reliability)
}

package struct ShownAnswer: Sendable {
  package let title: String
  package let question: String
  package let gold: String
  package let given: String
}

package struct ErrorAnalysis: Sendable {
  package private(set) var parts: [ReportPart] = []
  private let most: Int

  /// - Parameters:
  ///   - other: another run on the same tasks; nil for none.
  ///   - vectors: of the questions of `run.mistakes`, in their order, each of length 1: what mistakes are alike by; nil for
  ///     their words.
  ///   - most: how many rows of a kind are shown.
  package init(
    _ run: JudgedRows, with other: JudgedRows? = nil, vectors: [[Float]]? = nil, most: Int = 10
  ) {
    self.most = most
    let rows = run.rows
    let wrong = run.mistakes
    parts.append(.heading("What \(run.folder) gets wrong"))
    parts.append(
      .text("\(counted(rows.count, "row")), \(wrong.count) wrong (\(share(wrong.count, rows.count)))"))
    if run.unjudged > 0 {
      parts.append(.text("Left out: \(counted(run.unjudged, "row")), neither right nor wrong."))
    }
    addGroups(rows)
    let sure = wrong.filter { $0.confidence != nil }.sorted { ($0.confidence ?? 0) > ($1.confidence ?? 0) }
    if !sure.isEmpty {
      parts.append(.heading("The most confident mistakes"))
      parts.append(.answers(sure.prefix(most).map(Self.shown)))
    }
    let others = wrong.filter { $0.confidence == nil }
    if !others.isEmpty {
      parts.append(.heading("Wrong answers that were written"))
      parts.append(.answers(others.prefix(most).map(Self.shown)))
    }
    addClusters(wrong, vectors)
    addConfusion(rows)
    addCalibration(rows)
    if let other { addComparison(run, other) }
  }

  private func share(_ count: Int, _ all: Int) -> String {
    all == 0 ? "none" : decimals(100 * Double(count) / Double(all), 1) + " %"
  }

  private static func shown(_ row: JudgedRow) -> ShownAnswer {
    let sure = row.confidence.map { ", probability \(decimals($0, 3))" } ?? ""
    return ShownAnswer(
      title: "\(row.task), row \(row.number)\(sure)", question: row.question, gold: row.gold, given: row.given
    )
  }

  private mutating func addGroups(_ rows: [JudgedRow]) {
    var names: [String] = []
    for row in rows {
      for feature in row.features where !names.contains(feature.name) { names.append(feature.name) }
    }
    for name in names {
      var groups: [(value: String, rows: [Bool])] = []
      var places: [String: Int] = [:]
      for row in rows {
        guard let value = row.features.first(where: { $0.name == name })?.value else { continue }
        if places[value] == nil {
          places[value] = groups.count
          groups.append((value, []))
        }
        groups[places[value] ?? 0].rows.append(row.isRight)
      }
      guard groups.count > 1 || name == "task" else { continue }
      let sorted = groups.sorted { ($0.rows.count { !$0 }, $1.value) > ($1.rows.count { !$0 }, $0.value) }
      parts.append(.heading("By \(name)"))
      parts.append(
        .table(
          [name, "rows", "wrong", "accuracy", "stderr"],
          rows: sorted.prefix(40).map { group in
            let right = group.rows.map { $0 ? 1.0 : 0 }
            let error = right.count > 1 ? Statistics.errorOfMean(right) : .nan
            return [
              group.value, String(right.count), String(group.rows.count { !$0 }),
              decimals(Statistics.mean(right), 3), error.isFinite ? decimals(error, 3) : "",
            ]
          }))
      if sorted.count > 40 { parts.append(.text("and \(sorted.count - 40) more")) }
    }
  }

  /// Mistakes whose questions are alike.
  private mutating func addClusters(_ wrong: [JudgedRow], _ vectors: [[Float]]?) {
    let count = min(wrong.count / 8, 8)
    guard count > 1 else { return }
    let words = WordVectors(wrong.map { .string($0.question) })
    let clusters =
      vectors.map { CosineClusters($0, count: count).groups.map(\.places) } ?? words.clusters(count)
    parts.append(.heading("Mistakes that are alike, by \(vectors == nil ? "words" : "meaning")"))
    for places in clusters {
      parts.append(
        .text("\(counted(places.count, "mistake")): \(words.words(of: places).joined(separator: ", "))"))
      parts.append(.answers(places.prefix(2).map { Self.shown(wrong[$0]) }))
    }
  }

  private mutating func addConfusion(_ rows: [JudgedRow]) {
    for task in Self.tasks(rows) {
      let classes = rows.filter { $0.task == task }.compactMap(\.classes)
      guard let count = classes.map(\.count).max(), count <= 10, classes.allSatisfy({ $0.count == count })
      else { continue }
      parts.append(.heading("Confusion of \(task)"))
      let header = ["right \\ given"] + (0..<count).map(String.init)
      parts.append(
        .table(
          header,
          rows: (0..<count).map { gold in
            [String(gold)]
              + (0..<count).map { given in
                String(classes.count { $0.gold == gold && $0.given == given })
              }
          }))
    }
  }

  private mutating func addCalibration(_ rows: [JudgedRow]) {
    let sure = rows.compactMap { row in row.confidence.map { (confidence: $0, isRight: row.isRight) } }
    guard !sure.isEmpty else { return }
    let reliability = Reliability(sure)
    parts.append(.heading("Calibration"))
    parts.append(
      .text(
        "Expected calibration error \(decimals(reliability.error, 4)) over \(counted(sure.count, "row")): the mean distance between "
          + "the probability of an answer among its choices and the share of right ones."))
    parts.append(.reliability(reliability))
  }

  private mutating func addComparison(_ run: JudgedRows, _ other: JudgedRows) {
    parts.append(.heading("Beside \(other.folder)"))
    var table: [[String]] = []
    var (lost, won) = ([ShownAnswer](), [ShownAnswer]())
    for task in Self.tasks(run.rows) {
      let theirs = Dictionary(other.rows.filter { $0.task == task }.map { ($0.number, $0) }) { first, _ in
        first
      }
      var counts = (both: 0, first: 0, second: 0, neither: 0)
      for row in run.rows where row.task == task {
        guard let twin = theirs[row.number] else { continue }
        switch (row.isRight, twin.isRight) {
        case (true, true): counts.both += 1
        case (false, false): counts.neither += 1
        case (true, false):
          counts.first += 1
          won.append(Self.shown(twin))
        case (false, true):
          counts.second += 1
          lost.append(Self.shown(row))
        }
      }
      let all = counts.both + counts.first + counts.second + counts.neither
      guard all > 0 else { continue }
      table.append([
        task, String(all), String(counts.both), String(counts.first), String(counts.second),
        String(counts.neither),
        String(format: "%.4g", McNemar.probability(counts.first, counts.second)),
      ])
    }
    guard !table.isEmpty else { return parts.append(.text("They have no rows in common.")) }
    parts.append(
      .text(
        "Rows that both have. The last column is McNemar's exact test: how likely so unequal numbers of rows that only one gets "
          + "right are, if both were equally good."))
    parts.append(
      .table(
        ["task", "rows", "both right", "only the first", "only the second", "both wrong", "p"], rows: table))
    for (title, answers) in [
      ("Only the first is right: what the second answers", won),
      ("Only the second is right: what the first answers", lost),
    ]
    where !answers.isEmpty {
      parts.append(.heading(title))
      parts.append(.answers(Array(answers.prefix(most))))
    }
  }

  private static func tasks(_ rows: [JudgedRow]) -> [String] {
    var tasks: [String] = []
    for row in rows where tasks.last != row.task && !tasks.contains(row.task) { tasks.append(row.task) }
    return tasks
  }
}

/// McNemar's test of two runs on the same rows, exact: a sign test of the rows that only one gets right.
package enum McNemar {
  /// - Returns: the two-sided probability, 0...1.
  package static func probability(_ first: Int, _ second: Int) -> Double {
    let all = first + second
    guard all > 0 else { return 1 }
    func logChoose(_ k: Int) -> Double {
      lgamma(Double(all) + 1) - lgamma(Double(k) + 1) - lgamma(Double(all - k) + 1)
    }
    let tail = (0...min(first, second)).reduce(0.0) { $0 + exp(logChoose($1) - Double(all) * log(2)) }
    return min(1, 2 * tail)
  }
}

/// How often answers of about one probability are right, in ten bins (Guo et al. 2017).
package struct Reliability: Sendable {
  package struct Bin: Sendable {
    package var rows = 0
    package var confidence = 0.0
    package var right = 0
  }

  package private(set) var bins = [Bin](repeating: Bin(), count: 10)

  init(_ rows: [(confidence: Double, isRight: Bool)]) {
    for row in rows where row.confidence.isFinite {
      let place = min(max(Int(row.confidence * 10), 0), 9)
      bins[place].rows += 1
      bins[place].confidence += row.confidence
      if row.isRight { bins[place].right += 1 }
    }
  }

  package var error: Double {
    let all = bins.reduce(0) { $0 + $1.rows }
    return bins.reduce(0) { $0 + abs(Double($1.right) - $1.confidence) } / Double(max(all, 1))
  }
}
