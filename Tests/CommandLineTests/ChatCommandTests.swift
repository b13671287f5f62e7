// swiftdp chat, with lines from a pipe as from a terminal.
import Base
import Foundation
import Testing

extension ResultTests {
  @Suite struct ChatCommandTests {
    private static let base = Project.root + "/Sources/swiftdp/Shipped/base"

    private func chat(_ lines: String, _ options: String = "", in folder: Workspace) throws -> CommandResult {
      try folder.file("lines", lines)
      return try Command.run(
        [
          "bash", "-c",
          "'\(Command.binary)' chat --model '\(Self.base)' --template chatml --max-tokens 12 --threads 1 \(options) < lines",
        ], in: folder)
    }

    /// The chat is a row of data: what was taken back is not in it, and a message may have several lines.
    @Test func aChatIsSaved() throws {
      let folder = try Workspace()
      let lines = """
        Who is there?
        Take this \\
        back
        /undo
        \"\"\"
        Two
        lines
        \"\"\"
        /save one.jsonl
        /reset
        Anew
        /save two.jsonl
        /exit
        Nobody reads this
        """
      let result = try chat(lines, "--system 'Be kind.'", in: folder)
      #expect(result.code == 0 && result.err.isEmpty, "\(result.err)")
      func saved(_ name: String) throws -> [(role: String, text: String)] {
        let row = try OpenFile.json(folder.path + "/" + name)
        return (row["messages"]?.elements ?? []).map { ($0["role"]?.text ?? "", $0["content"]?.text ?? "") }
      }
      let one = try saved("one.jsonl")
      #expect(one.map(\.role) == ["system", "user", "assistant", "user", "assistant"])
      #expect(one.map(\.text)[0] == "Be kind." && one.map(\.text)[1] == "Who is there?")
      #expect(one.map(\.text)[3] == "Two\nlines")
      let two = try saved("two.jsonl")
      #expect(two.map(\.role) == ["system", "user", "assistant"] && two.map(\.text)[1] == "Anew")
      // What was shown is what is remembered, and the same question has the same answer.
      #expect(
        one.indices.filter { one[$0].role == "assistant" }.allSatisfy { result.out.contains(one[$0].text) })
      let again = try chat("Anew\n", "--system 'Be kind.'", in: folder)
      #expect(again.out.contains(two[2].text))
    }

    /// The answer is what `generate` makes of the rendered chat.
    @Test func answersAreThoseOfGenerate() throws {
      let folder = try Workspace()
      let answer = try chat("Speak\n", in: folder).out.trimmingCharacters(in: .newlines)
      let prompt = "<|im_start|>user\nSpeak<|im_end|>\n<|im_start|>assistant\n"
      let generated = try Command.swiftdp(
        ["generate", "--model", Self.base, "--prompt", prompt, "--max-tokens", "12", "--threads", "1"],
        in: folder)
      #expect(generated.out.hasPrefix(prompt))
      let continued = generated.out.dropFirst(prompt.count).trimmingCharacters(in: .newlines)
      #expect(continued == answer, "\(generated.out)")
    }

    @Test func mistakesDoNotEndTheChat() throws {
      let folder = try Workspace()
      let long = String(repeating: "word ", count: 80)
      let result = try chat("/nope\n/save\n\(long)\n/save s.jsonl\n/save s.jsonl\n", in: folder)
      #expect(result.code == 0)
      #expect(result.errorLines.count == 4, "\(result.err)")
      #expect(result.err.contains("/nope is no command") && result.err.contains("needs the name of a file"))
      #expect(result.err.contains("the model reads at most 256") && result.err.contains("exists already"))
      let none = try Command.swiftdp(["chat", "--model", Self.base], in: folder)
      #expect(none.code == 65 && none.err.contains("has no chat template"), "\(none.err)")
    }

    /// Each of several adapters of one base answers as it does alone.
    @Test func adaptersTakeTurns() throws {
      let folder = try Workspace()
      let rows = Project.root + "/Tests/Fixtures/chat_losses/plays.jsonl"
      for (name, rate) in [("one", "1.0e-2"), ("two", "5.0e-2")] {
        _ = try train(
          [
            "model=\(Self.base)", "data.train=\(rows)", "data.template=chatml", "data.validation=0",
            "method=lora", "training.steps=3", "optimizer.learning_rate=\(rate)",
          ], output: name, in: folder)
      }
      func answers(_ out: String) -> String { out.trimmingCharacters(in: .newlines) }
      let alone = try ["one", "two"].map {
        answers(try chat("Speak\n", "--adapter \($0)/model", in: folder).out)
      }
      let base = answers(try chat("Speak\n", in: folder).out)
      #expect(Set(alone + [base]).count == 3, "\(alone) \(base)")
      let lines = "Speak\n/reset\n/adapter two\nSpeak\n/reset\n/adapter base\nSpeak\n/adapter tow\n"
      let both = try chat(lines, "--adapter one=one/model --adapter two=two/model", in: folder)
      #expect(both.code == 0 && both.err.contains("did you mean two?"), "\(both.err)")
      let parts = both.out.components(separatedBy: "(a new chat)\n").map {
        answers($0.replacing("(two answers)\n", with: "").replacing("(base answers)\n", with: ""))
      }
      #expect(parts == alone + [base])
    }

    /// Ctrl-C is not the end.
    @Test func ctrlCIsNotTheEnd() throws {
      let folder = try Workspace()
      let result = try Command.run(
        [
          "bash", "-c",
          "mkfifo in; '\(Command.binary)' chat --model '\(Self.base)' --template chatml --max-tokens 4 --threads 1 < in > out & "
            + "pid=$!; exec 3> in; echo Hi >&3; sleep 2; kill -INT $pid; sleep 0.5; echo '/save c.jsonl' >&3; exec 3>&-; wait $pid",
        ], in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(try OpenFile.json(folder.path + "/c.jsonl")["messages"]?.elements?.count == 2)
    }
  }
}
