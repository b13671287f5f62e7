// Rows with answers to a prompt: pairs of a better and a worse one, or answers with a label.
import Base
import Tokenizers

extension FileLoader {
  /// Encodes a row as the samples that its answers make.
  mutating func add(
    _ preference: Preference, of example: Example, from source: SampleSource, to summary: inout FileSummary
  ) throws(RowMistake) {
    guard encoder.answerStart == nil else {
      throw RowMistake("is an answer behind its prompt, and the model answers to single texts")
    }
    let form = options.wishes.answers
    guard form != .wholes else { return try addWholes(preference, from: source, to: &summary) }
    var encoded: [AnswerTokens] = []
    for answer in preference.answers { encoded.append(try encode(answer)) }
    // Both answers of a pair begin where the first of them leaves the prompt, as in TRL.
    if form == .pairs, let start = encoded.map(\.start).min() {
      for place in encoded.indices { encoded[place].begin(at: start) }
    }
    count(encoded.map(\.row), in: &summary)
    let lost = encoded.reduce(0) { $0 + $1.row.targets(behind: options.tokensOfSequence) }
    summary.cutTargets += lost
    if lost > 0 { summary.cutAnswers += 1 }
    if encoded.contains(where: \.row.isMerged) {
      summary.mergedBoundaries += 1
      if summary.mergedExample == nil {
        summary.mergedExample = MergedBoundary(example, line: Int(source.line))
      }
    }
    switch form {
    case .wholes: break
    case .pairs:
      guard preference.isWanted == nil else {
        throw RowMistake("has one answer with a label, and pairs are meant", hint: "set task.loss=kto")
      }
      let usable = preference.pairs.filter { learns(encoded[$0.better]) && learns(encoded[$0.worse]) }
      if usable.isEmpty { summary.rowsWithoutTargets += 1 }
      for pair in usable {
        rows.rowsPerSample = 2
        append(encoded[pair.better], isWanted: true, units: 1, source)
        append(encoded[pair.worse], isWanted: false, units: 0, source)
      }
    case .labelled:
      guard preference.isWanted != nil || encoded.count == 2 && preference.pairs.count == 1 else {
        throw RowMistake(
          "has \(counted(encoded.count, "answer")), and answers with a label are meant",
          hint: "give \"completion\" and \"label\", or \"chosen\" and \"rejected\"")
      }
      let usable = encoded.indices.filter { learns(encoded[$0]) }
      if usable.isEmpty { summary.rowsWithoutTargets += 1 }
      for place in usable {
        append(
          encoded[place], isWanted: preference.isWanted ?? (place == preference.pairs[0].better), units: 1,
          source)
      }
    }
  }

  /// An answer behind its prompt, as tokens.
  private struct AnswerTokens {
    var row: EncodedRow
    /// Where it leaves its prompt.
    private(set) var start: Int
    /// Whether it is one text, whose tokens from there on are targets.
    private let isText: Bool

    init(_ row: EncodedRow, start: Int, isText: Bool) {
      (self.row, self.start, self.isText) = (row, start, isText)
    }

    mutating func begin(at start: Int) {
      guard isText, start < self.start else { return }
      self.start = start
      row.targets = [start..<row.tokens.count]
    }
  }

  private mutating func encode(_ answer: Preference.Answer) throws(RowMistake) -> AnswerTokens {
    switch answer {
    case .chat(let conversation):
      let row = try chat(conversation)
      return AnswerTokens(row, start: row.targets.first?.lowerBound ?? row.tokens.count, isText: false)
    case .text(let prompt, let answer):
      let (asked, whole) = (encoder.prompt(prompt), encoder.document(prompt + answer))
      let start = zip(asked, whole).prefix { $0 == $1 }.count
      let row = EncodedRow(
        tokens: whole, targets: [start..<whole.count], isMerged: start < asked.count && !prompt.isEmpty)
      return AnswerTokens(row, start: start, isText: true)
    }
  }

