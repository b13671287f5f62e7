// The rows of several micro-batches in one, for adapters that learn beside each other.

extension Batch {
  /// Becomes the rows of several batches, one batch behind the other, padded to the longest of them. Memory is kept.
  /// - Parameter parts: of tokens, without features and numbers of tokens.
  package mutating func join(_ parts: [Batch]) {
    let width = parts.reduce(0) { max($0, $1.length) }
    (rows, length) = (parts.reduce(0) { $0 + $1.rows }, width)
    rowsPerSample = parts.first?.rowsPerSample ?? 1
    targetCount = parts.reduce(0) { $0 + $1.targetCount }
    func gather(_ values: (Batch) -> [Int32], into all: inout [Int32], filling fill: (Int) -> Int32) {
      all.removeAll(keepingCapacity: true)
      for part in parts {
        let own = values(part)
        for row in 0..<part.rows {
          all.append(contentsOf: own[row * part.length..<(row + 1) * part.length])
          for place in part.length..<width { all.append(fill(place)) }
        }
      }
    }
    gather(\.tokens, into: &tokens) { _ in Batch.paddingToken }
    gather(\.targets, into: &targets) { _ in Batch.noTarget }
    // Padding continues the count.
    gather(\.positions, into: &positions) { Int32($0) }
    gather(\.types, into: &types) { _ in 0 }
    func append<T>(_ values: (Batch) -> [T], to all: inout [T]) {
      all.removeAll(keepingCapacity: true)
      for part in parts { all.append(contentsOf: values(part)) }
    }
    append(\.lengths, to: &lengths)
    append(\.numbers, to: &numbers)
    append(\.sampleIDs, to: &sampleIDs)
    append(\.sequences, to: &sequences)
    append({ [$0.rows] }, to: &groups)
    let sources = parts.compactMap(\.source)
    source = sources.count == parts.count ? SourceTexts.joined(sources) : nil
    for values in [\Batch.rowGradients, \.tokenNumbers, \.features, \.targetFactors] {
      self[keyPath: values].removeAll(keepingCapacity: true)
    }
  }

  /// Sets what the gradient of each row's targets is multiplied by.
  /// - Parameter factors: of each group.
  package mutating func setFactors(_ factors: [Float]) {
    precondition(factors.count == groups.count, "a factor for each group")
    targetFactors.removeAll(keepingCapacity: true)
    for (rows, factor) in zip(groups, factors) {
      targetFactors.append(contentsOf: repeatElement(factor, count: rows * length))
    }
  }
}

extension SourceTexts {
  /// The texts of several batches, padded to the longest.
  fileprivate static func joined(_ parts: [SourceTexts]) -> SourceTexts? {
    guard !parts.isEmpty else { return nil }
    let width = parts.reduce(0) { max($0, $1.length) }
    let wide = parts.map { $0.padded(by: width - $0.length) }
    return SourceTexts(length: width, tokens: wide.flatMap(\.tokens), lengths: wide.flatMap(\.lengths))
  }
}

extension MicroBatch {
  /// The rows of each of several adapters; itself where there is one.
  package var parts: [MicroBatch] {
    var own = self
    own.beside = []
    return [own] + beside
  }
}
