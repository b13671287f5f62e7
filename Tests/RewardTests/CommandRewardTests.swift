// Programs that score answers, among them programs that fail.
import Base
import Foundation
import Rewards
import Testing

@Suite struct CommandRewardTests {
  private let answers = ["a", "bcd", "e\nf"].map { text in
    RewardedAnswer(
      prompt: Array("say".utf8), completion: Array(text.utf8), tokens: 1, longest: 4,
      reference: Array("x".utf8),
      row: [
        JSON.Member(key: Array("completion".utf8), value: .string("x")),
        JSON.Member(key: Array("level".utf8), value: .integer(3)),
      ])
  }

  private func scores(_ script: String, timeout: Double = 20) -> (
    result: Result<[Double], any Error>, notes: [String]
  ) {
    var notes: [String] = []
    let reward = CommandReward(script, timeout: timeout) { notes.append($0) }
    return (Result { try reward.scores(of: answers) }, notes)
  }

  @Test func aLineForALine() throws {
    #expect(try scores("while read line; do echo ${#line}; done").result.get().count == 3)
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let found = scores("while read -r line; do printf '%s\\n' \"$line\" >> \(folder)/lines; echo 0.5; done")
    #expect(try found.result.get() == [0.5, 0.5, 0.5] && found.notes.isEmpty)
    let lines = try String(contentsOfFile: folder + "/lines", encoding: .utf8).split(separator: "\n")
    #expect(
      lines.last == #"{"prompt": "say", "completion": "e\nf", "reference": "x", "level": 3}"#, "\(lines)")
  }

  /// More than pipes hold, in both directions at once.
  @Test func manyLines() throws {
    let many = (0..<20_000).map { number in
      RewardedAnswer(
        prompt: Array("\(number)".utf8), completion: [], tokens: 0, longest: 1, reference: nil, row: [])
    }
    let reward = CommandReward("sed -u 's/[^0-9]//g'", timeout: 30) { _ in }
    #expect(try reward.scores(of: many) == (0..<20_000).map(Double.init))
    #expect(try reward.scores(of: many.suffix(1)) == [19_999])
  }

  @Test(arguments: [
    ("read line; exit 3", "ended with exit code 3"), ("kill -9 $$", "was killed by signal 9"),
    ("while read l; do echo nan; done", "answered \"nan\", which is no number"),
    ("while read l; do echo inf; done", "answered \"inf\", which is no number"),
    ("while read l; do echo fine; done", "answered \"fine\", which is no number"),
    ("while read l; do echo; done", "answered \"\", which is no number"),
    ("no-such-program-here", "ended with exit code 127"), ("sleep 60", "gave no answer within 0.3 s"),
    ("head -c 100000 /dev/zero | tr '\\\\0' x; sleep 60", "said a line that is too long"),
  ])
  func failuresAreTold(_ script: String, _ expected: String) throws {
    let start = Date()
    let (result, notes) = scores(script, timeout: script.contains("sleep 60") ? 0.3 : 20)
    let error = #expect(throws: UserError.self) { try result.get() }
    #expect(error?.what.contains(expected) == true && error?.code == .data, "\(String(describing: error))")
    #expect(notes.count == 2 && notes.allSatisfy { $0.hasSuffix("it is started again") })
    #expect(Date().timeIntervalSince(start) < 20)
  }

  /// Lines that nobody asked for would be taken for the answers to what is asked next.
  @Test func aLineTooManyIsTold() throws {
    var notes: [String] = []
    let reward = CommandReward("while read l; do echo 1; echo 2; done", timeout: 20) { notes.append($0) }
    _ = try reward.scores(of: answers)
    usleep(300_000)
    _ = try reward.scores(of: answers)
    #expect(notes.count == 1 && notes.first?.contains("said more than one line for a line") == true)
  }

  /// A program that fails once is asked again.
  @Test func aNewStartMayHelp() throws {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
    defer { try? FileManager.default.removeItem(atPath: file) }
    let (result, notes) = scores(
      "if [ -e \(file) ]; then while read l; do echo 2; done; else touch \(file); read l; echo 1; exit 1; fi")
    #expect(try result.get() == [2, 2, 2] && notes.count == 1)
  }
}
