// swiftdp new
import ArgumentParser
import Base
import Checkpoints
import Foundation
import Recipes

struct New: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Ask five questions, and write a recipe with comments.",
    discussion: "Enter takes the answer in brackets. Answers may also come through a pipe, a line each.")

  @Argument(help: "The recipe to write, which must not be there yet.", transform: Launch.path)
  var file = "run.yaml"

  func run() throws {
    let new = try NewFile(file, at: "FILE")
    let model = try ask("Which model? A Hugging Face folder", usual: "shipped:base")
    let data = try ask("Which data? A file, a pattern or a folder", usual: "shipped:tasks.jsonl")
    let task = try ask(
      "What shall it learn? text (also prompts and chats), labels, preferences", usual: "text",
      among: ["text", "labels", "preferences"])
    let method = try ask(
      "How? full trains all weights, lora a small adapter", usual: "full", among: ["full", "lora"])
    let name = URL(fileURLWithPath: model).lastPathComponent
    let output = try ask("Where to?", usual: "runs/\(name == "shipped:base" ? "base" : name)")
    let recipe = NewRecipe(model: model, data: data, task: task, method: method, output: output)
    try new.write(Array(recipe.text.utf8))
    try StandardStream.output.writeAll(
      """
      \(file) is written. What next:
        swiftdp data check \(typed([file]))      is the data what you mean?
        swiftdp plan \(typed([file]))            does it fit, and how long does it take?
        mpirun -np 2 swiftdp train \(typed([file]))

      """)
    // The recipe is read as train reads it, so that mistakes of the answers show now.
    do { _ = try readRecipe([file]) } catch {
      Command.tell("note: train would refuse it as it is: \(error)")
    }
  }

  private func ask(_ question: String, usual: String, among known: [String] = []) throws -> String {
    while true {
      try StandardStream.output.writeAll("\(question) [\(usual)]: ")
      guard let line = readLine() else {
        try StandardStream.output.writeAll("\n")
        return usual
      }
      let answer = line.trimmingCharacters(in: .whitespaces)
      if answer.isEmpty { return usual }
      if known.isEmpty || known.contains(answer) { return answer }
      try StandardStream.output.writeAll("one of \(known.joined(separator: ", "))\n")
    }
  }
}

/// A recipe with a comment for each key.
struct NewRecipe {
  let model: String
  let data: String
  let task: String
  let method: String
  let output: String

  var text: String {
    func quoted(_ text: String) -> String { JSON.string(text).encoded() }
    let tasks = [
      "labels": "task: classification                # a label for each row; labels are found in the data\n",
      "preferences": "task: preference                    # which of two answers is better (DPO)\n",
    ]
    let rate = method == "lora" ? "2.0e-4" : task == "text" ? "3.0e-4" : "2.0e-5"
    let packing =
      task == "text"
      ? "\n  packing: true                     # rows joined into blocks; false keeps each by itself" : ""
    return """
      # A run of swiftdp. docs/configuration.md has every key; settings on the command line win over these.
      model: \(quoted(model))
      output: \(quoted(output))        # checkpoints, numbers and the trained model
      \(tasks[task] ?? "")method: \(method)                        # full, lora, adapters, …: docs/methods.md
      data:
        train: \(quoted(data))
        validation: 0.05                  # a share of it, or files of its own
        sequence_length: 256              # tokens, at most what the model can read\(packing)
      training:
        epochs: 3                         # or steps: 500
        batch_size: 32                    # sequences per step, over all ranks
        micro_batch_size: 4               # sequences of one rank at a time: smaller needs less memory
        validate_every: 50                # steps
        report_to: []                     # tensorboard, csv, prometheus
      optimizer:
        learning_rate: \(rate)
      schedule:
        warmup_steps: 10
      checkpoint:
        every: 100                        # steps, or a time such as 30m
        keep: 3

      """
  }
}
