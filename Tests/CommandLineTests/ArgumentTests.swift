// Words of the command line that look like something else: values with a dash, commands with a typo.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct ArgumentTests {
    @Test func theNearestCommandIsNamed() throws {
      let folder = try Workspace()
      let cases: [([String], String)] = [
        (["trian"], "Unknown command 'trian'. Did you mean 'train'? (see swiftdp --help)"),
        (
          ["trian", "run.yaml", "--x"], "Unknown command 'trian'. Did you mean 'train'? (see swiftdp --help)"
        ),
        (
          ["evaluat", "--model", "m"],
          "Unknown command 'evaluat'. Did you mean 'evaluate'? (see swiftdp --help)"
        ),
        (["maketasks"], "Unknown command 'maketasks'. Did you mean 'make-tasks'? (see swiftdp --help)"),
        (["checkpoint", "hsah", "x"], "Unknown command 'hsah'. Did you mean 'hash'? (see swiftdp --help)"),
        (["bench", "modle"], "Unknown command 'modle'. Did you mean 'model'? (see swiftdp --help)"),
        (["help", "verfy"], "Unknown command 'verfy'. Did you mean 'verify'? (see swiftdp --help)"),
        (["fly"], "Unexpected argument 'fly' (see swiftdp --help)"),
      ]
      for (words, line) in cases {
        let result = try Command.swiftdp(words, in: folder)
        #expect(result.code == 64 && result.errorLines == ["swiftdp: " + line], "\(result.err)")
      }
      #expect(cases.count == 8)
      try expectMistake(cases[0].0, 64, [cases[0].1], in: folder)
    }

    /// Goes through the parser's own list of every command's options, so that a new option is tested too.
    @Test func aDashBeginsAValueOfEveryOption() throws {
      let folder = try Workspace()
      let help = try Command.swiftdp(["--experimental-dump-help"], in: folder)
      var tried = 0
      func walk(_ command: JSON, _ path: [String]) throws {
        for inner in command["subcommands"]?.elements ?? [] {
          let name = try #require(inner["commandName"]?.text)
          if name != "help" { try walk(inner, path + [name]) }
        }
        for option in command["arguments"]?.elements ?? [] where option["kind"]?.text == "option" {
          let name = try #require(option["preferredName"]?["name"]?.text)
          for value in ["-7x", "--7x"] {
            // The last word is wrong, so that nothing runs.
            let result = try Command.swiftdp(path + ["--" + name, value, "--none-such"], in: folder)
            let line = "\(path) --\(name) \(value): \(result.err)"
            #expect(result.code == 64 && result.errorLines.count == 1, "\(line)")
            let outcomes = ["'\(value)' is invalid", "'--none-such'", "Missing expected argument"]
            #expect(outcomes.contains { result.err.contains($0) }, "\(line)")
            tried += 1
          }
        }
      }
      try walk(try #require(try JSON.parse(help.out)["command"]), [])
      #expect(tried > 80)
    }

    @Test func promptsAndNumbersWithADash() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 700)
      try train(
        [
          "model=llama", "weights=random", "data.train=text.txt", "data.sequence_length=32",
          "training.steps=1",
        ],
        output: "run", in: folder)
      let model = ["generate", "--model", "run/model", "--max-tokens", "1"]
      var tried = 0
      for prompt in ["- one", "-1", "-", "--", "--model is what?", "-m", "-h is help"] {
        for words in [["--prompt", prompt], ["--prompt=" + prompt]] where words != ["--prompt", "--"] {
          let result = try Command.swiftdp(model + words, in: folder)
          #expect(result.code == 0 && result.out.hasPrefix(prompt), "\(words): \(result.out) \(result.err)")
          tried += 1
        }
      }
      #expect(tried == 13)
      let mistakes: [([String], String)] = [
        (
          model + ["--prompt", "a", "--seed", "-1"],
          "--seed is -1, but must be at least 0 (see swiftdp generate --help)"
        ),
        (
          ["make-tasks", "--seed", "-1", "x"],
          "--seed is -1, but must be at least 0 (see swiftdp make-tasks --help)"
        ),
        (
          ["make-tasks", "--count", "-1", "x"],
          "--count is -1, but must be at least 0 (see swiftdp make-tasks --help)"
        ),
        (
          ["generate", "--prompt", "--model", "run/model"],
          "Missing value for '--prompt <prompt>' (see swiftdp generate --help)"
        ),
        (
          ["evaluate", "--model", "run/model", "--data", "-no.txt"],
          "--data: there is no file -no.txt (this folder holds text.txt)"
        ),
      ]
      for (words, line) in mistakes { try expectMistake(words, 64, [line], in: folder) }
      #expect(mistakes.count == 5)
    }
  }
}
