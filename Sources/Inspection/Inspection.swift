// Looks through data for what is wrong with it: all rows with all checks, or at the start of a run its tokens.
import Base
import Datasets

package struct Inspection {
  private let facts: InspectionFacts
  private let examples: EncodedExamples
  /// Rows of the files of training that are held out.
  private let heldOut: Set<SampleSource>

  /// - Parameter dataset: the data as a run reads it; nil where it refuses the data, so that nothing is held out.
  package init(_ facts: InspectionFacts, dataset: Dataset?) {
    self.facts = facts
    examples = EncodedExamples(facts.options, labels: facts.labels, encoder: facts.encoder)
    heldOut = dataset?.heldOutRows ?? []
  }

  /// Looks at every row once, those of validation first. Memory grows with the rows by a few kilobytes each, up to a
  /// limit.
  /// - Parameter progress: called with the number of rows that were looked at, many times.
  package func run(progress: (Int) -> Void = { _ in }) -> InspectionReport {
    let checks = Checks.all.compactMap { $0.init(facts) }
    var rows = 0
    var beginnings = SharedBeginnings()
    func look(at row: EncodedExample, in part: DataPart) {
      let row = InspectedRow(row, in: part, after: &beginnings)
      for check in checks { check.look(at: row) }
      rows += 1
      progress(rows)
    }
    var unreadable = EncodedExamples.Unreadable()
    func add(_ more: EncodedExamples.Unreadable) {
      unreadable.rows += more.rows
      unreadable.mistakes += more.mistakes
    }
    add(examples.forEach(of: .validation) { look(at: $0, in: .validation) })
    if !heldOut.isEmpty {
      // What cannot be read here is told when the rest is read.
      _ = examples.forEach(of: .training, where: heldOut.contains) { look(at: $0, in: .validation) }
    }
    add(examples.forEach(of: .training, where: { !heldOut.contains($0) }) { look(at: $0, in: .training) })
    (checks.first { $0 is RefusedRows } as? RefusedRows)?.add(unreadable)
    return InspectionReport(
      rows: rows, checks: checks.map { type(of: $0).name }, checks.flatMap { $0.findings() })
  }
}

extension Inspection {
  /// Rows whose tokens are looked at when a run starts.
  private static let rowsAtStart = 2000

  /// What the tokens of a run tell, which are in memory: no file is read again, and it takes a moment only.
  package static func atStart(_ facts: InspectionFacts, _ dataset: Dataset) -> [Finding] {
    let checks = Checks.all.filter { !$0.readsTexts }.compactMap { $0.init(facts) }
    func look(at row: InspectedRow) { for check in checks { check.look(at: row) } }
    for file in dataset.summary.trainFiles.files { look(at: InspectedRow(file, in: .training)) }
    for file in dataset.summary.validationFiles?.files ?? [] { look(at: InspectedRow(file, in: .validation)) }
    let train = dataset.train
    for span in 0..<min(train.spanSources.count, rowsAtStart) {
      let tokens = RowTokens(span: span, of: train, longest: facts.options.tokensOfSequence)
      look(at: InspectedRow(tokens, at: train.name(of: train.spanSources[span]), in: .training))
    }
    return InspectionReport.ordered(checks.flatMap { $0.findings() })
  }
}

extension Dataset {
  /// Rows of the files of training that are held out as a whole; none where validation has files of its own.
  fileprivate var heldOutRows: Set<SampleSource> {
    guard !hasValidationFiles, let validation else { return [] }
    var rows = Set(validation.spanSources)
    // Of joined text, a part of a document may be held out.
    for source in train.spanSources { rows.remove(source) }
    return rows
  }
}
