// Whose matrix products a run takes.
import Kernels

package enum Arithmetic: String, CaseIterable, Sendable {
  /// The libraries' kernels that are fastest on the processor, which round differently from one processor to another.
  case native
  /// Products of our own, which give the same bits on every processor.
  case portable
  /// fp32 by three products of bfloat16 (`SplitProduct.swift`).
  case bf16x3

  /// What `Engine` calls them.
  /// - Parameter named: OpenBLAS's kernels that were asked for; nil for the best ones.
  package func kernel(named: String? = nil) -> String? {
    switch self {
    case .native: named
    case .portable: BLAS.portableName
    case .bf16x3: BLAS.splitName
    }
  }
}
