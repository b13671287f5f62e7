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
    let range = tokenRange(of: sequence)
    return range.dropFirst(firstTarget).count { lossMask[$0] }
  }

  /// The prompt of each of some sequences with the answer of the one before, the first with that of the last: what KTO
  /// tells the divergence from (Ethayarajh et al. 2024), paired as in TRL.
  /// - Parameter longest: tokens of a sequence, beyond which it is cut.
  package func mismatched(_ rows: [Int], longest: Int) -> TokenSequences {
    var pairs = TokenSequences(files: files)
    (pairs.virtual, pairs.index.longest) = (virtual, longest)
    for (place, row) in rows.enumerated() {
      let other = rows[place == 0 ? rows.count - 1 : place - 1]
      let prompt = tokens[tokenRange(of: row).lowerBound..<answerStart(of: row)]
      let answer = answerStart(of: other)..<tokenRange(of: other).upperBound
      let whole = (Array(prompt) + tokens[answer]).prefix(longest)
      let targets = answer.compactMap { index -> Range<Int>? in
        let place = prompt.count + index - answer.lowerBound
        return lossMask[index] && place < whole.count ? place..<place + 1 : nil
      }
      pairs.append(
        whole, targets: targets, of: AnswerNumbers(isWanted: false), units: 1, source: source(of: row))
    }
    return pairs
  }

  /// The first token of a sequence that is a target.
  private func answerStart(of sequence: Int) -> Int {
    let range = tokenRange(of: sequence)
    return range.first { lossMask[$0] } ?? range.upperBound
  }
}

extension Dataset {
  /// Gives each answer what a reference says of it.
  package mutating func setReference(ofTrain values: [Float]) { train.setReference(values) }
  package mutating func setReference(ofValidation values: [Float]) { validation?.setReference(values) }
}
