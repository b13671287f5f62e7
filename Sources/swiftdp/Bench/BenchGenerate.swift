// swiftdp bench generate
import ArgumentParser
import Base
import Foundation
import Generation
import Graph
import Kernels
import Models
import Tensors
import Training

struct BenchGenerate: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "generate",
    abstract: "Greedy continuations by a model with random weights, in one batch and one by one: tokens/s.",
    discussion: "One by one, the time that prompts take does not count.")

  @Option(help: "gpt2-124m, llama-134m, llama-1m or qwen3-134m.")
  var shape = BenchShape.gpt2
  @Option(help: "float32 or bfloat16: what weights are kept in.")
  var dtype = ElementType.float32
  @Option(help: "same, bfloat16, int8 or nf4: what projections are stored in.")
  var frozenDtype = BenchModel.Frozen.same
  @Option(help: "same, bfloat16, int8 or nf4: what embeddings and the head are stored in.")
  var embeddingsDtype = BenchModel.Frozen.same
  @Option(help: "Layers of that shape; it has 12.")
  var layers = 12
  @Option(help: "Prompts of random tokens.")
  var prompts = 64
  @Option(help: "Tokens of a prompt.")
  var length = 32
  @Option(help: "New tokens of each.")
  var maxTokens = 64
  @Option(help: "Texts at once.")
  var batchSize = 64
  @Option(help: "Prompts of those that are also answered one by one; 0 for none.")
  var single = 4
  @Option(help: "Threads; as many as there are cores by default.")
  var threads: Int?
  @Flag(help: "Show where the time goes.")
  var profile = false
  @Flag(help: "One JSON object instead of words.")
  var json = false

  func validate() throws {
    guard shape.isLanguageModel else {
      throw ValidationError("--shape must be a language model, such as gpt2-124m")
    }
    try check("--layers", layers, in: 1...1000)
    try check("--prompts", prompts, in: 1...1 << 16)
    try check("--length", length, in: 1...1 << 16)
    try check("--max-tokens", maxTokens, in: 1...1 << 16)
    try check("--batch-size", batchSize, in: 1...1 << 16)
    try check("--single", single, in: 0...prompts)
    try check(threads: threads)
  }

  func run() throws {
    let times = profile ? Profile() : nil
    let engine = try Engine(threads: threads ?? max(Launch.allowedCores, 1), profile: times)
    // Nothing ends a text early.
    let description = try ModelDescription(
      config: shape.config(length: length + maxTokens, layers: layers), file: shape.rawValue,
      endOfGeneration: []
    ).adapted(by: NoFineTuning())
    let form = FrozenForm(
      projections: frozenDtype.storage(dtype), embeddings: embeddingsDtype.storage(dtype))
    let store = WeightStore(description, type: dtype, form: form)
    try store.frozen?.fill(from: RandomWeights(description.layout, seed: 0), on: engine.pool.runTiles)
    let generator = Generator(description, weights: store, engine: engine)
    var stream = PhiloxStream(seed: 0, stream: 0)
    let texts = (0..<prompts).map { index in
      Generator.Prompt(
        (0..<length).map { _ in Int32(stream.below(description.family.vocabulary)) }, sample: index)
    }
    /// Tokens per second with the time that prompts take, those after the first one of each text without it, and the
    /// answers.
    func measure(
      _ count: Int, batchSize: Int, maximum: Int
    ) throws -> (rate: Double, rateAfterFirst: Double?, answers: [[Int32]]) {
      var answers = [[Int32]](repeating: [], count: count)
      let start = Date()
      var last = start
      var untilFirst = 0.0
      try generator.run(
        Array(texts.prefix(count)), batchSize: batchSize, maximum: maximum, sampling: Sampling()
      ) {
        let now = Date()
        if answers[$0].isEmpty { untilFirst += now.timeIntervalSince(last) }
        last = now
        answers[$0].append($1)
        return true
      }
      let seconds = Date().timeIntervalSince(start)
      let others = Double(count * (maximum - 1))
      return (Double(count * maximum) / seconds, others > 0 ? others / (seconds - untilFirst) : nil, answers)
    }
    // Pages and caches are filled before time counts.
    _ = try measure(1, batchSize: 1, maximum: 2)
    times?.reset()
    let together = try measure(prompts, batchSize: batchSize, maximum: maxTokens)
    let lines = times?.all ?? []
    let alone = single > 0 ? try measure(single, batchSize: 1, maximum: maxTokens) : nil
    if let alone, alone.answers != Array(together.answers.prefix(single)) {
      throw UserError(.software, "a batch gives other answers than its prompts alone")
    }
    let single = alone?.rateAfterFirst
    print(json ? self.json(together.rate, single).encoded() : text(together.rate, single))
    for (name, seconds) in lines where seconds > 0.01 {
      print("  \(cell(name, width: 32))\(decimals(seconds, 2)) s")
    }
  }

  private func json(_ together: Double, _ alone: Double?) -> JSON {
    .object([
      "bench": .string("generate"), "shape": .string(shape.rawValue), "dtype": .string(dtype.rawValue),
      "frozen_dtype": .string(frozenDtype.rawValue),
      "embeddings_dtype": .string(embeddingsDtype.rawValue), "layers": .integer(layers),
      "threads": .integer(threads ?? max(Launch.allowedCores, 1)),
      "prompts": .integer(prompts), "length": .integer(length), "max_tokens": .integer(maxTokens),
      "batch_size": .integer(batchSize), "tokens_per_second": .number(together),
      "single_tokens_per_second": alone.map { .number($0) } ?? .null,
    ])
  }

  private func text(_ together: Double, _ alone: Double?) -> String {
    "\(shape.rawValue), \(counted(prompts, "prompt")) of \(length) tokens, \(maxTokens) new ones each: "
      + "\(decimals(together, 1)) tokens/s, \(batchSize) at once"
      + (alone.map { "; one by one \(decimals($0, 1)) after the first" } ?? "")
  }
}
