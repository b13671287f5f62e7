// Whether a host can hold a model at all, before its layout is made.
import Base
import Kernels
import Models
import Tensors

extension ModelDescription {
  /// - Parameters:
  ///   - type: what the model is kept in; `frozen`: and those of its weights that are not trained.
  ///   - memory: the memory of a host, in bytes; by default that of this machine.
  /// - Throws: if that memory is too small, before anything is allocated.
  package func checkFits(
    folder: String, type: ElementType, frozen: FrozenForm, memory: Double = usableMemory
  ) throws {
    let least = min(
      Double(type.bytes), frozen.projections.bytesPerNumber, frozen.embeddings?.bytesPerNumber ?? 4)
    try checkFits(folder: folder, copies: least / 4, memory: memory)
  }

  /// - Parameters:
  ///   - copies: the least multiple of the weights' fp32 bytes that is needed.
  ///   - memory: the memory of a host, in bytes; by default that of this machine.
  /// - Throws: if that memory is too small, before anything is allocated.
  package func checkFits(folder: String, copies: Double, memory: Double = usableMemory) throws {
    // In floating point, since the sizes of a hostile config.json may overflow.
    let bytes = parameters.reduce(0.0) { $0 + $1.shape.reduce(4.0) { $0 * Double($1) } } * copies
    guard bytes > memory else { return }
    throw UserError(
      .data, "needs at least \(gigabytes(bytes)), and a host has \(gigabytes(memory))", at: folder,
      hint: "more hosts with fewer ranks each, or a smaller model")
  }
}
