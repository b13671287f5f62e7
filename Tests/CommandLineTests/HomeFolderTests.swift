// Paths that begin with ~, in every place where a path may be: all of them lead to the home folder, and none to a
// folder that is called ~.
import Foundation
import Testing

extension ResultTests {
  @Suite struct HomeFolderTests {
    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama("home/llama")
      try folder.makeText("home/text.txt", characters: 2150)
      // The output of another run, which stays as it is.
      try folder.file("home/metrics.jsonl", "{\"step\": 1}\n")
      return folder
    }

    private func swiftdp(_ arguments: [String], ranks: Int? = nil, in folder: Workspace) throws
      -> CommandResult
    {
      let launcher = ranks.map { ["mpirun", "-np", "\($0)", "--bind-to", "none"] } ?? []
      return try Command.run(
        ["env", "HOME=\(folder.path)/home"] + launcher + [Command.binary] + arguments, in: folder)
    }

    @Test func everyPathOfARun() throws {
      let folder = try folder()
      try folder.file(
        "home/run.yaml",
        """
        model: ~/llama
        weights: random
        output: ~/runs/first
        data: {train: [~/text.txt], validation: ~/text.txt, sequence_length: 32}
        training: {steps: 2, batch_size: 4, micro_batch_size: 2}
        optimizer: {offload: ~/disk}
        """)
      let first = try swiftdp(["train", "~/run.yaml"], ranks: 2, in: folder)
      try #require(first.code == 0, "\(first.out)\n\(first.err)")
      #expect(folder.names(in: "") == ["home"])
      let run = RunOutput(folder: folder, name: "home/runs/first")
      #expect(
        folder.names(in: run.name) == [
          "checkpoints", "config.yaml", "history.jsonl", "lock", "metrics.jsonl", "model", "summary.json",
        ])
      #expect(try folder.text("home/metrics.jsonl") == "{\"step\": 1}\n")
      #expect(folder.exists("home/disk"))
      // The resolved recipe is a recipe itself, for whoever runs it.
      let resolved = try run.text("config.yaml")
      #expect(resolved.contains("model: \"\(folder.path)/home/llama\"\n"), "\(resolved)")
      #expect(resolved.contains("train: [\"\(folder.path)/home/text.txt\"]\n"), "\(resolved)")
      #expect(resolved.contains("validation: \"\(folder.path)/home/text.txt\"\n"), "\(resolved)")

      let second = try swiftdp(
        [
          "train", "model=~/llama", "weights=random", "data.train=[~/text.txt]", "data.sequence_length=32",
          "data.validation=~/text.txt", "training.steps=4", "training.batch_size=4", "output=~/second",
          "training.micro_batch_size=2", "checkpoint.resume=~/runs/first/checkpoints/step-000002",
        ], in: folder)
      try #require(second.code == 0, "\(second.out)\n\(second.err)")
      #expect(
        second.out.contains(
          "resume  step 2 of 4, from \(folder.path)/home/runs/first/checkpoints/step-000002\n"))
      #expect(folder.names(in: "") == ["home"])
    }

    @Test func everyPathOfTheOtherCommands() throws {
      let folder = try folder()
      let run = try swiftdp(
        [
          "train", "model=~/llama", "weights=random", "data.train=~/text.txt", "data.sequence_length=32",
          "training.steps=1", "output=~/run",
        ], in: folder)
      try #require(run.code == 0, "\(run.err)")
      let commands = [
        ["evaluate", "--model=~/run/model", "--data=~/text.txt"],
        ["evaluate", "--model", "~/run/model", "--data", "~/text.txt", "~/text.txt"],
        ["generate", "--model=~/run/model", "--prompt", "~", "--max-tokens", "1"],
        ["tokenize", "--model", "~/run/model", "~/text.txt"],
        ["checkpoint", "inspect", "~/run/model"], ["checkpoint", "verify", "~/run/model"],
        ["checkpoint", "hash", "~/run/checkpoints/step-000001"],
        ["make-tasks", "--count", "3", "~/tasks.jsonl"],
        [
          "plan", "model=~/llama", "data.train=~/text.txt", "data.sequence_length=32", "--gflops", "9",
          "--bandwidth", "9G",
        ],
        [
          "bench", "tokenizer", "--tokenizer", "~/llama", "--data", "~/text.txt", "--repetitions", "1",
        ],
        ["evaluate", "--model", "shipped:base", "--data", "~/text.txt"],
      ]
      for command in commands {
        let result = try swiftdp(command, in: folder)
        #expect(result.code == 0, "\(command): \(result.err)")
        #expect(folder.names(in: "") == ["home"], "\(command)")
      }
      #expect(commands.count == 11)
      #expect(folder.exists("home/tasks.jsonl"))
    }

    @Test func aUserWhoDoesNotExistIsOneLine() throws {
      let folder = try folder()
      let hint = "(a name that itself begins with ~ is written ./~no-one/x)"
      try expectMistake(
        ["train", "model=~no-one/x", "data.train=[~no-one/x,home/text.txt]"], 64,
        [
          "model: there is no user no-one \(hint)", "data.train: there is no user no-one \(hint)",
        ], in: folder)
      try expectMistake(
        ["train", "~no-one/x"], 64, ["~no-one/x: there is no user no-one \(hint)"], in: folder)
      try expectMistake(
        ["checkpoint", "hash", "~no-one/x"], 64,
        [
          "The value '~no-one/x' is invalid for '<folder>': there is no user no-one \(hint) "
            + "(see swiftdp checkpoint hash --help)"
        ], in: folder)
    }
  }
}
