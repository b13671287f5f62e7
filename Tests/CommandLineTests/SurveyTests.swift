// launch/survey: rows of two methods, which a second start does not train again.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct SurveyTests {
    @Test func rowsAreMeasuredOnce() throws {
      let folder = try Workspace()
      let program = URL(fileURLWithPath: Command.binary).deletingLastPathComponent().path + "/survey"
      func survey(_ methods: [String]) throws -> CommandResult {
        // Its paths are those of the project.
        try Command.run(
          [
            "env", "-C", Project.root, program, "--swiftdp", Command.binary, "--output",
            folder.path + "/survey",
            "--tasks", "answers", "--steps", "2", "--ranks", "2", "--methods",
          ] + methods, in: folder)
      }
      let first = try survey(["ia3", "prompt_tuning"])
      #expect(first.code == 0, "\(first.out)\(first.err)")
      let rows = try String(contentsOfFile: folder.path + "/survey/answers.jsonl", encoding: .utf8)
        .split(separator: "\n").map { try JSON.parse(String($0)) }
      #expect(rows.compactMap { $0["method"]?.text } == ["ia3", "prompt_tuning"])
      for row in rows {
        for key in [
          "trained_parameters", "peak_rss_bytes", "host_bytes", "seconds", "exchanged_bytes_per_step",
          "checkpoint_bytes", "general_loss_before", "general_loss_after",
        ] {
          #expect((row[key]?.double ?? .nan) > 0, "\(key): \(row.encoded())")
        }
        #expect(row["command"]?.text?.hasPrefix("mpirun -np 2 swiftdp train ") == true)
      }
      // A base that IA3's files are folded into generates as fast as without them, or nearly.
      #expect(rows[0]["generated_tokens_per_second"]?.elements?.count == 3)
      let again = try survey(["ia3"])
      #expect(again.code == 0 && !again.out.contains("ia3"), "\(again.out)\(again.err)")
    }
  }
}
