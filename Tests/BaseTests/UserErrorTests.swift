// One line of text, whatever a file holds that a message quotes.
import Base
import Foundation
import Testing
import TimeLimits

@Suite struct UserErrorTests {
  @Test func whatTerminalsObeyIsSpelledOut() {
    let error = UserError(
      .data, "holds \"\u{1b}[2J\r\n\u{85}\u{2028}\u{202e}é\"", at: "a\nb", hint: "try\u{7}")
    #expect(
      error.description
        == #"a\u{a}b: holds "\u{1b}[2J\u{d}\u{a}\u{85}\u{2028}\u{202e}é" (try\u{7})"#)
  }

  @Test func aLineHasAnEnd() {
    let long = String(repeating: "x", count: 1 << 20)
    let error = UserError(.data, long, at: long, hint: long)
    #expect(error.description.count == 4201 + 2 + 1001 + 3 + 1001)
    #expect(UserError(.data, String(repeating: "x", count: 1000)).description.count == 1000)
  }

  /// Nobody writes into the pipe, so waiting for data would hang for ever.
  @Test func aPipeIsRefusedAtOnce() throws {
    let path = NSTemporaryDirectory() + "/swiftdp-pipe-" + UUID().uuidString
    #expect(mkfifo(path, 0o600) == 0)
    defer { unlink(path) }
    let error = #expect(throws: UserError.self) { try within(seconds: 60) { _ = try MappedFile(path) } }
    #expect(error?.description == "\(path): this is not a file")
  }
}
