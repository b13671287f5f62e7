// What answers count that other weights have drawn: TRL's four modes, on numbers that were worked out by hand.
import Base
import Foundation
import Objectives
import Testing

@Suite struct SamplingCorrectionTests {
  /// exp of 0.2, −1.5 and 0.1, and of their sum.
  private let policy: [Float] = [-1, -2, -0.5]
  private let sampled: [Float] = [-1.2, -0.5, -0.6]

  private func correction(_ settings: [(String, JSON)]) throws -> SamplingCorrection? {
    let problems = Problems()
    let found = SamplingCorrection(
      Section(.object(members: settings), file: nil, code: .usage, problems: problems))
    try problems.throwIfAny()
    return found
  }

  @Test(
    arguments: [
      ("token_truncate", 1.1, nil, [1.1, 0.22313016, 1.1]),
      ("token_truncate", 3, 0.5, [1.2214028, 0.5, 1.1051709]),
      ("token_mask", 1.1, nil, [0, 0.22313016, 0]), ("token_mask", 3, 0.5, [1.2214028, 0, 1.1051709]),
      ("sequence_truncate", 0.2, nil, [0.2, 0.2, 0.2]), ("sequence_truncate", 3, 0.5, [0.5, 0.5, 0.5]),
      ("sequence_mask", 3, nil, [0.30119421, 0.30119421, 0.30119421]),
      ("sequence_mask", 0.3, nil, [0, 0, 0]),
    ] as [(String, Double, Double?, [Float])])
  func everyMode(_ mode: String, _ high: Double, _ low: Double?, _ expected: [Float]) throws {
    let found = try correction(
      [
        ("vllm_importance_sampling_mode", .string(mode)),
        ("vllm_importance_sampling_clip_max", .number(high)),
      ] + (low.map { [("vllm_importance_sampling_clip_min", JSON.number($0))] } ?? []))
    let factors = try #require(found).factors(policy: policy, sampled: sampled)
    #expect(factors.count == 3)
    for (factor, want) in zip(factors, expected) {
      #expect(abs(factor - want) <= 1e-6, "\(mode): \(factors)")
    }
  }

  @Test func itCanBeLeftOut() throws {
    #expect(try correction([("vllm_importance_sampling_correction", .bool(false))]) == nil)
    #expect(throws: UserError.self) {
      try correction([
        ("vllm_importance_sampling_clip_max", .number(1)), ("vllm_importance_sampling_clip_min", .number(2)),
      ])
    }
  }
}
