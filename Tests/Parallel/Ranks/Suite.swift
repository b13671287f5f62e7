// Every method on every family and every storage, and every objective: whatever is in the lists is trained in several
// arrangements, which must give the same bits, and its gradient must be that of its loss.
import Adapters
import Base
import Foundation
import Kernels
import Models
import Objectives
import Recipes
import Tensors
import Training

/// The families that go through everything. The others share their operations, and go through one objective with two
/// methods.
private let wholeFamilies = [BERT.modelType, GPT2.modelType, Llama.modelType]

/// The methods that go through every objective.
private let everywhere: [any Method.Type] = [FullMethod.self, LoRA.self, LastLayers.self]

/// What methods are tried with beside their names: little room is left before short texts, and encoders are small.
private let methodSettings = [
  PromptTuning.name: "num_virtual_tokens: 5",
  PrefixTuning.name: "num_virtual_tokens: 5, prefix_projection: true, encoder_hidden_size: 8",
  PTuning.name: "num_virtual_tokens: 5, encoder_reparameterization_type: LSTM, encoder_hidden_size: 8, "
    + "encoder_dropout: 0.2",
  BottleneckAdapters.name: "config: houlsby, reduction_factor: 4, cross_adapter: true, dropout: 0.1",
]

/// Llama has no biases, and PEFT's prefixes stand before texts that a decoder continues.
private func isRefused(
  _ method: any Method.Type, _ family: any ModelFamily.Type, _ objective: any Objective.Type
) -> Bool {
  method == BitFit.self && family == Llama.self
    || method == PrefixTuning.self && (!family.isCausal || objective != LanguageModel.self)
}

/// - Parameters:
///   - project: the root of the project, whose fixtures have a configuration of each family.
///   - part: which of `parts` equal parts of the families is checked, counted from 0.
func checkSuite(_ outcome: inout Outcome, project: String, part: Int, of parts: Int) throws {
  let ranks = outcome.ranks
  // Those that take longest come first, so that each part has as many of them.
  let isWhole = { (family: any ModelFamily.Type) in wholeFamilies.contains(family.modelType) }
  let families = modelFamilies.filter(isWhole) + modelFamilies.filter { !isWhole($0) }
  for family in stride(from: part, to: families.count, by: parts).map({ families[$0] }) {
    try ranks.together { if ranks.isFirst { try makeModel(of: family, project: project) } }
    let usual: any Objective.Type =
      if family.readsSource {
        TextToText.self
      } else {
        family.heads.contains(.languageModel) ? LanguageModel.self : Classification.self
      }
    for objective in objectives {
      guard let data = TaskData.all[objective.name], family.heads.contains(data.head) else { continue }
      let isWhole = wholeFamilies.contains(family.modelType)
      guard objective == usual || isWhole else { continue }
      // Parts of a model are trained with the same operations, whatever the loss: one of tokens and one of rows.
      let isCommon = objective == usual || objective == Classification.self
      for method in methods where everywhere.contains(where: { $0 == method }) || isCommon {
        // Its modules go by other names in every family.
        let others: [any Method.Type] =
          [FullMethod.self, LoRA.self, IA3.self, BottleneckAdapters.self]
          + (family.readsSource ? [LastLayers.self] : [])
        guard isWhole || others.contains(where: { $0 == method }) else { continue }
        if method == Features.self, objective.isJoint || !objective.keepsTokens { continue }
        let recipe = try ranks.together { try Recipe(of: family, objective, data, method) }
        if isRefused(method, family, objective) {
          let refuses = (try? recipe.settled().describeModel()) == nil
          outcome.expect(refuses, "\(family.modelType) has no place for \(method.name)")
          continue
        }
        if method == Features.self, (try? recipe.settled().describeModel()) == nil {
          outcome.expect(data.head == .languageModel, "\(objective.name) has a head of its own")
          continue
        }
        let freezes = try ranks.together {
          try recipe.settled().describeModel().parameters.contains { !$0.trains }
        }
        // One objective goes through all storages.
        let hasAllStorages = freezes && objective == usual && isWhole
        let storages = hasAllStorages ? ["same", "bfloat16", "int8", "nf4"] : ["same"]
        for storage in storages {
          let recipe = try ranks.together {
            try Recipe(
              of: family, objective, data, method, ["frozen_dtype=\(storage)"].filter { _ in freezes })
          }
          let what = "\(family.modelType), \(objective.name), \(method.name), \(storage)"
          try check(recipe, what, isWhole: isWhole && storage == "same", &outcome)
        }
      }
    }
  }
}

