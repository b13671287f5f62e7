// Samples of about one length come in one step, and every one of them once an epoch.
import Datasets
import Testing

@Suite struct LengthGroupTests {
  /// Between 3 and 60 tokens, most of them short.
  static let lengths: [Int32] = (0..<1000).map { sample in
    let place = sample * 7919 % 1000
    return Int32(3 + place * place / 17_500)
  }

  private func stream(_ lengths: [Int32]?, batch: Int = 16, micro: Int = 4, rows: Int = 1) -> BatchStream {
    let length = lengths.map { lengths -> @Sendable (Int) -> Int32 in { lengths[$0] } }
    return BatchStream(
      sources: [0..<1000 * rows], rowsPerSample: rows, schedule: SourceSchedule(.one, samples: [1000]),
      batchSize: batch, microBatchSize: micro,
      seed: 5, shuffle: true, length: length)
  }

  /// Tokens with padding over tokens.
  private func padding(_ stream: BatchStream, steps: Int) -> Double {
    var stream = stream
    var (padded, tokens) = (0, 0)
    for step in 0..<steps {
      for part in stream.microBatches(step: step) {
        let lengths = part.sequences.map { Int(Self.lengths[$0]) }
        padded += lengths.count * lengths.max()!
        tokens += lengths.reduce(0, +)
      }
    }
    return Double(padded) / Double(tokens)
  }

  @Test func shortSamplesDoNotPayForLongOnes() {
    #expect(padding(stream(nil), steps: 62) > 1.7)
    #expect(padding(stream(Self.lengths), steps: 62) < 1.03)
    // A micro-batch is all of a step.
    #expect(padding(stream(Self.lengths, micro: 16), steps: 62) < 1.06)
  }

  /// 1000 is no multiple of 16, so that epochs begin within steps.
  @Test func everySampleComesOnceAnEpoch() {
    var grouped = stream(Self.lengths)
    var plain = stream(nil)
    let samples = (0..<250).flatMap { grouped.sequences(step: $0) }
    #expect(samples.count == 4000)
    for epoch in 0..<4 {
      // Within a step that two epochs share, samples stand in the order of their lengths.
      let (first, last) = (epoch * 1000 / 16, ((epoch + 1) * 1000 + 15) / 16)
      let own = Set((first..<last).flatMap { grouped.sequences(step: $0) })
      #expect(own.count == 1000)
    }
    let times = samples.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    #expect(times.count == 1000 && times.values.allSatisfy { $0 == 4 })
    #expect((0..<250).flatMap { plain.sequences(step: $0) } != samples)
  }

  @Test func stepsStartAnywhereAndLongOnesDoNotAlwaysComeFirst() {
    var whole = stream(Self.lengths)
    let steps = (0..<130).map { whole.sequences(step: $0) }
    for step in [129, 63, 62, 0] {
      var resumed = stream(Self.lengths)
      #expect(resumed.sequences(step: step) == steps[step])
    }
    let longest = steps.prefix(50).map { step in step.map { Self.lengths[$0] }.max()! }
    #expect(longest != longest.sorted(by: >))
    // Other epochs, other steps.
    #expect(Set(steps[0]) != Set(steps[62]))
  }

  @Test func samplesOfSeveralRowsStayTogether() {
    var pairs = stream(Self.lengths, rows: 2)
    var seen = 0
    for step in 0..<62 {
      let rows = pairs.sequences(step: step)
      #expect(rows.count == 32)
      for place in stride(from: 0, to: 32, by: 2) {
        #expect(rows[place] % 2 == 0 && rows[place + 1] == rows[place] + 1)
        seen += 1
      }
    }
    #expect(seen == 62 * 16)
  }
}
