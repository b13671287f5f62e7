// Standard output and error that are closed, full, or left by their reader.
import Base
import Testing

extension CommandLineTests {
  @Suite struct OutputStreamTests {
    /// - Parameter redirection: how the shell redirects the command's output.
    private func run(
      _ arguments: [String], _ redirection: String, in folder: Workspace
    ) throws -> CommandResult {
      try Command.run(
        ["bash", "-c", "\"$0\" \"$@\" \(redirection); exit ${PIPESTATUS[0]}", Command.binary] + arguments,
        in: folder)
    }

    private func workspace() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    /// A run goes on when nobody reads its output.
    @Test(arguments: [
      ("| true", "Broken pipe"), ("> /dev/full", "No space left on device"), (">&-", nil), (">&- 2>&-", nil),
    ])
    func trainingGoesOn(_ redirection: String, _ reason: String?) throws {
      let folder = try workspace()
      let whole = try train(RankCountTests.text, output: "whole", in: folder)
      let result = try run(["train"] + RankCountTests.text + ["output=run"], redirection, in: folder)
      #expect(result.code == 0, "\(result.err)")
      let line = reason.map {
        "standard output: cannot be written: \($0); the run goes on (its metrics.jsonl has every step)"
      }
      #expect(result.messages == (line.map { [$0] } ?? []))
      let output = RunOutput(folder: folder, name: "run")
      #expect(try output.results() == whole.results())
      #expect(try output.hash() == whole.hash())
    }

    /// The exit code is right, whether or not anybody reads the output.
    @Test(arguments: ["2> /dev/full", "2>&-", "2> >(true)"])
    func mistakesWithoutAStream(_ redirection: String) throws {
      let folder = try workspace()
      let result = try run(["train", "model=llama", "data.train=none.txt"], redirection, in: folder)
      #expect(result.code == 64)
      #expect(result.err.isEmpty)
    }

    /// Other commands exist for their output.
    @Test func otherCommandsFail() throws {
      let folder = try workspace()
      try train(RankCountTests.text + ["training.steps=1"], output: "run", in: folder)
      for arguments in [
        ["checkpoint", "inspect", "run/model"], ["tokenize", "--model", "llama", "text.txt"],
        ["generate", "--model", "run/model", "--prompt", "a", "--max-tokens", "2"],
      ] {
        let result = try run(arguments, "> /dev/full", in: folder)
        #expect(result.code == 74, "\(arguments)")
        #expect(result.messages == ["standard output: cannot be written: No space left on device"])
      }
    }
  }
}
