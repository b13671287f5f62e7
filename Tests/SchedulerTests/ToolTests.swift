// Tools that answer, fail, hang, talk too much, or do not exist: none of them holds a run up.
import Base
import Foundation
import Schedulers
import Testing

@Suite struct ToolTests {
  private func ask(_ script: String, within seconds: Double = 20) -> Tool.Answer {
    Tool.ask(["sh", "-c", script], within: seconds)
  }

  @Test func answersAndFailures() {
    #expect(ask("echo 5:00; echo warning >&2") == .success("5:00\n"))
    #expect(ask("cat") == .success(""))
    #expect(ask("echo no such job >&2; exit 1") == .failure(Tool.NoAnswer("sh: no such job")))
    #expect(ask("exit 3") == .failure(Tool.NoAnswer("sh: failed")))
    #expect(ask("kill -9 $$") == .failure(Tool.NoAnswer("sh: failed")))
    #expect(
      Tool.ask(["no-such-tool"], within: 1)
        == .failure(Tool.NoAnswer("no-such-tool: No such file or directory")))
    // More than a pipe holds, with the errors of the same size beside it.
    let long = ask("head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2")
    #expect((try? long.get().utf8.count) == 300_000)
  }

  /// Neither a tool that hangs, nor one whose child holds its output, nor one that never stops talking.
  @Test func noneTakesLongerThanItMay() throws {
    let scripts = ["sleep 987", "sleep 987 & echo 5:00", "yes", "trap '' TERM; sleep 987; sleep 987"]
    for script in scripts {
      let begin = Date()
      guard case .failure(let reason) = ask(script, within: 0.5) else {
        Issue.record("\(script) answers")
        continue
      }
      #expect(Date().timeIntervalSince(begin) < 5, "\(script)")
      #expect(script == "yes" || reason.words == "sh: no answer within 0 s", "\(reason.words)")
    }
    #expect(scripts.count == 4)
    // Their children are gone too.
    let left = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { process in
      FileManager.default.contents(atPath: "/proc/\(process)/cmdline") == Data("sleep\u{0}987\u{0}".utf8)
    }
    #expect(left.isEmpty, "\(left)")
  }

  @Test func theSessionBeganBeforeThisProcess() throws {
    let start = try #require(startOfSession())
    #expect(start < Date() && start > Date(timeIntervalSinceNow: -1000 * 86_400))
  }
}
