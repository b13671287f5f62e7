// The recipes of launch/recipes, each in a short form.
import Foundation
import Testing

/// A recipe, and what stands in the place of a user's model and data.
struct ShippedRecipe: Sendable, CustomTestStringConvertible {
  let name: String
  var model = "shipped:base"
  var rows: (name: String, line: @Sendable (Int) -> String)?
  var settings: [String] = []
  var testDescription: String { name }

  static let all: [ShippedRecipe] =
    [
      "full", "last-layers", "lora", "lora-nf4", "dora", "adapters", "ia3", "layernorm", "prefix-tuning",
      "prompt-tuning", "p-tuning", "several-adapters",
    ].map { ShippedRecipe(name: $0, settings: ["data.validation=0.001"]) } + [
      ShippedRecipe(
        name: "adalora", settings: ["method.tinit=0", "method.tfinal=0", "data.validation=0.001"]),
      ShippedRecipe(
        name: "distillation",
        settings: ["task.teacher=\(Project.root)/Sources/swiftdp/Shipped/base", "data.validation=0.001"]),
    ]
    + ["classification", "bitfit", "features"].map {
      ShippedRecipe(name: $0, model: "bert", rows: ("train.tsv", review))
    } + [
      ShippedRecipe(
        name: "several-tasks", model: "bert", rows: ("train.tsv", review),
        settings: ["training.batch_size=16"]),
      ShippedRecipe(name: "token-classification", model: "bert"),
      ShippedRecipe(
        name: "regression", model: "bert",
        rows: (
          "scores.jsonl", { #"{"text": "a film", "text_pair": "the end", "score": \#(Double($0) / 40)}"# }
        )),
      ShippedRecipe(
        name: "multiple-choice", model: "bert",
        rows: (
          "choices.jsonl",
          {
            #"{"context": "we saw", "choices": ["it", "a film"\#($0 % 2 == 0 ? #", "her""# : "")], "label": \#($0 % 2)}"#
          }
        )),
      ShippedRecipe(
        name: "question-answering", model: "bert",
        rows: (
          "squad.jsonl",
          { _ in
            #"{"question": "where", "context": "so in rome", "answers": {"text": ["rome"], "answer_start": [6]}}"#
          }
        ), settings: ["data.train=squad.jsonl"]),
      ShippedRecipe(
        name: "embedding", model: "bert",
        rows: ("pairs.jsonl", { #"{"anchor": "film \#($0)", "positive": "the film \#($0)"}"# })),
      ShippedRecipe(
        name: "masked-language-model", model: "bert", rows: ("texts.txt", { _ in "we saw a long film" })),
      ShippedRecipe(
        name: "text-to-text", model: Project.root + "/Tests/Fixtures/translations",
        rows: ("translations.jsonl", { #"{"source": "\#($0)", "target": "number \#($0)"}"# }),
        settings: ["weights=random"]),
      ShippedRecipe(
        name: "chat",
        rows: (
          "chats.jsonl",
          {
            #"{"messages": [{"role": "user", "content": "say \#($0)"}, {"role": "assistant", "content": "\#($0)"}]}"#
          }
        ), settings: ["data.sequence_length=128", "data.template=chatml"]),
    ]
    + ["rloo", "raft", "ppo"].map {
      ShippedRecipe(
        name: $0,
        settings: [
          "training.batch_size=32", "task.min_reward=\($0 == "raft" ? "0" : "null")",
          "task.rewards={name: regex, pattern: '^[A-M]'}", "data.validation=0.002",
        ].filter { !$0.hasSuffix("=null") })
    }

  private static let review: @Sendable (Int) -> String = { "\(["sad", "good"][$0 % 2]) film\t\($0 % 2)" }
}

extension ResultTests {
  @Suite struct ShippedRecipeTests {
    @Test(arguments: ShippedRecipe.all) func aRecipeRuns(_ recipe: ShippedRecipe) throws {
      let folder = try Workspace()
      if recipe.model == "bert" {
        try folder.makeBERT()
        try folder.addMask(to: "bert")
        try folder.file(
          "train.conll", (0..<40).map { "we O\nsaw O\n\(["rome", "oslo"][$0 % 2]) B-place\n\n" }.joined())
      }
      if let (name, line) = recipe.rows {
        try folder.file(name, (0..<40).map { line($0) + "\n" }.joined())
      }
      let length = recipe.model == "bert" ? ["data.sequence_length=24"] : []
      let run = try train(
        [
          "\(Project.root)/launch/recipes/\(recipe.name).yaml", "model=\(recipe.model)",
          "training.epochs=null",
          "training.steps=2", "training.batch_size=8", "training.validate_every=0",
        ] + length + recipe.settings, output: "run", in: folder)
      #expect(try run.numbers("grad_norm").count == 2)
      #expect(folder.exists("run/model"))
    }

    /// Every file is run here, or by the tests that are named.
    @Test func everyRecipeHasATest() throws {
      let elsewhere = ["base-model", "dpo", "kto", "orpo", "reward", "grpo"]
      let files = try FileManager.default.contentsOfDirectory(atPath: Project.root + "/launch/recipes")
      #expect(files.sorted() == (ShippedRecipe.all.map(\.name) + elsewhere).map { $0 + ".yaml" }.sorted())
    }
  }
}
