// Another model whose predictions a model is kept near, or learns from.
import Base
import Datasets
import Graph
import Kernels
import Models
import Tensors

final class Teacher {
  private let replica: Replica
  let shape: SoftTargetShape
  /// What its trunk leaves of a micro-batch, [B · T, C].
  private var hidden: FlatMemory
  private let ledger: MemoryLedger?
  private let head: Int

  /// - Parameter form: how predictions are compared with its own; it knows no sizes yet.
  init(_ replica: Replica, _ form: SoftTargetShape, ledger: MemoryLedger?) {
    let description = replica.description
    let name = description.family.outputEmbedding
    guard let head = replica.store.layout.index(of: name),
      let columns = description.parameters.first(where: { $0.name == name })?.shape.last
    else { preconditionFailure("a language model has \(name)") }
    (self.replica, self.head, self.ledger) = (replica, head, ledger)
    var shape = form
    shape.columns = columns
    self.shape = shape
    hidden = FlatMemory(count: 0, label: "teacher", ledger: ledger)
  }

  /// - Throws: where hidden states are compared, and those of a model have another width.
  func check(_ model: ModelDescription) throws {
    guard shape.divergence == .hidden, model.width != shape.columns else { return }
    throw UserError(
      .usage,
      "is hidden, and the teacher has \(shape.columns) numbers for a token and the model \(model.width)",
      at: "task.loss", hint: "use kl, reverse_kl or mse")
  }

  /// Reads a micro-batch, whose predictions `targets` then gives.
  func read(_ batch: Batch) {
    let count = batch.rows * batch.length * shape.columns
    if hidden.count < count { hidden = FlatMemory(count: count, label: "teacher", ledger: ledger) }
    replica.withHidden(of: batch) { states in
      guard let base = states.baseAddress else { return }
      hidden.base.update(from: base, count: min(states.count, count))
    }
  }

  var targets: SoftTargets {
    let store = replica.store
    let family = replica.description.family
    return SoftTargets(
      x: UnsafePointer(hidden.base), columns: shape.columns,
      weight: store.matrix(head, rows: family.vocabulary, columns: shape.columns),
      type: store.multipliedType(of: head), cap: family.logitCap.map { Float($0) })
  }
}
