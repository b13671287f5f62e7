// Samples from several sources: their shares, and an order that is a function of the place alone.
import Base
import Datasets
import Testing

@Suite struct MixtureTests {
  static let weights: [[Double]] = [
    [1], [3, 1], [0.7, 0.3], [1, 1, 1], [5, 3, 2, 1, 1], [0.123, 0.456, 0.421], [1000, 1, 7],
    [2.5, 1.5, 3, 0.01], (1...20).map { Double($0) },
  ]

  /// After any number of samples, no source is a whole sample away from its share.
  @Test func sharesHoldAtAnyPlace() {
    var checked = 0
    for weights in Self.weights {
      let mixture = Mixture(weights: weights)
      let length = mixture.counts.reduce(0, +)
      let total = weights.reduce(0, +)
      for (weight, count) in zip(weights, mixture.counts) {
        #expect(abs(Double(count) / Double(length) - weight / total) <= 1.0 / 65536, "\(weights)")
      }
      var given = weights.map { _ in 0 }
      var worst = 0.0
      var places = true
      for sample in 0..<min(3 * length, 200_000) {
        let (source, place) = mixture.source(of: sample)
        places = places && place == given[source]
        given[source] += 1
        for (given, count) in zip(given, mixture.counts) {
          worst = max(worst, abs(Double(given) - Double((sample + 1) * count) / Double(length)))
        }
      }
      #expect(worst < 1 && places, "\(weights): \(worst)")
      checked += 1
    }
    #expect(checked == 9)
    #expect(Mixture(weights: [3, 1]).counts == [3, 1])
    #expect(Mixture(weights: [0.7, 0.3]).counts == [7, 3])
  }

  /// A changed pattern would silently change every run of a mixture.
  @Test func thePatternIsFixed() {
    let mixture = Mixture(weights: [3, 1, 2])
    #expect((0..<12).map { mixture.source(of: $0).source } == [0, 2, 0, 1, 2, 0, 0, 2, 0, 1, 2, 0])
    #expect(mixture.source(of: 6 * 1_000_000_000 + 4).place == 2_000_000_001)
  }

  /// An epoch ends when the first source has been seen once.
  @Test func epochs() {
    #expect(Mixture.one.epoch([37]) == 37)
    #expect(Mixture(weights: [3, 1]).epoch([30, 40]) == 40)
    #expect(Mixture(weights: [3, 1]).epoch([300, 40]) == 160)
    #expect(Mixture(weights: [1, 1]).epoch([5, 1]) == 2)
  }

  @Test func aStepIsAFunctionOfItsNumber() {
    func stream() -> BatchStream {
      BatchStream(
        sources: [0..<5, 5..<45, 45..<52],
        schedule: SourceSchedule(Mixture(weights: [1, 4, 2]), samples: [5, 40, 7]), batchSize: 6,
        microBatchSize: 4,
        seed: 3, shuffle: true)
    }
    var whole = stream()
    let steps = (0..<60).map { whole.sequences(step: $0) }
    #expect((0..<60).reversed().map { whole.sequences(step: $0) } == steps.reversed())
    var checked = 0
    for stop in [1, 7, 22, 59] {
      var resumed = stream()
      #expect((stop..<60).map { resumed.sequences(step: $0) } == Array(steps[stop...]))
      checked += 1
    }
    #expect(checked == 4)
    // Every source is seen once before any of its sequences comes again.
    let all = steps.flatMap { $0 }
    for source in [0..<5, 5..<45, 45..<52] {
      let own = all.filter { source.contains($0) }
      #expect(own.count > source.count)
      for start in stride(from: 0, through: own.count - source.count, by: source.count) {
        #expect(own[start..<start + source.count].sorted() == Array(source))
      }
    }
    #expect(all.count(where: { $0 < 5 }) == 51 || all.count(where: { $0 < 5 }) == 52)
  }

  /// A single source comes in the order that it has always had.
  @Test func oneSourceIsNoMixture() {
    var stream = BatchStream(count: 8, batchSize: 8, microBatchSize: 4, seed: 1, shuffle: true)
    #expect(stream.sequences(step: 0) == [3, 5, 0, 6, 4, 2, 1, 7])
    #expect(
      SampleOrder(count: 8, seed: 1, source: 1, shuffle: true).permutation(epoch: 0) != [
        3, 5, 0, 6, 4, 2, 1, 7,
      ])
  }

  @Test func sourcesHaveFormatsOfTheirOwn() throws {
    let folder = try Folder()
    let rows = try folder.write("a.csv", "q,a\nab,c\nde,f\ngh,i\n")
    let text = try folder.write("b.jsonl", (0..<6).map { #"{"text": "t\#($0)"}"# }.joined(separator: "\n"))
    let columns = DataColumns(["prompt": .name("q"), "completion": .name("a")])
    let options = DataOptions(
      sources: [DataSource(files: [rows], columns: columns, weight: 3), DataSource(files: [text])],
      validation: .share(0.34), packing: false, sequenceLength: 16, seed: 1)
    let data = try Dataset(options, encoder: .bytes(end: false))
    #expect(data.trainSources == [0..<2, 2..<6] && data.validation?.count == 3)
    #expect(data.weights == [3, 1])
    #expect(data.summary.trainFiles.files.map(\.format) == [.completion, .text])
    #expect(data.train.files == [rows, text])
    for sequence in 0..<6 {
      let place = try #require(data.train.sources(of: sequence).first)
      #expect(place.hasPrefix(sequence < 2 ? rows : text), "\(place)")
      let line = try #require(Int(place.split(separator: ":").last ?? ""))
      let spelling = sequence < 2 ? ["", "", "abc", "def", "ghi"][line] : "t\(line - 1)"
      #expect(data.train.allSpelled[sequence] == spelling)
    }
    var unlike = options
    unlike.validation = .files([rows])
    unlike.columns = DataColumns(["label": .name("a"), "text": .name("q")])
    #expect(
      folder.errors(unlike) == "data.validation: its files have labels, and those of training have none "
        + "(data.format and data.columns are for validation files)")
    var mixed = options
    mixed.sources[0] = DataSource(files: [rows], format: .classification)
    #expect(folder.errors(mixed).hasPrefix("data.sources: some are learned row by row and others not"))
  }
}
