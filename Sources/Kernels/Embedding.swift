// Rows of a table looked up by token, and their gradient scattered back in token order.
import Tensors

private let columnTile = 64

extension Engine {
  /// y [rows, columns] = factor · table[first + indices], or y += …. The indices are in range, since the data was
  /// checked.
  /// - Parameter rounds: whether rows of a table in few bits are rounded to bfloat16, as where they are multiplied.
  package func embed(
    _ indices: UnsafePointer<Int32>, from first: Int = 0, table: Operand, rows: Int, factor: Float = 1,
    rounds: Bool = false, into y: UnsafeMutablePointer<Float>, adding: Bool
  ) {
    var table = table
    // A table may be kept in fewer bits than it is multiplied in.
    if case .frozen(let frozen) = table, let halves = frozen.halves { table = .bfloat16(halves) }
    pool.run((rows + 31) / 32) { [table] tile, _ in
      for row in tile * 32..<min((tile + 1) * 32, rows) {
        let index = first + Int(indices[row])
        switch table {
        case .float32(let table):
          let source = table.base + index * table.columns
          let yC = y + row * table.columns
          forEachVector(table.columns) { $0.store($0.load(source) * factor, yC, adding: adding) }
        case .bfloat16(let table):
          let source = table.base + index * table.columns
          let yC = y + row * table.columns
          forEachVector(table.columns) { $0.store($0.load(source) * factor, yC, adding: adding) }
        case .frozen(let table):
          precondition(!adding, "rows of \(table.storage) are not added")
          let yC = y + row * table.columns
          table.widen(row: index, columns: 0..<table.columns, into: yC)
          if rounds { BFloat16.round(yC, count: table.columns) }
          if factor != 1 { forEachVector(table.columns) { $0.store($0.load(yC) * factor, yC) } }
        }
      }
    }
  }

  /// dTable[indices] += factor · dy, with rows in order: each worker owns some columns, so that equal tokens never race.
  package func embedBackward(
    _ indices: UnsafePointer<Int32>, dy: UnsafePointer<Float>, rows: Int, columns: Int,
    factor: Float = 1, dTable: UnsafeMutablePointer<Float>
  ) {
    pool.run((columns + columnTile - 1) / columnTile) { tile, _ in
      let range = tile * columnTile..<min((tile + 1) * columnTile, columns)
      for row in 0..<rows {
        let target = dTable + Int(indices[row]) * columns
        let dyC = dy + row * columns
        forEachVector(in: range) { $0.store($0.load(dyC) * factor, target, adding: true) }
      }
    }
  }
}
