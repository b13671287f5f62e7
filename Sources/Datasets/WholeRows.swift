// Rows that are learned as they are: texts with labels or numbers, several texts of one sample, words with labels.
import Base
import Tokenizers

extension FileLoader {
  /// Encodes a row as the sequences of one sample.
  mutating func addWhole(
    _ example: Example, from source: SampleSource, to summary: inout FileSummary
  ) throws(RowMistake) {
    switch example {
    case .labelled(let text, let pair, let labels):
      let numbers = try self.numbers(of: labels)
      try append([Part(text, pair)], numbers: { _ in numbers }, units: 1, source, &summary)
    case .numbered(let text, let pair, let numbers):
      if let first = shape?.numbersPerSequence, let numbers, numbers.count != first {
        throw RowMistake("has \(counted(numbers.count, "number")), and rows before have \(first)")
      }
      // Nothing is measured against numbers that are to be predicted.
      try append([Part(text, pair)], numbers: { _ in numbers ?? [.nan] }, units: 1, source, &summary)
    case .choices(let context, let endings, let right):
      let rowsPerSample = options.choices ?? endings.count
      guard endings.count <= rowsPerSample else {
        throw RowMistake("has \(endings.count) choices, and rows of training have at most \(rowsPerSample)")
      }
      // Rows that only fill the sample up are short, and marked by a negative number.
      let parts = (0..<rowsPerSample).map { place in
        place < endings.count ? Part(context, endings[place]) : Part(Array(endings[0].prefix(1)), nil)
      }
      try append(
        parts, numbers: { $0 < endings.count ? [Float(right ?? 0)] : [-1] }, units: 1, source, &summary)
    case .texts(let texts, let score):
      if let shape, shape.rowsPerSample != texts.count || (shape.numbersPerSequence == 1) != (score != nil) {
        throw RowMistake(
          "has other columns than the rows before", hint: "pairs, triplets and scores are not mixed")
      }
      try append(
        texts.map { Part($0, nil) }, numbers: { _ in score.map { [$0] } ?? [] }, units: 1, source, &summary)
    case .words(let words, let names):
      try append(words, names, source, &summary)
    case .question(let question):
      try append(question, source, &summary)
    case .answer(let text, let answer):
      try append(answer, answering: text, source, &summary)
    case .document, .chat, .preference: preconditionFailure("next tokens are learned from these")
    }
  }

  /// A sequence of one text or two.
  private struct Part {
    let text: [UInt8]
    let pair: [UInt8]?
    init(_ text: [UInt8], _ pair: [UInt8]?) { (self.text, self.pair) = (text, pair) }
  }

  /// The number of a row's label, or of each label whether the row has it; negative where that is to be predicted.
  private func numbers(of names: [String]?) throws(RowMistake) -> [Float] {
    guard let labels, options.wishes.takesSeveralLabels else {
      return [Float(try names.map { names throws(RowMistake) in try labels?.index(of: names[0]) ?? 0 } ?? -1)]
    }
    var numbers = [Float](repeating: names == nil ? -1 : 0, count: labels.names.count)
    for name in names ?? [] { numbers[try labels.index(of: name)] = 1 }
    return numbers
  }

  /// - Parameters:
  ///   - numbers: of each sequence of the sample.
  ///   - units: of the sample.
  private mutating func append(
    _ parts: [Part], numbers: (Int) -> [Float], units: Int, _ source: SampleSource,
    _ summary: inout FileSummary
  ) throws(RowMistake) {
    var encoded: [TypedTokens] = []
    for part in parts { encoded.append(try encode(part)) }
    let cut = encoded.reduce(0) { $0 + $1.cutTokens }
    summary.rows += 1
    summary.tokens += cut
    if cut > 0 { summary.longRows += 1 }
    summary.cutTokens += cut
    rows.rowsPerSample = parts.count
    for (place, row) in encoded.enumerated() {
      summary.tokens += row.tokens.count
      rows.append(
        row.tokens[...], zeroTypes: row.zeroTypes, numbers: numbers(place), units: place == 0 ? units : 0,
        source: source)
    }
  }

