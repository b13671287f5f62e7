// What a survey of fine-tuning says of the methods, beside what was measured here.
import Base
import Foundation

/// One statement, whether it holds for the rows of a task, and the numbers that say so.
struct Claim {
  let statement: String
  /// Nil if the rows that it speaks of were not measured.
  let holds: Bool?
  let evidence: String
}

extension Claim {
  /// All claims for the rows of one task.
  static func all(_ rows: [RowResult], _ task: SurveyTask) -> [Claim] {
    let named = Dictionary(uniqueKeysWithValues: rows.map { ($0.method, $0) })
    return [
      lastLayer(rows, named), closeToFull(named), loraIsSmall(named), promptsLag(named),
      mergedIsFree(named),
    ].compactMap { $0 }
  }

  private static func lastLayer(_ rows: [RowResult], _ named: [String: RowResult]) -> Claim {
    let statement = "The last layer alone is the fastest to train and does the poorest."
    let others = rows.filter { !$0.method.hasPrefix("last_layers") && !$0.method.hasPrefix("features") }
    guard let last = named["last_layers, head alone"] ?? named["last_layers, one"],
      let poorest = others.min(by: { $0.quality < $1.quality }),
      let fastest = others.min(by: { $0.trainingSeconds < $1.trainingSeconds })
    else { return Claim(statement: statement, holds: nil, evidence: "") }
    return Claim(
      statement: statement,
      holds: last.quality <= poorest.quality && last.trainingSeconds <= fastest.trainingSeconds,
      evidence:
        "\(last.method): \(percent(last.quality)) in \(seconds(last.trainingSeconds)). Of the others, "
        + "\(fastest.method) is the fastest with \(seconds(fastest.trainingSeconds)), and "
        + "\(poorest.method) the poorest with \(percent(poorest.quality)).")
  }

  private static func closeToFull(_ named: [String: RowResult]) -> Claim {
    let statement = "Adapters and LoRA come close to full fine-tuning (within two points)."
    let names = ["lora", "adapters, pfeiffer", "adapters, houlsby", "adapters, parallel"]
    let rows = names.compactMap { named[$0] }
    guard let full = named["full"], rows.count == names.count else {
      return Claim(statement: statement, holds: nil, evidence: "")
    }
    let best = rows.map(\.quality).max() ?? 0
    return Claim(
      statement: statement, holds: rows.allSatisfy { $0.quality >= full.quality - 0.02 },
      evidence: "full \(percent(full.quality)); "
        + rows.map { "\($0.method) \(percent($0.quality))" }.joined(separator: ", ")
        + ". The best of them is \(percent(abs(best - full.quality))) "
        + (best >= full.quality ? "above" : "below") + " full.")
  }

  private static func loraIsSmall(_ named: [String: RowResult]) -> Claim {
    let statement = "LoRA trains few parameters and needs less memory than full fine-tuning."
    guard let full = named["full"], let lora = named["lora"] else {
      return Claim(statement: statement, holds: nil, evidence: "")
    }
    return Claim(
      statement: statement, holds: lora.trained < full.trained / 2 && lora.host < full.host,
      evidence: "\(grouped(lora.trained)) parameters of \(grouped(full.trained)); "
        + "\(megabytes(lora.host)) on the host instead of \(megabytes(full.host)), checkpoints of "
        + "\(megabytes(lora.checkpoint)) instead of \(megabytes(full.checkpoint)). In a model as small as this one, "
        + "most memory is activations and the process itself.")
  }

  private static func promptsLag(_ named: [String: RowResult]) -> Claim {
    let statement = "Prompt tuning lags behind other methods on small models."
    guard let prompt = named["prompt_tuning"], let lora = named["lora"] else {
      return Claim(statement: statement, holds: nil, evidence: "")
    }
    return Claim(
      statement: statement, holds: prompt.quality < lora.quality,
      evidence: "\(percent(prompt.quality)) beside LoRA's \(percent(lora.quality)) with the same steps.")
  }

  private static func mergedIsFree(_ named: [String: RowResult]) -> Claim? {
    guard let lora = named["lora"], lora.generation.count == 3 else { return nil }
    let (base, adapter, merged) = (lora.generation[0], lora.generation[1], lora.generation[2])
    return Claim(
      statement: "Merged LoRA adds no latency.", holds: merged >= base * 0.97,
      evidence: "\(Int(base)) tokens/s of the base, \(Int(adapter)) with the adapter beside it, "
        + "\(Int(merged)) merged.")
  }
}

func percent(_ share: Double) -> String { String(format: "%.1f %%", share * 100) }
func seconds(_ seconds: Double) -> String { String(format: "%.0f s", seconds) }
func megabytes(_ bytes: Int) -> String {
  String(format: bytes < 10_000_000 ? "%.2f MB" : "%.0f MB", Double(bytes) / 1e6)
}
