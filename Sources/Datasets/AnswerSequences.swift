// Sequences of prompts with their answers, whose loss follows from the log-probabilities of whole answers.

extension TokenSequences {
  /// Adds an answer behind its prompt: one sequence of one span.
  /// - Parameters:
  ///   - targets: in ascending order, counted from the first of the tokens, within them.
  ///   - units: of the loss.
  package mutating func append(
    _ added: ArraySlice<Int32>, targets: [Range<Int>], of answer: AnswerNumbers, units: Int,
    source: SampleSource
  ) {
    precondition(count == 0 || kind == .answers, "sequences of one set are of one kind")
    kind = .answers
    _ = appendSpan(added, targets: targets, source)
    index.endSequence(length: added.count, units: Int32(clamping: units), numbers: answer.numbers)
  }

  /// Gives each sequence what a reference says of its answer.
  package mutating func setReference(_ values: [Float]) {
    precondition(kind == .answers && values.count == count, "a number for each answer")
    // Numbers of a cache are changed in memory.
    var numbers = Array(index.numbers)
    for sequence in 0..<count {
      numbers[sequence * numbersPerSequence + AnswerNumbers.reference] = values[sequence]
    }
    index.numbers = Column(numbers)
  }

  /// What the numbers of an answer say.
  package func answer(of sequence: Int) -> AnswerNumbers {
    numbers(of: sequence).withUnsafeBufferPointer { AnswerNumbers($0.baseAddress!) }
  }

  /// How many targets of a sequence something can predict.
  package func targets(of sequence: Int) -> Int {
    let targets = isTarget(sequence).dropFirst(firstTarget).count { $0 }
    touch(1)
    return targets
  }

  /// The prompt of each of some sequences with the answer of the one before, the first with that of the last: what KTO
  /// tells the divergence from (Ethayarajh et al. 2024), paired as in TRL.
  /// - Parameter longest: tokens of a sequence, beyond which it is cut.
  package func mismatched(_ rows: [Int], longest: Int) -> TokenSequences {
    var pairs = TokenSequences(files: files)
    (pairs.virtual, pairs.index.longest) = (virtual, longest)
    let texts = rows.map { (tokens: checkedTokens(of: $0), isTarget: isTarget($0)) }
    for (place, row) in rows.enumerated() {
      let (asked, other) = (texts[place], texts[place == 0 ? rows.count - 1 : place - 1])
      let prompt = asked.tokens[..<Self.answerStart(asked.isTarget)]
      let answer = Self.answerStart(other.isTarget)..<other.tokens.count
      let whole = (prompt + other.tokens[answer]).prefix(longest)
      let targets = answer.compactMap { index -> Range<Int>? in
        let place = prompt.count + index - answer.lowerBound
        return other.isTarget[index] && place < whole.count ? place..<place + 1 : nil
      }
      pairs.append(
        whole, targets: targets, of: AnswerNumbers(isWanted: false), units: 1, source: source(of: row))
    }
    touch(rows.count)
    return pairs
  }

  /// The first token of a sequence that is a target.
  private static func answerStart(_ isTarget: [Bool]) -> Int {
    isTarget.firstIndex(of: true) ?? isTarget.count
  }

  /// The tokens of a sequence; padding in the place of what a damaged file holds.
  private func checkedTokens(of sequence: Int) -> [Int32] {
    spans(of: sequence).flatMap { span in
      let (place, count) = (index.spans.place(of: span), index.spans.length(of: span))
      return store.chunks[place.chunk].withTokens(place.offset..<place.offset + count) { Array($0) }
        ?? [Int32](repeating: Batch.paddingToken, count: count)
    }
  }

  /// Whether predicting each token of a sequence counts.
  private func isTarget(_ sequence: Int) -> [Bool] {
    spans(of: sequence).flatMap { span in
      let place = index.spans.place(of: span)
      let mask = store.chunks[place.chunk].lossMask
      return (place.offset..<place.offset + index.spans.length(of: span)).map { mask[$0] }
    }
  }
}

extension Dataset {
  /// Gives each answer what a reference says of it.
  package mutating func setReference(ofTrain values: [Float]) { train.setReference(values) }
  package mutating func setReference(ofValidation values: [Float]) { validation?.setReference(values) }
}
