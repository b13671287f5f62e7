// The result of the model bench, as words and as JSON.
import Base
import Planning
import Tensors
import Training

struct BenchModelResult {
  let shape: String
  let ranks: Int
  let threads: Int
  let type: ElementType
  let length: Int
  /// The library that multiplies matrices.
  let library: String
  let parameters: Int
  /// The trained and the frozen parameters that are multiplied, and not only looked up.
  let multiplied: Int
  let frozen: Int
  /// How many texts a sequence has, of which each parameter is multiplied with the tokens of one.
  let texts: Int
  /// The operations of attention's products, per token.
  let attentionOperations: Double
  /// The tokens of a step, over all ranks.
  let tokens: Int
  /// The seconds of each measured step, ascending.
  let seconds: [Double]
  let exchange: [Double]
  /// Matrix operations per second of all ranks.
  let peak: Double
  /// The same in the type of what is trained, where that is another than the model's.
  let adapterPeak: Double?
  /// The prediction of `swiftdp plan` for a step, at the rates of this run; nil on several hosts.
  let predicted: StepEstimate?
  let residentBytes: Int
  let held: [(label: String, bytes: Int)]

  private var median: Double { seconds[seconds.count / 2] }
  var tokensPerSecond: Double { Double(tokens) / median }
  /// How much longer a step takes than predicted, as a share of the prediction.
  private var difference: Double? { predicted.map { median / $0.seconds - 1 } }
  /// 6 operations per multiplied parameter and token (Kaplan et al. 2020), 4 if it is frozen and has no gradient, plus
  /// those of attention.
  var operationsPerSecond: Double { (ofTrained + ofOthers) * tokensPerSecond }
  /// Of a token.
  private var ofTrained: Double { 6 * Double(multiplied) / Double(texts) }
  private var ofOthers: Double { 4 * Double(frozen) / Double(texts) + attentionOperations }
  /// The time of the operations at the peaks, as a share of the time of a step.
  var shareOfPeak: Double {
    (ofTrained / (adapterPeak ?? peak) + ofOthers / peak) * tokensPerSecond
  }

  var json: JSON {
    .object([
      "bench": .string("model"), "shape": .string(shape), "dtype": .string(type.rawValue),
      "ranks": .integer(ranks), "threads": .integer(threads), "library": .string(library),
      "parameters": .integer(parameters), "multiplied_parameters": .integer(multiplied),
      "frozen_multiplied_parameters": .integer(frozen),
      "tokens_per_step": .integer(tokens),
      "steps": .integer(seconds.count), "seconds_median": .number(median),
      "seconds_min": .number(seconds[0]), "seconds_max": .number(seconds[seconds.count - 1]),
      "exchange_seconds_median": .number(exchange[exchange.count / 2]),
      "tokens_per_second": .number(tokensPerSecond), "gflops": .number(operationsPerSecond / 1e9),
      "peak_gflops": .number(peak / 1e9),
      "adapter_peak_gflops": adapterPeak.map { .number($0 / 1e9) } ?? .null,
      "share_of_peak": .number(shareOfPeak),
      "predicted_seconds": predicted.map { .number($0.seconds) } ?? .null,
      "peak_rss_mb": .number(Double(residentBytes) / 1e6),
    ])
  }

  var text: String {
    var lines = [
      "shape           \(shape), \(grouped(parameters)) parameters, \(type.rawValue)",
      "machine         \(counted(ranks, "rank")) × \(counted(threads, "thread")), \(library), "
        + "matrix peak \(decimals(peak / 1e9, 0)) GFLOP/s"
        + (adapterPeak.map { ", \(decimals($0 / 1e9, 0)) in fp32, as adapters are" } ?? ""),
      "step            \(decimals(median, 3)) s (\(decimals(seconds[0], 3)) to "
        + "\(decimals(seconds[seconds.count - 1], 3)) over \(seconds.count)), exchange "
        + "\(decimals(exchange[exchange.count / 2], 3)) s",
      "tokens/s        \(decimals(tokensPerSecond, 1))",
      "GFLOP/s         \(decimals(operationsPerSecond / 1e9, 1)) (\(frozen > 0 ? "6 per trained and 4 per frozen" : "6 per") "
        + "parameter and \(texts == 1 ? "token" : "two tokens"), and attention), "
        + "\(decimals(shareOfPeak * 100, 1)) % of the \(adapterPeak == nil ? "peak" : "peaks")",
      "memory          \(decimals(Double(residentBytes) / 1e6, 0)) MB peak of a rank; "
        + held.map { "\($0.label) \(grouped($0.bytes / 1_000_000))" }.joined(separator: ", "),
    ]
    if let predicted, let difference {
      lines.insert(
        "predicted       \(decimals(predicted.seconds, 3)) s: products \(decimals(predicted.products, 3)), passes "
          + "\(decimals(predicted.passes, 3)); measured \(difference < 0 ? "" : "+")\(decimals(difference * 100, 1)) %",
        at: 3)
    }
    return lines.joined(separator: "\n")
  }
}
