// Figures of `bench all`, in a file that later runs on the same type of machine are compared with.
import Base

struct BenchFigure {
  /// Of a limit that the same process measured.
  static let share = "share"

  let name: String
  let value: Double
  let unit: String

  var words: String { unit == Self.share ? decimals(value * 100, 1) + " %" : decimals(value, 1) + " " + unit }
}

struct BenchFigures {
  /// What must be the same so that figures can be compared.
  struct Machine: Equatable {
    let processor: String
    let ranks: Int

    var words: String {
      "\(processor.isEmpty ? "an unknown processor" : processor), \(counted(ranks, "rank"))"
    }
  }

  let machine: Machine
  let figures: [BenchFigure]

  init(_ machine: Machine, _ figures: [BenchFigure]) {
    self.machine = machine
    self.figures = figures
  }

  /// - Throws: `UserError` if it is no file of `json`.
  init(path: String) throws {
    let json = try OpenFile.json(path)
    guard let processor = json["processor"]?.text, let ranks = json["ranks"]?.integer,
      let rows = json["figures"]?.elements
    else { throw UserError(.data, "is no file of bench all --output", at: path) }
    machine = Machine(processor: processor, ranks: ranks)
    figures = try rows.map { row in
      guard let name = row["name"]?.text, let unit = row["unit"]?.text, let value = row["value"]?.double,
        value > 0
      else { throw UserError(.data, "has a figure without name, unit or value", at: path) }
      return BenchFigure(name: name, value: value, unit: unit)
    }
  }

  var json: JSON {
    .object([
      "processor": .string(machine.processor), "ranks": .integer(machine.ranks),
      "figures": .array(
        figures.map {
          .object(["name": .string($0.name), "value": .number($0.value), "unit": .string($0.unit)])
        }),
    ])
  }

  /// A figure beside that of a file.
  struct Change {
    let figure: BenchFigure
    let before: BenchFigure
    var ratio: Double { figure.value / before.value }
    /// Written so that a figure that is not a number is a loss.
    var isLoss: Bool { !(ratio >= 1 - BenchFigures.allowedLoss) }
  }

  static let allowedLoss = 0.05

  /// - Throws: `UserError` if these figures are of another machine.
  func check(_ machine: Machine, path: String) throws {
    guard self.machine != machine else { return }
    throw UserError(
      .usage, "was measured on \(self.machine.words), and this is \(machine.words)", at: path,
      hint: "compare figures of the same type of machine, with --ranks \(self.machine.ranks)")
  }

  /// - Throws: `UserError` if the file has none of these figures.
  func changes(since old: BenchFigures, path: String) throws -> [Change] {
    let changes = figures.compactMap { figure in
      old.figures.first { $0.name == figure.name && $0.unit == figure.unit }.map {
        Change(figure: figure, before: $0)
      }
    }
    guard !changes.isEmpty else {
      throw UserError(.usage, "has none of the figures that were measured", at: path)
    }
    return changes
  }
}
