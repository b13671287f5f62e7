// What a bench measured, on which machine and beside which limit, as words and as JSON.
import Base
import Training

/// What a rate is compared with. Each limit is measured in the same run, before and after the rows.
enum BenchLimit: String {
  case sgemm = "sgemm peak"
  case copy = "memory copy"
  case link = "plain messages"
  case plainWrite = "plain write"
  case plainRead = "plain read"
  case parsing = "JSON parsing"
  case oneThread = "1 thread × threads"

  /// The unit that a rate is given in, and how many operations or bytes per second it is.
  func unit(of rate: Double) -> (name: String, scale: Double) {
    if self == .sgemm { return ("GFLOP/s", 1e9) }
    return rate < 1e9 ? ("MB/s", 1e6) : ("GB/s", 1e9)
  }

  /// A rate in its unit, in words.
  func words(_ rate: Double) -> String {
    let (name, scale) = unit(of: rate)
    return decimals(rate / scale, 1) + " " + name
  }
}

struct BenchRow {
  let name: String
  let sizes: [(name: String, value: Int)]
  /// The seconds of each measured repetition, ascending; the slowest rank counts.
  let seconds: [Double]
  /// Operations or bytes of one repetition on all ranks.
  let work: Double
  let limit: BenchLimit

  var median: Double { seconds[seconds.count / 2] }
  /// Operations or bytes per second.
  var rate: Double { work / median }
}

struct BenchTable {
  let bench: String
  let cores: Int
  let ranks: Int
  let hosts: Int
  /// The number of threads of a rank.
  let threads: Int
  let kernelName: String
  /// Operations or bytes per second of all ranks together.
  let limits: [(limit: BenchLimit, rate: Double)]
  let rows: [BenchRow]
  /// What readers of the figures should know, a line each.
  let notes: [String]

  private func rate(of limit: BenchLimit) -> Double {
    guard let found = limits.first(where: { $0.limit == limit }) else {
      preconditionFailure("\(limit.rawValue) was not measured")
    }
    return found.rate
  }

  var json: JSON {
    .object([
      "bench": .string(bench),
      "machine": .object([
        "cores": .integer(cores), "hosts": .integer(hosts), "ranks": .integer(ranks),
        "threads": .integer(threads), "blas_kernel": .string(kernelName),
        "limits": .array(
          limits.map { limit, rate in
            .object([
              "name": .string(limit.rawValue), "rate": .number(rate / limit.unit(of: rate).scale),
              "unit": .string(limit.unit(of: rate).name),
            ])
          }),
      ]),
      "notes": .array(notes.map { .string($0) }),
      "rows": .array(rows.map(json)),
    ])
  }

  private func json(_ row: BenchRow) -> JSON {
    let (unit, scale) = row.limit.unit(of: row.rate)
    let limit = rate(of: row.limit)
    return .object([
      "name": .string(row.name),
      "sizes": .object(
        row.sizes.map { JSON.Member(key: Array($0.name.utf8), value: .integer($0.value)) }),
      "repetitions": .integer(row.seconds.count), "seconds_median": .number(row.median),
      "seconds_min": .number(row.seconds[0]), "seconds_max": .number(row.seconds[row.seconds.count - 1]),
      "rate": .number(row.rate / scale), "unit": .string(unit), "limit": .string(row.limit.rawValue),
      "limit_rate": .number(limit / scale), "share_of_limit": .number(row.rate / limit),
    ])
  }

  var text: String {
    let onHosts = hosts > 1 ? " on \(hosts) hosts" : ""
    var lines = [
      "bench     \(bench)",
      "machine   \(counted(cores, "core")), \(counted(ranks, "rank"))\(onHosts) × \(counted(threads, "thread")), "
        + "OpenBLAS \(kernelName)",
      "limits    "
        + limits.map { "\($0.rawValue) \($0.words($1))" }.joined(separator: ", "),
    ]
    lines += notes.map { "note      " + $0 }
    guard !rows.isEmpty else { return lines.joined(separator: "\n") }
    lines += aligned([["", "sizes", "median", "spread", "rate", "share of"]] + rows.map(cells))
    return lines.joined(separator: "\n")
  }

  private func cells(_ row: BenchRow) -> [String] {
    func milliseconds(_ seconds: Double) -> String { decimals(seconds * 1e3, seconds < 0.01 ? 3 : 1) }
    return [
      row.name, row.sizes.map { "\($0.name) \(grouped($0.value))" }.joined(separator: ", "),
      milliseconds(row.median) + " ms",
      "\(milliseconds(row.seconds[0])) to \(milliseconds(row.seconds[row.seconds.count - 1]))",
      row.limit.words(row.rate),
      "\(decimals(row.rate / rate(of: row.limit) * 100, 1)) % of \(row.limit.rawValue)",
    ]
  }
}

/// The lines of a table, its columns two spaces apart.
/// - Parameters:
///   - cells: rows with equal numbers of cells.
///   - textColumns: how many columns are text; those after them are numbers, aligned to the right. All by default.
func aligned(_ cells: [[String]], textColumns: Int = .max) -> [String] {
  let widths = (cells.first ?? []).indices.map { column in cells.map { $0[column].count }.max() ?? 0 }
  return cells.map { row in
    let padded = row.enumerated().map { column, cell in
      let room = String(repeating: " ", count: widths[column] - cell.count)
      return column < textColumns ? cell + room : room + cell
    }
    var line = padded.joined(separator: "  ")
    while line.last == " " { line.removeLast() }
    return line
  }
}