  /// A text and its answer, of which each is cut.
  private mutating func append(
    _ answer: [UInt8], answering text: [UInt8], _ source: SampleSource, _ summary: inout FileSummary
  ) throws(RowMistake) {
    let (read, written) = try asRowMistake { () throws(UserError) in
      try checkRoom(pair: false, beside: 2)
      return (
        try encoder.answered(text, longest: options.tokensOfSequence),
        try encoder.answer(answer, longest: options.tokensOfSequence)
      )
    }
    let cut = read.cutTokens + written.cutTokens
    summary.rows += 1
    summary.tokens += read.tokens.count + written.tokens.count + cut
    summary.cutTokens += cut
    if cut > 0 { summary.longRows += 1 }
    summary.cutTargets += written.cutTokens
    if written.cutTokens > 0 { summary.cutAnswers += 1 }
    rows.append(written.tokens[...], answering: read.tokens[...], source: source)
    if rows.targetCounts.last == 0 { summary.rowsWithoutTargets += 1 }
  }

  /// The tokens of a text alone.
  func encode(whole text: [UInt8]) throws(RowMistake) -> TypedTokens { try encode(Part(text, nil)) }

  private func encode(_ part: Part) throws(RowMistake) -> TypedTokens {
    try asRowMistake { () throws(UserError) in
      try checkRoom(pair: part.pair != nil)
      return try encoder.encoding.encode(part.text, pair: part.pair, longest: options.tokensOfSequence)
    }
  }

  /// - Parameter others: tokens that stand beside those of the tokenizer.
  private func checkRoom(pair: Bool, beside others: Int = 0) throws(UserError) {
    let special = try encoder.encoding.specialTokenCount(pair: pair) + others
    guard special < options.tokensOfSequence else {
      throw UserError(
        .data, "\(special) special tokens leave no room for a text",
        hint: "raise \(options.names.sequenceLength)")
    }
  }

  private func asRowMistake<T>(_ body: () throws(UserError) -> T) throws(RowMistake) -> T {
    do throws(UserError) { return try body() } catch {
      throw RowMistake(error.place.isEmpty ? error.what : "\(error.place): \(error.what)", hint: error.hint)
    }
  }

  /// The words of a sentence: the first token of each has its label.
  private mutating func append(
    _ words: [[UInt8]], _ names: [String]?, _ source: SampleSource, _ summary: inout FileSummary
  ) throws(RowMistake) {
    var indices = [Int32](repeating: 0, count: words.count)
    for (place, name) in (names ?? []).enumerated() {
      indices[place] = Int32(try labels?.index(of: name) ?? 0)
    }
    let encoded = try asRowMistake { () throws(UserError) in
      try checkRoom(pair: false)
      return try encoder.encoding.encode(words: words, longest: options.tokensOfSequence)
    }
    var before = -1
    let tokenLabels = encoded.words.map { word in
      defer { before = word ?? before }
      return word.map { $0 > before ? indices[$0] : Batch.noTarget } ?? Batch.noTarget
    }
    let tokens = encoded.encoded
    summary.rows += 1
    summary.tokens += tokens.tokens.count + tokens.cutTokens
    if tokens.cutTokens > 0 { summary.longRows += 1 }
    summary.cutTokens += tokens.cutTokens
    rows.append(tokens.tokens[...], labels: tokenLabels, source: source)
    if rows.targetCounts.last == 0 { summary.rowsWithoutTargets += 1 }
  }

  /// A question with its text, in windows; one that does not hold the answer points to the first token.
  private mutating func append(
    _ question: Question, _ source: SampleSource, _ summary: inout FileSummary
  ) throws(RowMistake) {
    let windows = try asRowMistake { () throws(UserError) in
      try encoder.encoding.windows(
        question: question.question, text: question.context, longest: options.tokensOfSequence,
        stride: options.stride, at: "")
    }
    summary.rows += 1
    if windows.count > 1 { summary.longRows += 1 }
    for window in windows {
      summary.tokens += window.encoded.tokens.count
      rows.append(
        window.encoded.tokens[...], zeroTypes: window.encoded.zeroTypes,
        numbers: question.answers == nil ? [-1, -1] : window.target(of: question.answers?.first?.bytes),
        source: source)
    }
  }
}

extension TextWindow {
  /// The tokens where an answer begins and ends, as `run_qa` of transformers finds them: the first token twice where the
  /// window does not hold all of it.
  func target(of answer: Range<Int>?) -> [Float] {
    guard let answer, let first = places.first, let last = places.last, first.lowerBound <= answer.lowerBound,
      last.upperBound >= answer.upperBound
    else { return [0, 0] }
    let begin = (places.firstIndex { $0.lowerBound > answer.lowerBound } ?? places.count) - 1
    let end = (places.lastIndex { $0.upperBound < answer.upperBound } ?? -1) + 1
    return [Float(textTokens.lowerBound + begin), Float(textTokens.lowerBound + end)]
  }
}
