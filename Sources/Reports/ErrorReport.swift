// The files of `swiftdp evaluate --output`: every wrong answer, and where a model errs.
import Base
import Datasets
import Objectives

package struct ErrorReport {
  /// How many rows of training are told for each wrong row.
  private static let neighbours = 3

  private let evaluated: Evaluated
  private let rows: [MeasuredRow]
  private let mistakes: [Mistake]
  /// For each mistake, the rows of training that are most like its row; nil where nobody asked for them.
  private let nearest: [[(row: Int, score: Double)]]?
  private let training: Evaluated?
  /// Where the tokens of each file begin.
  private let starts: [Int32: Int]
  /// The text of some tokens.
  private let decode: ([Int32]) -> String

  /// - Parameters:
  ///   - training: what training data was measured as, for an objective that compares rows.
  ///   - decode: for rows of a text, which are known by their tokens.
  package init(
    _ evaluated: Evaluated, _ objective: any Objective, training: Evaluated? = nil,
    decode: @escaping ([Int32]) -> String
  ) {
    self.evaluated = evaluated
    self.training = training
    self.decode = decode
    rows = evaluated.measuredRows
    starts = rows.reduce(into: [:]) { starts, row in
      let first = row.parts[0].tokens.lowerBound
      starts[row.source.file] = min(starts[row.source.file] ?? first, first)
    }
    // The most certain first, or the greatest losses where there is no certainty.
    func certainty(_ mistake: Mistake) -> Double {
      Mistake.rounded(mistake.confidence ?? mistake.loss ?? 0)
    }
    let found = objective.mistakes(of: evaluated).enumerated().map {
      (place: $0.offset, certainty: certainty($0.element), mistake: $0.element)
    }
    mistakes = found.sorted { ($1.certainty, $0.place) < ($0.certainty, $1.place) }.map(\.mistake)
    nearest = training.map { [mistakes] in
      objective.neighbours(
        of: mistakes.map(\.row), in: evaluated, among: $0, count: Self.neighbours)
    }
  }

  package var count: Int { mistakes.count }

  /// A line for each mistake.
  package var lines: [UInt8] {
    mistakes.indices.reduce(into: []) { $0 += line($1).encoded().utf8 + [UInt8(ascii: "\n")] }
  }

  private func line(_ place: Int) -> JSON {
    let mistake = mistakes[place]
    let row = rows[mistake.row]
    let file = evaluated.sequences.files[Int(row.source.file)]
    var members: [(String, JSON)] = [
      ("file", .string(file)), ("line", row.source.line > 0 ? .integer(Int(row.source.line)) : .null),
      ("source", .string(row.source.line > 0 ? "\(file):\(row.source.line)" : file)),
    ]
    if let example = evaluated.example(at: row.source) {
      members += example.columns.map { ($0.name, $0.value) }
    } else {
      let sequences = evaluated.sequences
      let tokens = row.parts.flatMap { sequences.tokens[$0.tokens] }
      members += [
        ("text", .string(decode(tokens))),
        ("first_token", .integer(row.parts[0].tokens.lowerBound - (starts[row.source.file] ?? 0))),
      ]
    }
    members += [
      ("gold", mistake.gold), ("predicted", mistake.predicted),
      ("confidence", mistake.confidence.map { .number(Mistake.rounded($0)) } ?? .null),
    ]
    if let loss = mistake.loss { members.append(("loss", .number(Mistake.rounded(loss)))) }
    members += mistake.facts.map { ($0.key, $0.value) }
    if let nearest, let training {
      members.append(("nearest", .array(nearest[place].map { neighbour($0.row, $0.score, in: training) })))
    }
    return .object(members: members)
  }

  private func neighbour(_ row: Int, _ score: Double, in training: Evaluated) -> JSON {
    let first = training.fileRows[row].lowerBound
    let source = training.sequences.source(of: first)
    let file = training.sequences.files[Int(source.file)]
    return .object([
      "source": .string("\(file):\(source.line)"), "file": .string(file), "line": .integer(Int(source.line)),
      "text": training.example(first)?.columns.first?.value ?? .null, "score": .number(score),
    ])
  }

  /// Rows and errors by length, class and file.
  package var summary: JSON {
    let wrong = Set(mistakes.map(\.row))
    let areWrong = mistakes.allSatisfy(\.isWrong)
    var lengths: [Int: Share] = [:]
    var files: [Int: Share] = [:]
    for (place, row) in rows.enumerated() {
      lengths[Self.bucket(row.length), default: Share()].count(isWrong: wrong.contains(place))
      files[Int(row.source.file), default: Share()].count(isWrong: wrong.contains(place))
    }
    var all = Share()
    for share in files.values { all.add(share) }
    return .object(
      members: [
        ("errors", .integer(mistakes.count)), ("chosen", .string(areWrong ? "wrong" : "worst tenth")),
      ]
        + all.members + [
          (
            "by_length",
            .array(
              lengths.sorted { $0.key < $1.key }.map { length, share in
                .object(
                  members: [("tokens_from", .integer(length)), ("tokens_to", .integer(2 * length - 1))]
                    + share.members)
              })
          ),
          ("by_class", .array(classes)),
          (
            "by_source",
            .array(
              files.sorted { $0.key < $1.key }.map { file, share in
                .object(members: [("file", .string(evaluated.sequences.files[file]))] + share.members)
              })
          ),
        ])
  }

  /// The greatest power of two that is not above a length.
  private static func bucket(_ length: Int) -> Int {
    1 << (Int.bitWidth - 1 - max(length, 1).leadingZeroBitCount)
  }

  /// What was taken for what, the most frequent first.
  private var classes: [JSON] {
    var places: [String: Int] = [:]
    var counts: [(pair: (gold: JSON, predicted: JSON), count: Int)] = []
    for pair in mistakes.compactMap(\.classes) {
      let key = JSON.array([pair.gold, pair.predicted]).encoded()
      if let place = places[key] {
        counts[place].count += 1
      } else {
        places[key] = counts.count
        counts.append((pair, 1))
      }
    }
    func name(_ pair: (gold: JSON, predicted: JSON)) -> String {
      JSON.array([pair.gold, pair.predicted]).encoded()
    }
    return counts.sorted { ($1.count, name($0.pair)) < ($0.count, name($1.pair)) }.map {
      .object([
        "gold": $0.pair.gold, "predicted": $0.pair.predicted, "errors": .integer($0.count),
      ])
    }
  }
}

/// Rows, and how many of them are wrong.
private struct Share {
  private var rows = 0
  private var wrong = 0

  mutating func count(isWrong: Bool) {
    rows += 1
    wrong += isWrong ? 1 : 0
  }

  mutating func add(_ other: Share) {
    rows += other.rows
    wrong += other.wrong
  }

  var members: [(String, JSON)] {
    [
      ("rows", .integer(rows)), ("wrong_rows", .integer(wrong)),
      ("error_rate", .number(Mistake.rounded(Double(wrong) / Double(rows)))),
    ]
  }
}
