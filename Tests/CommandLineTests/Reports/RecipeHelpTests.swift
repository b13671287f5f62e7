// swiftdp new and swiftdp help KEY.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct RecipeHelpTests {
    @Test func fiveAnswersMakeARecipe() throws {
      let folder = try Workspace()
      let answers = "shipped:base\\n\\nwrong\\nlabels\\nlora\\nruns/mine\\n"
      let result = try Command.run(
        ["bash", "-c", "printf '\(answers)' | \(Command.binary) new mine.yaml"], in: folder)
      #expect(result.code == 0, "\(result.err)")
      #expect(result.out.contains("one of text, labels, preferences"))
      let recipe = try folder.text("mine.yaml")
      for line in [
        "model: \"shipped:base\"", "method: lora", "output: \"runs/mine\"", "task: classification",
      ] {
        #expect(recipe.contains(line), "\(line)")
      }
      let usual = try Command.run(["bash", "-c", "\(Command.binary) new < /dev/null"], in: folder)
      #expect(usual.code == 0, "\(usual.err)")
      #expect(!usual.err.contains("refuse"))
      try train(
        [folder.path + "/run.yaml", "training.steps=1", "training.epochs=null"], output: "one", in: folder)
      let again = try Command.swiftdp(["new"], in: folder)
      #expect(again.code == 64 && again.messages.first?.contains("run.yaml exists already") == true)
    }

    @Test func aKeyIsExplained() throws {
      let folder = try Workspace()
      let key = try Command.swiftdp(["help", "training.batch_size"], in: folder)
      #expect(
        key.code == 0 && key.out.hasPrefix("training.batch_size\ndefault: 32\n\nsequences per optimizer step")
      )
      let section = try Command.swiftdp(["help", "checkpoint"], in: folder)
      #expect(section.code == 0)
      let wrong = try Command.swiftdp(["help", "training.batchsize"], in: folder)
      #expect(wrong.code == 64)
      #expect(
        wrong.messages == [
          "help: there is no key \"training.batchsize\" (did you mean training.batch_size?)"
        ])
      let command = try Command.swiftdp(["help", "train"], in: folder)
      #expect(command.code == 0 && command.out.contains("Fine-tune a model"))
    }
  }
}