/// What an objective is tried with.
private struct TaskData {
  let head: Head.Kind
  let file: String
  var settings: [String] = []

  static let all = [
    "language_model": TaskData(head: .languageModel, file: "text.txt"),
    "masked_language_model": TaskData(head: .maskedLanguageModel, file: "text.txt"),
    "classification": TaskData(
      head: .labels, file: "labels.tsv", settings: ["data.columns={text: 0, label: 1}"]),
    "regression": TaskData(
      head: .labels, file: "numbers.tsv", settings: ["data.columns={text: 0, label: 1}"]),
    "token_classification": TaskData(head: .tokenLabels, file: "words.conll"),
    "question_answering": TaskData(head: .spans, file: "questions.jsonl", settings: ["task.stride=3"]),
    "multiple_choice": TaskData(head: .choices, file: "choices.jsonl"),
    "embedding": TaskData(head: .none, file: "pairs.jsonl"),
    "text_to_text": TaskData(head: .languageModel, file: "translations.jsonl"),
    "preference": TaskData(head: .languageModel, file: "preferences.jsonl", settings: ["task.beta=1.0"]),
    "reward": TaskData(head: .labels, file: "preferences.jsonl"),
    "grpo": TaskData(
      head: .languageModel, file: "answers.jsonl",
      settings: [
        "task.rewards={name: regex, pattern: '[a-m]'}", "task.num_generations=4",
        "task.max_completion_length=4", "task.num_iterations=2", "task.beta=0.1",
      ]),
  ]
}

/// - Parameter isWhole: whether all arrangements are tried.
private func check(_ recipe: Recipe, _ what: String, isWhole: Bool, _ outcome: inout Outcome) throws {
  let ranks = outcome.ranks
  let all = Arrangement.all(ranks: ranks.count, steps: 2)
  let few = [all[0]] + all.filter { $0.zero == .weights || $0.stop != nil }
  let result = try Verification(recipe, ranks: ranks, steps: 2, arrangements: isWhole ? all : few).run {
    row in
    if !row.isEqual { FileHandle.standardError.write(Data("\(what): \(row)\n".utf8)) }
  }
  outcome.expect(result.isEqual && result.arrangements >= 3, "\(what): other bits")
  var alone = recipe
  alone.output += "/check"
  alone.parallel.zero = .replicas
  let check = ReplicaCheck(
    try Run(alone, ranks: ranks, threads: 1, observers: [], ledger: MemoryLedger()))
  outcome.expect(
    check.agrees, "\(what): \(check.gradient.map(\.error)), padding \(check.padding?.difference ?? .nan)")
}

extension Recipe {
  fileprivate init(
    of family: any ModelFamily.Type, _ objective: any Objective.Type, _ data: TaskData,
    _ method: any Method.Type, _ settings: [String] = []
  ) throws {
    try self.init(
      file: nil,
      assignments: [
        "model=\(family.modelType)", "weights=random", "output=out", "task={name: \(objective.name)}",
        "method={name: \(method.name)\(methodSettings[method.name].map { ", " + $0 } ?? "")}",
        "data.train=\(data.file)", "data.sequence_length=24",
        "training.batch_size=8",
        "training.micro_batch_size=2", "optimizer.learning_rate=1.0e-2", "parallel.threads=1",
      ] + data.settings + settings)
  }
}

/// The id of the token that hides others, behind those of the tokenizer that ships.
private let mask = 257

/// The tokenizer that ships, with a token that hides others.
private func tokenizer(_ project: String) throws -> JSON {
  let shipped = try OpenFile.json(project + "/Sources/swiftdp/Shipped/base/tokenizer.json")
  let added = JSON.object([
    "id": .integer(mask), "content": .string("[MASK]"), "special": .bool(true), "single_word": .bool(false),
    "lstrip": .bool(false), "rstrip": .bool(false), "normalized": .bool(false),
  ])
  return .object(
    (shipped.members ?? []).map { member in
      let isAdded = member.key.elementsEqual("added_tokens".utf8)
      return isAdded
        ? JSON.Member(key: member.key, value: .array((member.value.elements ?? []) + [added])) : member
    })
}

