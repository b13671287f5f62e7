import Metrics
import Testing

@Suite struct ExactMatchTests {
  @Test func whiteSpaceAroundIsNotJudged() {
    #expect(ExactMatch.agrees(" tac\n", with: "tac"))
    #expect(ExactMatch.agrees("", with: "  "))
    #expect(!ExactMatch.agrees("ta c", with: "tac"))
    #expect(!ExactMatch.agrees("Tac", with: "tac"))
    #expect(!ExactMatch.agrees("tac.", with: "tac"))
    #expect(!ExactMatch.agrees("\u{e0}", with: "a\u{300}"))
  }

  @Test func theShareIsOverAllThatWereJudged() {
    var match = ExactMatch()
    #expect(match.share == 0)
    match.record(" a", expected: "a")
    match.record("b", expected: "a")
    #expect(match.matches == 1 && match.total == 2 && match.share == 0.5)
  }
}
