// Runs that fail are started again, end at the same bits, and leave nothing behind.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct SuperviseTests {
    private static let endless = RankCountTests.text + ["training.steps=1000000", "checkpoint.every=0"]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    private func supervise(
      _ options: [String], _ command: [String], in folder: Workspace
    ) throws -> CommandResult {
      try Command.run([Command.binary, "supervise"] + options + ["--"] + command, in: folder)
    }

    private func lines(_ result: CommandResult) -> [String] {
      result.messages.filter { $0.hasPrefix("supervise: ") }.map { String($0.dropFirst(11)) }
    }

    /// Rank 1 dies when it expects a part of a gradient for the hundredth time: some steps after each start.
    @Test func aRunThatKeepsLosingARankEndsAtTheSameHash() throws {
      let folder = try folder()
      let whole = try train(RankCountTests.text, output: "whole", in: folder)
      let fault = RankFault(rank: 1, what: "die:100")
      let result = try supervise(
        ["--restarts", "20", "--pause", "0"],
        ["mpirun", "-np", "3", "--bind-to", "none"] + fault.options + [Command.binary, "train"]
          + RankCountTests.text + ["checkpoint.every=1", "output=run"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      let lines = lines(result)
      #expect(lines.count >= 2, "\(lines)")
      for (index, line) in lines.dropLast().enumerated() {
        #expect(
          line.wholeMatch(
            of: try Regex("exit code 137, SIGKILL after step [0-9]+: restart \(index + 1) of 20 in 0 s"))
            != nil,
          "\(line)")
      }
      #expect(lines.last == "done, after \(lines.count - 1) restart\(lines.count == 2 ? "" : "s")")
      let run = RunOutput(folder: folder, name: "run")
      #expect(try run.hash() == whole.hash())
      #expect(try run.results() == whole.results())
    }

    /// Without checkpoints, it dies at the same step again and again.
    @Test func theSameStepIsTriedThreeTimes() throws {
      let folder = try folder()
      let fault = RankFault(rank: 1, what: "die:20")
      let result = try supervise(
        ["--restarts", "20", "--pause", "0"],
        ["mpirun", "-np", "2", "--bind-to", "none"] + fault.options + [Command.binary, "train"]
          + RankCountTests.text + ["checkpoint.every=0", "output=run"], in: folder)
      #expect(result.code == 137)
      let lines = lines(result)
      #expect(lines.count == 3)
      let last = try #require(lines.last)
      #expect(
        last.contains(/exit code 137, SIGKILL after step \d+: the same step has failed 3 times: giving up/),
        "\(last)")
    }

    @Test func codesDecide() throws {
      let folder = try folder()
      let cases: [(String, Int32, [String])] = [
        ("exit 0", 0, []),
        ("exit 64", 64, ["exit code 64: not started again, since that would not mend it"]),
        ("exit 65", 65, ["exit code 65: not started again, since that would not mend it"]),
        (
          "exit 75", 75,
          [
            "exit code 75: restart 1 of 2 in 0 s", "exit code 75: restart 2 of 2 in 0 s",
            "exit code 75: giving up after 2 restarts",
          ]
        ),
        (
          "kill -9 $$", 137,
          [
            "killed by SIGKILL: restart 1 of 2 in 0 s", "killed by SIGKILL: restart 2 of 2 in 0 s",
            "killed by SIGKILL: giving up after 2 restarts",
          ]
        ),
        (
          "test -e mark || { touch mark; exit 3; }", 0,
          ["exit code 3: restart 1 of 2 in 0 s", "done, after 1 restart"]
        ),
      ]
      for (script, code, expected) in cases {
        let result = try supervise(["--restarts", "2", "--pause", "0"], ["sh", "-c", script], in: folder)
        #expect(result.code == code, "\(script)")
        #expect(lines(result) == expected, "\(script)")
      }
      #expect(cases.count == 6)
      // A real mistake in a recipe is reported before anything starts.
      let result = try supervise(
        [], ["mpirun", "-np", "2", Command.binary, "train", "model=nowhere", "data.train=text.txt"],
        in: folder)
      #expect(result.code == 64)
      #expect(
        result.errorLines == [
          "swiftdp: model: there is no folder nowhere (a Hugging Face model that was downloaded)"
        ])
      let missing = try supervise([], ["no-such-program"], in: folder)
      #expect(missing.code == 64)
      #expect(
        missing.errorLines == ["swiftdp: no-such-program: cannot be started: No such file or directory"])
    }

    /// After 75 a scheduler starts it again, and must not do so for ever.
    @Test func onlyARunThatGetsFurtherEndsWith75() throws {
      let folder = try folder()
      let words = ["swiftdp", "train"] + RankCountTests.text + ["output=run"]
      func result(_ script: String) throws -> CommandResult {
        try supervise(["--restarts", "1", "--pause", "0"], ["sh", "-c", script] + words, in: folder)
      }
      let add =
        "mkdir -p run/checkpoints/step-00000$0; touch run/checkpoints/step-00000$0/training_state.json; "
      let stuck = try result("exit 75")
      #expect(stuck.code == 70)
      #expect(
        lines(stuck).last
          == "exit code 75: giving up after 1 restart; it got no checkpoint further, so this ends with 70")
      let further = try result(add.replacingOccurrences(of: "$0", with: "5") + "exit 75")
      #expect(further.code == 75)
      #expect(lines(further).last == "exit code 75: giving up after 1 restart")
      // The same checkpoint is not a newer one.
      #expect(try result("exit 75").code == 70)
      #expect(try result("exit 3").code == 3)
    }

    /// The daemons of mpirun on other hosts get a scheduler's signal too, and mpirun then ends with a code of its own.
    @Test func aRunThatStoppedInOrderIsNotStartedAgain() throws {
      let folder = try folder()
      let words = ["swiftdp", "train"] + RankCountTests.text + ["output=run"]
      let cases = [("time", "its time is over"), ("signal", "stopped by a signal")]
      for (reason, said) in cases {
        let script = "mkdir -p run; echo '{\"reason\": \"\(reason)\", \"step\": 3}' > run/stop.json; exit 205"
        let result = try supervise([], ["sh", "-c", script] + words, in: folder)
        #expect(result.code == 75)
        #expect(lines(result).last?.hasSuffix(": \(said), not started again") == true, "\(lines(result))")
      }
      #expect(cases.count == 2)
      // What an earlier run has left does not count.
      let old = Date(timeIntervalSinceNow: -60)
      try FileManager.default.setAttributes(
        [.modificationDate: old], ofItemAtPath: folder.path + "/run/stop.json")
      let result = try supervise(
        ["--restarts", "1", "--pause", "0"], ["sh", "-c", "exit 205"] + words, in: folder)
      #expect(result.code == 205 && lines(result).count == 2, "\(lines(result))")
    }

    @Test func signalsArePassedOn() throws {
      let folder = try folder()
      let script =
        "trap 'echo end >> said; exit 75' TERM; trap 'echo one >> said' USR1; echo up >> said; "
        + "while :; do sleep 0.02; done"
      let command = try RunningCommand(
        [Command.binary, "supervise", "--pause", "0", "--", "sh", "-c", script], in: folder)
      func said(_ text: String) -> Bool { waitUntil { (try? folder.text("said")) == text } }
      #expect(said("up\n"))
      command.send(SIGUSR1)
      #expect(said("up\none\n"))
      command.send(SIGTERM)
      let result = try command.wait()
      #expect(result.code == 75)
      #expect(lines(result) == ["exit code 75: ended by SIGTERM, not started again"])
      #expect(try folder.text("said") == "up\none\nend\n")
      // Grid Engine's warning.
      let warned = try RunningCommand(
        [
          Command.binary, "supervise", "--", "sh", "-c",
          "trap 'exit 75' USR2; echo up; while :; do sleep 0.02; done",
        ],
        in: folder)
      #expect(waitUntil { warned.output == "up\n" })
      warned.send(SIGUSR2)
      #expect(try lines(warned.wait()) == ["exit code 75: ended by SIGUSR2, not started again"])
      // A signal also works while it waits for the next start.
      let waiting = try RunningCommand(
        [Command.binary, "supervise", "--pause", "60", "--", "sh", "-c", "exit 3"], in: folder)
      #expect(waitUntil { waiting.errors.contains("restart 1 of 5 in 60 s") })
      waiting.send(SIGINT)
      #expect(try waiting.wait(timeLimit: 30).code == 3)
    }

    /// supervise is killed itself, or its mpirun is killed.
    @Test func nothingGoesOnRunning() throws {
      let folder = try folder()
      for whom in ["swiftdp", "mpirun"] {
        let name = "output=\(whom)-\(UUID().uuidString.prefix(8))"
        let command = try RunningCommand(
          [Command.binary, "supervise", "--restarts", "0", "--", "mpirun", "-np", "2", "--bind-to", "none"]
            + [Command.binary, "train"] + Self.endless + [name], in: folder)
        let hasBegun = waitUntil {
          (try? folder.data(name.dropFirst(7) + "/metrics.jsonl").isEmpty) == false
        }
        try #require(hasBegun, "\(command.errors)")
        // Four processes: the supervisor, mpirun and two ranks.
        #expect(processes(with: name).count == 4)
        if whom == "swiftdp" {
          command.send(SIGKILL)
        } else {
          for process in processes(with: name, program: "mpirun") { kill(process, SIGKILL) }
        }
        let isGone = waitUntil(30) { processes(with: name).isEmpty }
        #expect(isGone, "\(processes(with: name))")
        let result = try command.wait()
        if whom == "mpirun" {
          #expect(result.code == 137)
          #expect(lines(result).last?.contains("giving up after 0 restarts") == true, "\(result.err)")
        }
      }
    }

    /// A script in the place of mpirun notes its words and fails; one in the place of ssh reaches some hosts only.
    @Test func hostsThatDoNotAnswerAreLeftOut() throws {
      let folder = try folder()
      try folder.file(
        "mpirun",
        "#!/bin/sh\nprintf '%s\\n' \"$*\" >> calls\nfor word; do case $word in */hosts-*) cat $word >> files;; esac\ndone\nexit 1\n"
      )
      try folder.file("agent", "#!/bin/sh\ngrep -q \"^$1$\" alive && exec \"$2\"\nexit 255\n")
      for name in ["mpirun", "agent"] { chmod(folder.path + "/" + name, 0o755) }
      try folder.file("alive", "a.invalid\nc.invalid\n")
      try folder.file("hosts", "# nodes\na.invalid slots=2\nb.invalid slots=2\n\nc.invalid slots=3\n")
      let end = ["--mca", "plm_rsh_agent", "./agent", "true"]
      let cases: [([String], String)] = [
        (["-np", "6", "-H", "a.invalid:2,b.invalid:2,c.invalid:2"], "-np 4 -H a.invalid:2,c.invalid:2"),
        (
          ["-np", "3", "--host", "a.invalid:2,b.invalid:2,c.invalid:2"],
          "-np 3 --host a.invalid:2,c.invalid:2"
        ),
        (["-n", "12", "-H", "a.invalid,b.invalid,c.invalid"], "-n 8 -H a.invalid,c.invalid"),
        (["-H", "b.invalid:2,c.invalid:2"], "-H c.invalid:2"),
      ]
      for (words, expected) in cases {
        if folder.exists("calls") { try folder.remove("calls") }
        let result = try supervise(
          ["--restarts", "1", "--pause", "0"], ["./mpirun"] + words + end, in: folder)
        #expect(result.code == 1)
        let tail = " " + end.joined(separator: " ")
        #expect(
          try folder.text("calls") == words.joined(separator: " ") + tail + "\n" + expected + tail + "\n")
        let count = expected.firstMatch(of: /^-np? (\d+)/).map { ", -np \($0.1)" } ?? ""
        #expect(
          lines(result).dropFirst().first == "b.invalid does not answer: going on without\(count)")
      }
      #expect(cases.count == 4)
      try? folder.remove("files")
      _ = try supervise(
        ["--restarts", "1", "--pause", "0"], ["./mpirun", "-np", "7", "--hostfile", "hosts"] + end, in: folder
      )
      let last = try #require(try folder.text("calls").split(separator: "\n").last)
      #expect(last.hasPrefix("-np 5 --hostfile /") && last.hasSuffix(end.joined(separator: " ")))
      #expect(try folder.text("files") == "# nodes\na.invalid slots=2\nc.invalid slots=3\n")
      // No host answers at all: it asks again, and gives up.
      try folder.file("alive", "")
      try folder.remove("calls")
      let result = try supervise(
        ["--restarts", "2", "--pause", "0"], ["./mpirun", "-H", "a.invalid,b.invalid"] + end, in: folder)
      #expect(
        lines(result) == [
          "exit code 1: restart 1 of 2 in 0 s", "none of 2 hosts answers: restart 2 of 2 in 0 s",
          "none of 2 hosts answers: giving up after 2 restarts",
        ])
      #expect(try folder.text("calls").split(separator: "\n").count == 1)
    }
  }
}
