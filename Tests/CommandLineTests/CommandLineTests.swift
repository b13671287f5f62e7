// The suites of the command line. Every test starts real processes, and the tests of a suite run one at a time, since
// mpirun jobs side by side on few cores disturb each other. Two at once keep two cores busy.
import Testing

/// What depends on time: faults, limits, what a run does meanwhile. And all that is told about mistakes, a user's or a
/// model's, and what `RankChecks` checks, so that both take about as long.
@Suite(.serialized) enum CommandLineTests {
  // Their settings and folders are what many others start from.
  typealias ClassificationTests = ResultTests.ClassificationTests
  typealias MethodTests = ResultTests.MethodTests
  typealias RankCountTests = ResultTests.RankCountTests
  typealias StoriesTests = ResultTests.StoriesTests
}

/// What depends on the numbers alone, however busy the machine is: what is trained, written and answered.
@Suite(.serialized) enum ResultTests {}
