// How many choices rows have, so that all samples of a set have as many sequences.
import Base

extension DataOptions {
  /// With the most choices of a row of training, where rows have choices.
  /// - Throws: the mistakes of all files.
  func settled() throws -> DataOptions {
    guard sources.first?.decidedFormat == .multipleChoice, choices == nil else { return self }
    var settled = self
    settled.choices = try fact("choices") { .integer(try mostChoices()) }.integer
    return settled
  }

  private func mostChoices() throws -> Int {
    var most = 0
    var mistakes: [UserError] = []
    for source in sources {
      var reader = ExampleReader(source, names: names, wishes: wishes)
      reader.read { example, _, _, summary in
        summary.rows += 1
        if case .choices(_, let endings, _) = example { most = max(most, endings.count) }
      }
      mistakes += reader.mistakes
    }
    guard mistakes.isEmpty else { throw UserErrors(mistakes) }
    return most
  }
}

extension DataOptions {
  /// How many numbers the first row of training has.
  /// - Throws: the mistakes of all files.
  package func numbersOfARow() throws -> Int {
    try fact("numbers") { .integer(try numbersOfFirstRow()) }.integer ?? 1
  }

  private func numbersOfFirstRow() throws -> Int {
    var count: Int?
    var mistakes: [UserError] = []
    for source in sources {
      var reader = ExampleReader(source, names: names, wishes: wishes)
      reader.read { example, _, _, summary in
        summary.rows += 1
        if case .numbered(_, _, let numbers?) = example, count == nil { count = numbers.count }
      }
      mistakes += reader.mistakes
    }
    guard mistakes.isEmpty else { throw UserErrors(mistakes) }
    return count ?? 1
  }
}
