// What answers count that were drawn by weights in a smaller type: importance sampling by recomputed log-probabilities, as
// TRL 1's GRPOTrainer corrects those of vLLM. Names, formulas and defaults are its own.
import Base
import Foundation

package struct SamplingCorrection: Sendable {
  enum Mode: String, CaseIterable, Sendable {
    /// The ratio of each token, brought within the bounds.
    case tokenTruncate = "token_truncate"
    /// That of each token; 0 beyond the bounds.
    case tokenMask = "token_mask"
    /// The ratio of the whole answer for all of its tokens, brought within the bounds.
    case sequenceTruncate = "sequence_truncate"
    /// That of the whole answer; 0 beyond the bounds.
    case sequenceMask = "sequence_mask"

    var isOfAnswers: Bool { self == .sequenceTruncate || self == .sequenceMask }
    var masks: Bool { self == .tokenMask || self == .sequenceMask }
  }

  private let mode: Mode
  private let low: Double?
  private let high: Double?

  /// - Returns: nil where nothing is corrected.
  package init?(_ section: Section) {
    let corrects = section.bool("vllm_importance_sampling_correction", default: true)
    mode = section.choice("vllm_importance_sampling_mode", default: .sequenceMask)
    high = section.number("vllm_importance_sampling_clip_max", default: 3, in: 1e-6...1e6)
    let least = "vllm_importance_sampling_clip_min"
    low = section.has(least) ? section.number(least, in: 0...1e6) : nil
    if let low, let high, low >= high { section.fail(least, "is \(low), and the upper bound is \(high)") }
    guard corrects else { return nil }
  }

  /// The factor of each token of an answer in the policy's loss: p(policy) / p(drawn by), within bounds.
  /// - Parameters:
  ///   - policy: the log-probability of each token, in nats.
  ///   - sampled: the same by the weights that it was drawn by.
  package func factors(policy: [Float], sampled: [Float]) -> [Float] {
    let differences = zip(policy, sampled).map { Double($0) - Double($1) }
    guard mode.isOfAnswers else { return differences.map { Float(bounded(exp($0))) } }
    let factor = Float(bounded(exp(differences.reduce(0, +))))
    return differences.map { _ in factor }
  }

  private func bounded(_ ratio: Double) -> Double {
    let (low, high) = (low ?? (mode.masks ? -.infinity : 0), high ?? .infinity)
    if mode.masks { return ratio < low || ratio > high ? 0 : ratio }
    return min(max(ratio, low), high)
  }

  /// What it changed in a step, by TRL's names.
  package static func scalars(
    policy: [[Float]], sampled: [[Float]], factors: [[Float]]
  ) -> [Scalar] {
    let differences = zip(policy, sampled).flatMap { zip($0, $1).map { abs(Double($0) - Double($1)) } }
    let all = factors.flatMap { $0.map(Double.init) }
    guard !differences.isEmpty, !all.isEmpty else { return [] }
    func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
    return [
      Scalar("sampling/sampling_logp_difference/mean", detail: mean(differences)),
      Scalar("sampling/sampling_logp_difference/max", detail: differences.max() ?? 0),
      Scalar("sampling/importance_sampling_ratio/min", detail: all.min() ?? 0),
      Scalar("sampling/importance_sampling_ratio/mean", detail: mean(all)),
      Scalar("sampling/importance_sampling_ratio/max", detail: all.max() ?? 0),
    ]
  }

  var json: [(String, JSON)] {
    [("vllm_importance_sampling_mode", .string(mode.rawValue))]
      + [("vllm_importance_sampling_clip_max", high), ("vllm_importance_sampling_clip_min", low)].compactMap {
        key, value in value.map { (key, .number($0)) }
      }
  }
}
