// The limit of tests that would go on for ever.
import Foundation
import Testing
import TimeLimits

@Suite struct TimeLimitTests {
  @Test func whatGoesOnIsLeftBehind() throws {
    #expect(throws: TimeLimitExceeded.self) { try within(seconds: 1) { sleep(600) } }
    #expect(try within(seconds: 600) { 3 } == 3)
    #expect(throws: CancellationError.self) { try within(seconds: 600) { throw CancellationError() } }
  }
}
