// What this processor can do, and whether the matrix library makes use of it.
import CProcessor

/// The instruction sets of this processor that speed up training, by the names of the manuals.
package var instructionSets: [String] {
  [
    ("AVX2", swiftdp_has_avx2()), ("AVX-512", swiftdp_has_avx512()),
    ("avx512_bf16", swiftdp_has_avx512_bf16()), ("AMX", swiftdp_has_amx_bf16()),
  ].filter { $0.1 != 0 }.map(\.0)
}

/// What a swiftdp built on this processor would be built for, as `builtInstructionSet`.
package var bestInstructionSet: String {
  swiftdp_has_avx512() != 0 ? "avx512" : swiftdp_has_avx2() != 0 ? "avx2" : "baseline"
}

extension BLAS {
  /// OpenBLAS's kernels for AVX-512 and for AVX2.
  private static let wide = ["skylakex", "cooperlake", "sapphirerapids"]
  private static let medium = ["haswell", "zen"]

  /// Why these kernels are slower than others would be on this processor; nil where they are not.
  package var reasonWhySlow: String? {
    let name = kernelName.lowercased()
    if swiftdp_has_avx512() != 0, !Self.wide.contains(name) {
      return "kernel \(kernelName) leaves AVX-512 unused"
    }
    if swiftdp_has_avx2() != 0, !(Self.wide + Self.medium).contains(name) {
      return "kernel \(kernelName) leaves AVX2 unused"
    }
    return nil
  }

  /// Why kernels are those they are, where the user names none; see `open`.
  package static var choice: String {
    swiftdp_has_avx512() != 0 ? "chosen for AVX-512" : "OpenBLAS's own choice"
  }
}
