// swiftdp bench model
import Adapters
import ArgumentParser
import Base
import Collectives
import Datasets
import Foundation
import Graph
import Kernels
import Models
import Optimizers
import Planning
import Recipes
import Sharding
import Tensors
import Training

struct BenchModel: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "model",
    abstract: "Training steps of a model with random weights: tokens/s, GFLOP/s, share of the sgemm peak.")

  @Option(help: BenchShape.help)
  var shape = BenchShape.gpt2
  @Option(help: "float32 or bfloat16: what weights are kept and multiplied in.")
  var dtype = ElementType.float32
  @Option(help: "Sequences of each rank, or group of ranks, and step.")
  var batchSize = 4
  @Option(help: "Tokens of a sequence.")
  var length = 256
  @Option(help: "Chunks of a sequence, which as many ranks compute together.")
  var context = 1
  @Option(help: "Steps that are measured.")
  var steps = 8
  @Option(help: "Steps before those.")
  var warmUp = 2
  @Option(help: "0, 1, 2 or 3.")
  var zero = 1
  @Option(help: "float32 or bfloat16: what gradients are rounded to between hosts.")
  var wireDtype = ElementType.float32
  @Flag(inversion: .prefixedNo, help: "One copy of the weights for the ranks of a host.")
  var share = true
  @Option(help: "full, or lora on all projections.")
  var method = Method.full
  @Option(help: "Of lora: the columns of its narrow matrices.")
  var rank = 8
  @Option(help: "Of lora: how many adapters learn in one pass, each with an even share of the sequences.")
  var adapters = 1
  @Option(help: "same, bfloat16, int8 or nf4: what frozen projections are stored in.")
  var frozenDtype = Frozen.same
  @Option(help: "adamw, sgd (with momentum), lion, adafactor, adamw8bit, muon or schedule_free.")
  var optimizer = OptimizerName.adamw
  @Option(help: "Threads of a rank; its cores by default.")
  var threads: Int?
  @Option(help: "Micro-batches of each rank and step, of --batch-size sequences each.")
  var accumulate = 1
  @Flag(inversion: .prefixedNo, help: "Results that do not depend on the number of ranks.")
  var exact = true
  @Option(help: "none, attention or layer: what is computed again in backward.")
  var recompute = Recompute.none
  @Option(help: "float32, bfloat16 or int8: what activations are kept in until backward.")
  var activationDtype = ActivationStorage.float32
  @Option(help: "A folder on a local disk: activations wait there until backward.")
  var activationOffload: String?
  @Option(help: "native, portable or bf16x3: whose matrix products run.")
  var arithmetic = Arithmetic.native
  @Flag(help: "Show where the time goes.")
  var profile = false
  @Flag(help: "One JSON object instead of words.")
  var json = false

  enum Method: String, ExpressibleByArgument, CaseIterable {
    case full
    case lora
  }

  enum Frozen: String, ExpressibleByArgument, CaseIterable {
    case same
    case bfloat16
    case int8
    case nf4

    func storage(_ type: ElementType) -> FrozenStorage {
      switch self {
      case .same: FrozenStorage(type)
      case .bfloat16: .bfloat16
      case .int8: .int8
      case .nf4: .nf4(doubleQuantization: false)
      }
    }
  }

  func validate() throws {
    try check("--rank", rank, in: 1...4096)
    guard method == .lora || adapters == 1 else {
      throw ValidationError("--adapters needs --method lora")
    }
    guard method == .lora || frozenDtype == .same else {
      throw ValidationError("--frozen-dtype needs --method lora: full fine-tuning freezes nothing")
    }
    try check("--context", context, in: 1...256)
    guard context == 1 || shape.isLanguageModel && adapters == 1 else {
      throw ValidationError("--context needs a language model with one adapter at most")
    }
    guard ZeroStage(rawValue: zero) != nil else { throw ValidationError("--zero must be 0, 1, 2 or 3") }
    try check("--batch-size", batchSize, in: 1...Int.max)
    try check("--adapters", adapters, in: 1...batchSize)
    try check("--length", length, in: 2...1 << 16)
    try check("--steps", steps, in: 1...Int.max)
    try check("--warm-up", warmUp, in: 0...Int.max)
    try check("--accumulate", accumulate, in: 1...Int.max)
    try check(threads: threads)
  }

  func run() throws {
    try onRanks { ranks in
      let times = profile ? Profile() : nil
      let threadCount = Launch.threads(ranks, asked: threads)
      let engine = try ranks.together {
        try Engine(threads: threadCount, kernel: arithmetic.kernel(), profile: times)
      }
      let description = try ranks.together {
        try adapted(ModelDescription(config: shape.config(length: length), file: shape.rawValue))
      }
      let ledger = MemoryLedger()
      var runShape = RunShape(
        batch: BatchShape(sequences: batchSize, length: length), type: dtype, wire: wireDtype,
        rule: optimizer.measuredRule, recompute: recompute,
        stage: ZeroStage(rawValue: zero) ?? .optimizer, sharesWeights: share, exact: exact)
      runShape.keeping = ActivationKeeping(activationDtype, offloads: activationOffload != nil)
      runShape.context = context
      runShape.objective = try ranks.together { try shape.objective(of: description) }
      if shape.texts > 1 { runShape.batch.sourceLength = length }
      runShape.frozen.projections = frozenDtype.storage(dtype)
      let training = try BenchTraining(
        description, runShape, accumulate: accumulate, engine: engine, ranks: ranks, ledger: ledger,
        offload: activationOffload
      ) { [shape] in shape.sequences($0, length: $1, vocabulary: $2) }
      var copies = MachinePeak.copyRates(engine.pool, ranks)
      var products = MachinePeak.productRates(engine, ranks, type: dtype)
      // Terms of adapters are fp32, whatever they are added to.
      let adapterType = method == .lora && dtype != .float32 ? ElementType.float32 : nil
      var adapterProducts = adapterType.map { MachinePeak.productRates(engine, ranks, type: $0) } ?? []
      var seconds: [Double] = []
      var exchange: [Double] = []
      for number in 1...warmUp + steps {
        if number == warmUp + 1 { times?.reset() }
        let report = try training.step(number)
        guard number > warmUp else { continue }
        seconds.append(report.seconds)
        exchange.append(report.exchangeSeconds)
      }
      training.finish()
      let profileLines = times.map { lines($0, seconds: seconds.reduce(0, +), threads: engine.pool.threads) }
      // What the rates below are measured in is no memory of training.
      let memory = ranks.largest(peakResidentBytes())
      products += MachinePeak.productRates(engine, ranks, type: dtype)
      adapterProducts += adapterType.map { MachinePeak.productRates(engine, ranks, type: $0) } ?? []
      copies += MachinePeak.copyRates(engine.pool, ranks)
      guard ranks.isFirst else { return }
      // Uses the median rates, as the median step is reported: disturbances slow down both.
      let predicted =
        ranks.hosts > 1
        ? nil
        : training.estimate(
          runShape, description,
          HostRates(
            products: median(products) / Double(ranks.count * engine.pool.threads), copy: median(copies),
            link: 1))
      let result = BenchModelResult(
        shape: shape.rawValue, ranks: ranks.count, threads: engine.pool.threads,
        type: dtype, length: length,
        library: dtype == .float32 ? engine.blas.name : engine.halves.name,
        parameters: description.layout.count,
        multiplied: multiplied(description) { $0.trains } / adapters,
        frozen: multiplied(description) { !$0.trains },
        texts: shape.texts, attentionOperations: shape.attentionOperations(length: length),
        tokens: batchSize * accumulate * length * shape.texts * max(1, ranks.count / context),
        seconds: seconds.sorted(),
        exchange: exchange.sorted(),
        peak: products.max() ?? 0, adapterPeak: adapterProducts.max(), predicted: predicted,
        residentBytes: memory,
        held: ledger.all)
      print(json ? result.json.encoded() : result.text)
      for line in profileLines ?? [] { print(line) }
    }
  }

  /// The lines of the profile: the first rank's times per step.
  private func adapted(_ description: ModelDescription) throws -> ModelDescription {
    guard method == .lora else { return description }
    var lora = LoRA()
    lora.rank = rank
    guard adapters > 1 else { return try description.adapted(by: lora) }
    return try description.adapted(
      by: AdapterSet((1...adapters).map { .init(name: "\($0)", lora: lora, place: "--adapters") }))
  }

  /// The parameters of a kind that are multiplied, and not only looked up.
  private func multiplied(_ description: ModelDescription, _ isOfKind: (ParameterSpec) -> Bool) -> Int {
    description.parameters.filter { isOfKind($0) && shape.isMultiplied($0.name) }.reduce(0) { $0 + $1.count }
  }

  private func lines(_ times: Profile, seconds: Double, threads: Int) -> [String] {
    let share = times.productSeconds / (seconds * Double(threads))
    var lines = [
      "",
      "matrix products \(decimals(share * 100, 1)) % of the time of all threads, at "
        + "\(decimals(times.products / times.productSeconds / 1e9, 1)) GFLOP/s a thread; all else "
        + "\(decimals((1 - share) * 100, 1)) %",
    ]
    for (name, spent) in times.all where spent > 0.001 * seconds {
      let label = cell(name, width: 32)
      lines.append(
        "  \(label)\(decimals(spent / Double(steps) * 1e3, 1)) ms, \(decimals(spent / seconds * 100, 1)) %")
    }
    return lines
  }
}

extension Recompute: ExpressibleByArgument {}
extension OptimizerName: ExpressibleByArgument {
  fileprivate var measuredRule: any UpdateRule {
    switch self {
    case .adamw: AdamW()
    case .sgd: SGD(momentum: 0.9)
    case .lion: Lion()
    case .adafactor: Adafactor()
    case .adamw8bit: AdamW8bit()
    case .muon: Muon()
    case .scheduleFree: ScheduleFree()
    }
  }
}

extension ElementType: ExpressibleByArgument {}
extension ActivationStorage: ExpressibleByArgument {}
extension Arithmetic: ExpressibleByArgument {}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

/// The peak resident memory of this process, in bytes.
func peakResidentBytes() -> Int {
  var usage = rusage()
  getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
  return usage.ru_maxrss * 1024
}
