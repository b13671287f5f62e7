// A table that the adaptation adds, as a value that operations read.
import Kernels
import Tensors

extension Graph {
  /// - Parameter inCache: whether the first run of a text puts it into the cache, where later ones find it.
  /// - Returns: [rows, columns].
  func addedTable(
    _ name: String, rows: Int, columns: Int, initial: Initial, inCache: Bool = false
  ) -> Value {
    append(
      AddedTable(count: rows * columns, cache: inCache ? cache : nil),
      parameters: [addedParameter(name, [rows, columns], initial: initial)], columns: columns, rows: rows)
  }
}

struct AddedTable: Operation {
  let count: Int
  /// The cache that holds it once a text has begun.
  let cache: KeyValueCache?
  var keeps: Keeps { Keeps() }

  func forward(_ frame: Frame) {
    if let cache, !cache.begins { return }
    frame.engine.copy(frame.added(0), count: count, into: frame.output(0))
  }

  func backward(_ frame: Frame) {
    guard let dTable = frame.weightGradient(0) else { return }
    frame.engine.copy(frame.outputGradient(0), count: count, into: dTable.base, adding: dTable.adding)
  }
}