/// A small model of the family, with dropout and a tokenizer of bytes, and data for all objectives.
private func makeModel(of family: any ModelFamily.Type, project: String) throws {
  let parity = project + "/Tests/Fixtures/parity/"
  let configs = try FileManager.default.contentsOfDirectory(atPath: parity).sorted()
    .compactMap { try? OpenFile.json(parity + $0 + "/config.json") }
  guard let config = configs.first(where: { $0["model_type"]?.text == family.modelType }) else {
    throw UserError(.data, "has no model of type \(family.modelType)", at: parity)
  }
  let members = (config.members ?? []).map { member in
    let key = String(decoding: member.key, as: UTF8.self)
    if key == "vocab_size" { return JSON.Member(key: member.key, value: .integer(mask + 1)) }
    // Some families call it pdrop; layerdrop drops whole layers, which swiftdp refuses.
    let drops = key.contains("drop") && !key.hasSuffix("layerdrop") && !member.value.isNull
    return drops ? JSON.Member(key: member.key, value: .number(0.1)) : member
  }
  let folder = family.modelType
  try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
  try JSON.object(members).encoded().write(toFile: folder + "/config.json", atomically: true, encoding: .utf8)
  try tokenizer(project).encoded().write(
    toFile: folder + "/tokenizer.json", atomically: true, encoding: .utf8)
  let words = ["the", "cat", "saw", "a", "ship", "and", "sang", "of", "rain", "slept"]
  let text = (0..<300).map { words[$0 * $0 % 7 + $0 % 4] }.joined(separator: " ")
  try text.write(toFile: "text.txt", atomically: true, encoding: .utf8)
  let rows = (0..<60).map { row in
    let length = 1 + row * 5 % 7
    return (0..<length).map { words[(row + $0 * $0) % words.count] }.joined(separator: " ")
      + "\t\(["bad", "good", "fair"][row * row % 3])"
  }
  try (rows.joined(separator: "\n") + "\n").write(toFile: "labels.tsv", atomically: true, encoding: .utf8)

  func write(_ name: String, _ rows: [String]) throws {
    try (rows.joined(separator: "\n") + "\n").write(toFile: name, atomically: true, encoding: .utf8)
  }
  func phrase(_ row: Int, _ count: Int = 3) -> String {
    (0..<count).map { words[(row * 3 + $0 * $0) % words.count] }.joined(separator: " ")
  }
  try write("numbers.tsv", (0..<40).map { "\(phrase($0))\t\(Double($0 % 5) / 2)" })
  try write(
    "words.conll",
    (0..<40).map { row in
      phrase(row).split(separator: " ").map { "\($0)\t\($0 == "cat" ? "B-X" : "O")" }.joined(separator: "\n")
        + "\n"
    })
  try write(
    "questions.jsonl",
    (0..<40).map { row in
      let first = phrase(row).prefix { $0 != " " }
      return
        #"{"question": "w", "context": "\#(phrase(row))", "answers": {"text": ["\#(first)"], "answer_start": [0]}}"#
    })
  try write(
    "choices.jsonl",
    (0..<40).map { row in
      let choices = #"["\#(phrase(row + 1, 1))", "\#(phrase(row + 2, 1))"]"#
      return #"{"context": "\#(phrase(row, 1))", "choices": \#(choices), "label": \#(row % 2)}"#
    })
  try write(
    "pairs.jsonl", (0..<40).map { #"{"anchor": "\#(phrase($0))", "positive": "\#(phrase($0 + 1))"}"# })
  try write(
    "translations.jsonl",
    (0..<40).map { #"{"source": "\#(phrase($0, 1))", "target": "\#(phrase($0 + 1, 1))"}"# })
  try write(
    "answers.jsonl",
    (0..<40).map { #"{"prompt": "\#(phrase($0, 1))", "completion": " \#(phrase($0 + 1, 1))"}"# })
  try write(
    "preferences.jsonl",
    (0..<40).map {
      #"{"prompt": "\#(phrase($0, 1))", "chosen": " \#(phrase($0 + 1, 1 + $0 % 2))", "rejected": " \#(phrase($0 + 2, 1))"}"#
    })
}