  /// Whether something of an answer can be predicted within a sequence.
  private func learns(_ answer: AnswerTokens) -> Bool {
    !answer.row.targets(
      in: 0..<min(answer.row.tokens.count, options.tokensOfSequence), from: rows.firstTarget
    )
    .isEmpty
  }

  /// Counts the answers of a row, of which each is cut.
  /// - Parameter others: tokens that were cut before.
  private func count(_ rows: [EncodedRow], andCut others: Int = 0, in summary: inout FileSummary) {
    let cut = rows.reduce(others) { $0 + max(0, $1.tokens.count - options.tokensOfSequence) }
    summary.rows += 1
    summary.tokens += rows.reduce(others) { $0 + $1.tokens.count }
    summary.cutTokens += cut
    if cut > 0 { summary.longRows += 1 }
  }

  private mutating func append(
    _ answer: AnswerTokens, isWanted: Bool, units: Int, _ source: SampleSource
  ) {
    let part = 0..<min(answer.row.tokens.count, options.tokensOfSequence)
    var targets = answer.row.targets(in: part, from: rows.firstTarget)
    var numbers = AnswerNumbers(isWanted: isWanted)
    if options.wishes.learnsPrompts, isWanted, let first = targets.first?.lowerBound, first > rows.firstTarget
    {
      numbers.promptTargets = first - rows.firstTarget
      targets.insert(rows.firstTarget..<first, at: 0)
    }
    rows.append(answer.row.tokens[part], targets: targets, of: numbers, units: units, source: source)
  }

  // MARK: answers that are read as a whole

  private mutating func addWholes(
    _ preference: Preference, from source: SampleSource, to summary: inout FileSummary
  ) throws(RowMistake) {
    let judges = !options.wishes.needsLabels
    guard preference.isWanted == nil else {
      throw RowMistake(
        "has one answer with a label, and pairs are meant", hint: "give \"chosen\" and \"rejected\"")
    }
    if judges, let shape, shape.rowsPerSample != preference.answers.count {
      throw RowMistake(
        "has \(counted(preference.answers.count, "answer")), and the rows before have \(shape.rowsPerSample)",
        hint: "score them in files of their own")
    }
    var (encoded, cut) = ([EncodedRow](), 0)
    for answer in preference.answers {
      let (row, cutTokens) = try encodeWhole(answer)
      guard !row.tokens.isEmpty else { throw RowMistake("has an answer without a token") }
      encoded.append(row)
      cut += cutTokens
    }
    count(encoded, andCut: cut, in: &summary)
    func append(_ place: Int, _ margin: Float, units: Int) {
      let tokens = encoded[place].tokens.prefix(options.tokensOfSequence)
      rows.append(tokens, zeroTypes: tokens.count, numbers: [margin], units: units, source: source)
    }
    if judges {
      rows.rowsPerSample = encoded.count
      for place in encoded.indices { append(place, 0, units: place == 0 ? 1 : 0) }
      return
    }
    if preference.pairs.isEmpty { summary.rowsWithoutTargets += 1 }
    for pair in preference.pairs {
      rows.rowsPerSample = 2
      append(pair.better, pair.margin, units: 1)
      append(pair.worse, pair.margin, units: 0)
    }
  }

  /// A prompt with its answer as one text, and how many of its tokens are cut already. Tokens that the model takes for
  /// padding do not end it: transformers reads the last one before them.
  private mutating func encodeWhole(
    _ answer: Preference.Answer
  ) throws(RowMistake) -> (row: EncodedRow, cutTokens: Int) {
    var (row, cut) = (EncodedRow(tokens: [], targets: []), 0)
    switch answer {
    case .chat(let conversation): row = try chat(conversation)
    case .text(let prompt, let answer) where encoder.endOfText != nil:
      row.tokens = encoder.document(prompt + answer)
    case .text(let prompt, let answer):
      // Without an end of text, what the tokenizer puts around a text stays when the text is cut.
      let typed = try encode(whole: prompt + answer)
      (row.tokens, cut) = (typed.tokens, typed.cutTokens)
    }
    while row.tokens.count > 1, let last = row.tokens.last, last == encoder.padding {
      row.tokens.removeLast()
    }
    return (row, cut)
  }
}
