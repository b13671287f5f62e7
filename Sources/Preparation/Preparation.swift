// Runs the steps of a preparation over all ranks.
import Base
import Collectives
import Compression
import Datasets

/// Rows go through the steps in rounds. In each, every rank has a part of them: parts of the files in turn, or what it has
/// stored of rows that a step had to see as a whole. Steps that decide about rows in their order are told of the rows of
/// all ranks, so that all decide alike, and the result does not depend on the number of ranks.
package struct Preparation {
  private let recipe: PreparationRecipe
  private let ranks: Ranks
  /// The rows, and the bytes of rows, of a rank's part of a round.
  private let part: (rows: Int, bytes: Int)
  /// Called many times with the number of rows that were read.
  package var progress: (Int) -> Void = { _ in }

  /// - Parameter models: loads the models of some folders for the steps that ask them. Collective.
  package init(
    _ recipe: PreparationRecipe, ranks: Ranks, part: (rows: Int, bytes: Int) = (512, 1 << 20),
    models: ([String]) throws -> [any TextModel]
  ) throws {
    (self.recipe, self.ranks, self.part) = (recipe, ranks, part)
    let asking = recipe.steps.compactMap { $0 as? any ModelStep }
    let folders = asking.flatMap(\.modelFolders).reduce(into: [String]()) {
      if !$0.contains($1) { $0.append($1) }
    }
    let loaded = Dictionary(uniqueKeysWithValues: zip(folders, try models(folders)))
    for step in asking { step.take(step.modelFolders.compactMap { loaded[$0] }) }
  }

  /// Collective.
  /// - Parameter sinks: of the outputs of the recipe, on the first rank; others bring none.
  /// - Returns: the report, on every rank.
  /// - Throws: `UserError` for the first file or row that cannot be read, or not be prepared so.
  package func run(into sinks: [ByteSink]) throws -> JSON {
    let rows = SourceRows(recipe.files)
    for step in recipe.steps {
      step.record.place = { "\(rows.name(of: $0.file)):\($0.line)" }
    }
    let files = try ranks.together {
      try zip(recipe.outputs, sinks).map { try PreparedFile($0.file, sink: $1) }
    }
    var source: StoredRows?
    var waiting: [any PreparationStep] = []
    for step in recipe.steps {
      guard let whole = step as? any WholeStep, !whole.isImmediate else {
        waiting.append(step)
        continue
      }
      var store: any RowStore = whole.reorders ? SortedStore() : OrderedStore()
      try pass(source, waiting) { round in
        var round = round
        try ranks.together {
          try whole.look(at: &round)
          try store.add(round)
        }
      }
      let stored = try store.finish(ranks)
      try whole.decide(StoredRounds(rows: stored), ranks)
      source = stored
      waiting = [whole]
    }
    try pass(source, waiting) { try write($0, to: files) }
    try ranks.together { try checkColumns() }
    try ranks.together { for file in files { try file.finish() } }
    return report(files.map(\.rows))
  }

  /// Sends all rows through some steps.
  private func pass(
    _ source: StoredRows?, _ steps: [any PreparationStep], into sink: ([PreparedRow]) throws -> Void
  ) throws {
    func run(_ round: [PreparedRow], from first: Int = 0) throws {
      var rows = round
      for step in steps[first...] {
        step.record.before += rows.count
        if let step = step as? any RowStep {
          rows = try ranks.together { try rows.flatMap { try applied(step, to: $0) } }
        } else if let step = step as? any RoundStep {
          rows = try step.run(rows, ranks)
        }
        step.record.after += rows.count
      }
      try sink(rows)
    }
    if let source {
      for number in 0..<source.roundCount { try run(try ranks.together { try source.round(number) }) }
    } else {
      try forEachRound { try run($0) }
    }
    for (number, step) in steps.enumerated() {
      guard let step = step as? any RoundStep, step.addsRows else { continue }
      let rows = try step.lastRows(ranks)
      step.record.after += rows.count
      try run(rows, from: number + 1)
    }
  }

  private func applied(_ step: any RowStep, to row: PreparedRow) throws -> [PreparedRow] {
    do {
      let rows = try step.apply(to: row)
      // Only the text of the row itself has such numbers.
      if row.text != nil, rows.contains(where: { $0.text == nil && $0.json.hasLargeNumber }) {
        throw UserError(
          .data, "has a number that no type holds, and is changed by \(type(of: step).name)",
          hint: "write the number as a text")
      }
      return rows
    } catch var error as UserError {
      error.place = step.record.place(row)
      throw error
    }
  }

  /// The rows of the files: parts of them go to the ranks in turn.
  private func forEachRound(_ body: ([PreparedRow]) throws -> Void) throws {
    var mine: [PreparedRow] = []
    var owner = 0
    var (number, count, bytes) = (0, 0, 0)
    var failsTogether = false
    func end() throws {
      failsTogether = true
      // Ranks whose files could not be read stop here with the others.
      try ranks.together {}
      try body(mine)
      mine.removeAll(keepingCapacity: true)
      (owner, count, bytes) = (0, 0, 0)
      failsTogether = false
    }
    do {
      try SourceRows(recipe.files).read { row in
        if owner == ranks.rank {
          mine.append(
            PreparedRow(
              order: RowOrder(row: number), file: row.file, line: row.number, json: row.json, text: row.line))
        }
        number += 1
        count += 1
        bytes += row.line?.count ?? row.json.textBytes
        guard count >= part.rows || bytes >= part.bytes else { return }
        (owner, count, bytes) = (owner + 1, 0, 0)
        if owner == ranks.count {
          progress(number)
          try end()
        }
      }
    } catch  where !failsTogether {
      try ranks.together { throw error }
    }
    try end()
  }

  /// Brings the rows of a round to the first rank, which writes them.
  private func write(_ rows: [PreparedRow], to files: [PreparedFile]) throws {
    var bytes: [UInt8] = []
    for row in rows { row.write(to: &bytes) }
    let all = ranks.gatherOnFirst(bytes)
    try ranks.together {
      var places: [(order: RowOrder, split: Int, rank: Int, range: Range<Int>)] = []
      for (rank, bytes) in all.enumerated() {
        bytes.withUnsafeBytes { bytes in
          PreparedRow.forEach(in: bytes) { head, _, range in
            places.append((PreparedRow.order(of: head), PreparedRow.split(of: head), rank, range))
          }
        }
      }
      places.sort { $0.order < $1.order }
      for place in places {
        try all[place.rank].withUnsafeBytes {
          try files[place.split].add(UnsafeRawBufferPointer(rebasing: $0[place.range]))
        }
      }
    }
  }

  private func checkColumns() throws {
    let problems = Problems()
    for (index, step) in recipe.steps.enumerated() {
      guard let step = step as? any TextStep else { continue }
      for name in step.columns.missing(ranks) {
        problems.add(
          .data, "no row has a text in the column \"\(name)\"",
          at: "steps[\(index)].\(type(of: step).name).columns", hint: "a dot leads into objects and lists")
      }
    }
    try problems.throwIfAny()
  }

  private func report(_ counts: [Int]) -> JSON {
    let steps = recipe.steps.map { $0.record.json(named: type(of: $0).name, ranks) }
    let written = recipe.outputs.indices.map { ranks.gather($0 < counts.count ? counts[$0] : 0)[0] }
    return .object(members: [
      ("input", .array(recipe.files.map { .string($0) })), ("steps", .array(steps)),
      (
        "outputs",
        .array(
          zip(recipe.outputs, written).map { output, rows in
            .object(members: [
              ("split", .string(output.split)), ("file", .string(output.file)), ("rows", .integer(rows)),
            ])
          })
      ), ("recipe", recipe.resolved),
    ])
  }
}

extension JSON {
  /// Whether a number was too large to be read.
  fileprivate var hasLargeNumber: Bool {
    switch self {
    case .number(let value): !value.isFinite
    case .array(let elements): elements.contains(where: \.hasLargeNumber)
    case .object(let members): members.contains(where: \.value.hasLargeNumber)
    default: false
    }
  }

  /// About the bytes of a value as text.
  fileprivate var textBytes: Int {
    switch self {
    case .string(let bytes): bytes.count + 2
    case .array(let elements): elements.reduce(2) { $0 + $1.textBytes }
    case .object(let members): members.reduce(2) { $0 + $1.key.count + 4 + $1.value.textBytes }
    default: 4
    }
  }
}
