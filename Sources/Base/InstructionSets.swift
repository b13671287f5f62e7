// Instruction sets: those that code was compiled for, and those that can be used where it runs.
import CProcessor

/// A set of instruction sets of x86-64; empty on other processors.
package struct InstructionSets: Equatable, Sendable {
  private let bits: UInt64

  /// - Parameter bits: as `swiftdp_built_sets` and `swiftdp_offered_sets` give them.
  package init(bits: UInt64) { self.bits = bits }

  /// What this processor has and its operating system lets programs use.
  package static let offered = InstructionSets(bits: swiftdp_offered_sets())

  /// The names as in the manuals, in the order in which the sets appeared.
  package var names: [String] {
    (0..<Int(swiftdp_set_count)).filter { bits >> UInt64($0) & 1 == 1 }
      .compactMap { swiftdp_set_name(Int32($0)).map { String(cString: $0) } }
  }

  /// The sets that are not among others.
  package func missing(in others: InstructionSets) -> InstructionSets {
    InstructionSets(bits: bits & ~others.bits)
  }

  private func has(_ places: Int...) -> Bool { places.allSatisfy { bits >> UInt64($0) & 1 == 1 } }

  package var hasAVX2: Bool { has(Int(swiftdp_set_avx2)) }
  /// AVX-512 F, DQ, CD, BW and VL: what OpenBLAS's SkylakeX kernels need.
  package var hasAVX512: Bool {
    has(
      Int(swiftdp_set_avx512f), Int(swiftdp_set_avx512dq), Int(swiftdp_set_avx512cd),
      Int(swiftdp_set_avx512bw), Int(swiftdp_set_avx512vl))
  }
  package var hasAVX512BF16: Bool { hasAVX512 && has(Int(swiftdp_set_avx512bf16)) }
  package var hasAMXBF16: Bool { has(Int(swiftdp_set_amx_tile), Int(swiftdp_set_amx_bf16)) }
}
