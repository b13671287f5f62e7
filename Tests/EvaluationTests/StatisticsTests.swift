// Aggregations, standard errors and McNemar's test against values of numpy, scipy and lm-evaluation-harness.
import Base
import Evaluation
import Testing

@Suite struct StatisticsTests {
  private let values: [JSON] = [1, 0, 1, 1].map { .integer($0) }

  @Test func meansHaveTheErrorsOfTheHarness() {
    #expect(Mean()(values) == 0.75)
    #expect(isClose(Statistics.errorOfMean([1, 0, 1, 1]), 0.25))
    #expect(Mean()([.string("a")]) == nil)
    #expect(isClose(Perplexity()([.number(-1), .number(-3)]), 7.38905609893065))
    #expect(
      isClose(
        BitsPerByte()([.array([.number(-10), .integer(4)]), .array([.number(-2), .integer(8)])]),
        1.4426950408889634))
  }

  @Test func bootstrapsAreThoseOfTheHarness() {
    // bootstrap_stderr(perplexity, [-1, -2, -4, -0.5, -3], iters=2000) of lm_eval 0.4.13.
    let numbers = [-1.0, -2, -4, -0.5, -3]
    let error = Perplexity().prepared(numbers.map { .number($0) }).map {
      Statistics.bootstrap(rows: numbers.count, samples: 2000, $0)
    }
    #expect(isClose(error, 6.284237745067663))
  }

  @Test func mcNemarIsASignTest() {
    #expect(McNemar.probability(0, 0) == 1)
    // scipy.stats.binomtest(2, 12).pvalue, binomtest(0, 5), binomtest(7, 14)
    #expect(isClose(McNemar.probability(2, 10), 0.03857421875))
    #expect(isClose(McNemar.probability(5, 0), 0.0625))
    #expect(McNemar.probability(7, 7) == 1)
  }

  @Test func stoppingSamplersCountRows() throws {
    var sampler = FewshotSampler(.first, docs: values, seed: 0)
    #expect(try sampler.sample(2, without: nil) == Array(values.prefix(2)))
    #expect(try sampler.sample(1, without: .integer(1)) == [.integer(0)])
    #expect(throws: FewshotMistake.self) { try sampler.sample(5, without: nil) }
  }

  private func isClose(_ a: Double?, _ b: Double) -> Bool {
    guard let a else { return false }
    return abs(a - b) <= 1e-9 * max(1, abs(b))
  }
}
