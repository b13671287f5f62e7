// Dropout: the masks are those of the documented counters, on every thread and in every batch.
import Kernels
import Reference
import Testing

@Suite struct DropoutTests {
  static let probability = 0.3

  /// The factors of some rows, found by dropping ones.
  private func factors(
    _ engine: Engine, samples: [Int32], length: Int, columns: Int, probability: Double = probability,
    seed: UInt64 = 7, step: Int = 3, site: Int = 2
  ) -> Floats {
    let rows = samples.count * length
    let ones = Floats(count: rows * columns, of: 1)
    let y = Floats(count: rows * columns)
    engine.dropout(
      ones.input, Dropout(probability: probability, seed: seed, step: step, site: site), sampleIDs: samples,
      length: length, rows: rows, columns: columns, into: y.base)
    return y
  }

  @Test func masksAreThoseOfTheCounters() throws {
    var ran = 0
    let seeds: [UInt64] = [0, 7, 0xDEAD_BEEF_0123_4567]
    for (seed, columns) in zip(seeds + seeds + seeds, [1, 3, 15, 16, 17, 31, 32, 33, 100]) {
      for probability in [0.1, 0.5, 0.9] {
        let samples: [Int32] = [5, 0, 70_000]
        let got = try onEveryEngine {
          [
            factors(
              $0, samples: samples, length: 4, columns: columns, probability: probability, seed: seed,
              step: 1_000_003, site: 9)
          ]
        }[0]
        let reference = DropoutReference(probability: probability, seed: seed, step: 1_000_003, site: 9)
        let want = (0..<samples.count * 4 * columns).map { place in
          Float(
            reference.factor(
              sample: samples[place / columns / 4], position: place / columns % 4, element: place % columns))
        }
        #expect(got == want, "\(columns) columns at \(probability)")
        ran += 1
      }
    }
    #expect(ran == 27)
  }

  @Test func aSampleIsMaskedAlikeInEveryMicroBatch() throws {
    let engine = try Engine(threads: 3)
    let (length, columns) = (5, 37)
    let size = length * columns
    let together = factors(engine, samples: [4, 9, 1, 12, 3], length: length, columns: columns).values
    var ran = 0
    for (place, sample) in [Int32(4), 9, 1, 12, 3].enumerated() {
      let alone = factors(engine, samples: [sample], length: length, columns: columns).values
      #expect(alone == Array(together[place * size..<(place + 1) * size]))
      // A longer padded block and a larger batch change nothing for the positions that were there.
      let longer = factors(engine, samples: [77, sample], length: length + 3, columns: columns).values
      #expect(alone == Array(longer[(length + 3) * columns..<(length + 3) * columns + size]))
      ran += 1
    }
    #expect(ran == 5)
  }

  @Test func everyPartOfTheKeyCounts() throws {
    let engine = try Engine(threads: 1)
    func mask(sample: Int32 = 1, seed: UInt64 = 7, step: Int = 3, site: Int = 2) -> [Float] {
      factors(engine, samples: [sample], length: 2, columns: 256, seed: seed, step: step, site: site).values
    }
    let masks = [
      mask(), mask(sample: 2), mask(seed: 8), mask(seed: 7 + 1 << 32), mask(step: 4), mask(site: 3),
    ]
    #expect(Set(masks).count == masks.count)
    #expect(Array(masks[0][..<256]) != Array(masks[0][256...]), "positions")
  }

  @Test(arguments: [0.05, 0.3, 0.5, 0.95]) func keepsTheRateAndTheMean(probability: Double) throws {
    let engine = try Engine(threads: 2)
    let values = factors(
      engine, samples: Array(0..<50), length: 20, columns: 200, probability: probability
    ).values
    let count = Double(values.count)
    let kept = Double(values.filter { $0 != 0 }.count) / count
    // Five deviations of a binomial share.
    let bound = 5 * (probability * (1 - probability) / count).squareRoot()
    #expect(abs(kept - (1 - probability)) <= bound)
    #expect(abs(values.reduce(0) { $0 + Double($1) } / count - 1) <= bound / (1 - probability))
    // Neighbours are independent: pairs are kept together as often as expected by chance.
    let pairs = zip(values, values.dropFirst()).filter { $0 != 0 && $1 != 0 }.count
    #expect(abs(Double(pairs) / count - (1 - probability) * (1 - probability)) <= 3 * bound)
  }

  @Test func forwardAndBackwardAgree() throws {
    var draw = Draw(50)
    let (samples, length, columns) = ([Int32(3), 8], 7, 45)
    let count = samples.count * length * columns
    let (x, before) = (Floats(draw.floats(count)), draw.floats(count))
    let dropout = Dropout(probability: Self.probability, seed: 1, step: 2, site: 3)
    let results = try onEveryEngine { engine in
      let (y, dx, mask) = (Floats(count: count), Floats(before), Floats(count: count))
      let ones = Floats(count: count, of: 1)
      for (source, target, adding) in [(x, y, false), (x, dx, true), (ones, mask, false)] {
        engine.dropout(
          source.input, dropout, sampleIDs: samples, length: length, rows: samples.count * length,
          columns: columns, into: target.base, adding: adding)
      }
      return [y, dx, mask]
    }
    #expect(results[0] == zip(x.values, results[2]).map { $0 * $1 })
    #expect(results[1] == zip(before, results[0]).map { $0 + $1 })
  }

  @Test func notANumberIsNotDropped() throws {
    let x = Floats(count: 64)
    let y = Floats(count: 64, of: 0)
    try Engine(threads: 1).dropout(
      x.input, Dropout(probability: 0.5, seed: 1, step: 1, site: 1), sampleIDs: [0], length: 1, rows: 1,
      columns: 64, into: y.base)
    #expect(y.values.allSatisfy { $0.isNaN })
  }
}
