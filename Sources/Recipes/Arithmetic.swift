// Whose matrix products a run takes.
import Kernels

package enum Arithmetic: String, CaseIterable, Sendable {
  /// The libraries' kernels that are fastest on the processor, which round differently from one processor to another.
  case native
  /// Products of our own, which give the same bits on every processor.
  case portable

  /// What `Engine` calls them.
  /// - Parameter named: OpenBLAS's kernels that were asked for; nil for the best ones.
  package func kernel(named: String? = nil) -> String? { self == .portable ? BLAS.portableName : named }
}
