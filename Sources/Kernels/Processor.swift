// What the numeric code was built for, and whether the matrix library uses all of this processor.
import Base
import CProcessor

/// The instruction sets that the numeric targets were allowed to use. It must be compiled here, since each module has
/// its own.
@inline(never)
package func builtInstructionSets() -> InstructionSets { InstructionSets(bits: swiftdp_built_sets()) }

/// The vector instructions that this binary was built for, in a word.
package var builtInstructionSet: String {
  swiftdp_built_for_avx512() != 0 ? "avx512" : swiftdp_built_for_avx2() != 0 ? "avx2" : "baseline"
}

/// The instruction sets of this processor that speed up training, with their names from the manuals.
package var instructionSets: [String] {
  let offered = InstructionSets.offered
  return [
    ("AVX2", offered.hasAVX2), ("AVX-512", offered.hasAVX512), ("avx512_bf16", offered.hasAVX512BF16),
    ("AMX", offered.hasAMXBF16),
  ].filter(\.1).map(\.0)
}

/// The value that `builtInstructionSet` would have in a swiftdp built on this processor.
package var bestInstructionSet: String {
  InstructionSets.offered.hasAVX512 ? "avx512" : InstructionSets.offered.hasAVX2 ? "avx2" : "baseline"
}

extension BLAS {
  /// OpenBLAS's kernels for AVX-512 and for AVX2.
  private static let wide = ["skylakex", "cooperlake", "sapphirerapids"]
  private static let medium = ["haswell", "zen"]

  /// Why these kernels are slower than others would be on this processor; nil if they are not.
  package var reasonWhySlow: String? {
    if isPortable || isOther { return nil }
    if isSplit {
      return OneDNN.isFaster
        ? nil : "three products of bfloat16 take longer than one of fp32 on a processor without AMX"
    }
    let name = kernelName.lowercased()
    if InstructionSets.offered.hasAVX512, !Self.wide.contains(name) {
      return "kernel \(kernelName) leaves AVX-512 unused"
    }
    if InstructionSets.offered.hasAVX2, !(Self.wide + Self.medium).contains(name) {
      return "kernel \(kernelName) leaves AVX2 unused"
    }
    return nil
  }

  /// Why these kernels are used if the user names none; see `open`.
  package static var choice: String {
    InstructionSets.offered.hasAVX512 ? "chosen for AVX-512" : "OpenBLAS's own choice"
  }
}
