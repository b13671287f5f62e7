// Frozen weights, for the bench: what widening a storage takes, alone and inside a product.
import Kernels
import Tensors

extension Engine {
  private static let storages: [(name: String, storage: FrozenStorage)] = [
    ("int8", .int8), ("nf4", .nf4(doubleQuantization: false)),
    ("nf4, scales quantised", .nf4(doubleQuantization: true)),
  ]

  /// The broadest layer of a block; its codes and scales are whatever bits the operands have.
  func frozenCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns, inner) = (inputs.rows, inputs.columns, inputs.inner)
    return Self.storages.flatMap { name, storage in
      let bytes = storage.bytes(rows: inner, columns: columns)
      // Whole cache lines.
      let codeCount = (bytes.codes + 63) / 64 * 16
      let count = codeCount + (bytes.scales + 63) / 64 * 16
      func matrix(_ operands: UnsafeMutablePointer<Float>, rows: Int, columns: Int) -> FrozenMatrix {
        FrozenMatrix(
          storage, rows: rows, columns: columns, codes: operands, scales: operands + codeCount)
      }
      let widening = KernelCase(
        name: "FrozenStorage.widen \(name)", sizes: [("rows", columns), ("columns", inner)], limit: .copy,
        work: Double(bytes.codes + bytes.scales + 4 * columns * inner), count: count + pool.threads * inner
      ) { operands, _ in
        let matrix = matrix(operands, rows: columns, columns: inner)
        pool.run(columns) { row, worker in
          matrix.widen(row: row, columns: 0..<inner, into: operands + count + worker * inner)
        }
      }
      let products = [("y = x W", Transposition.none), ("y = x Wᵀ", .second)].map { formula, transposition in
        KernelCase(
          name: "FrozenProduct.multiply \(formula), \(name)",
          sizes: [("m", rows), ("n", inner), ("k", columns)], limit: .sgemm,
          work: 2 * Double(rows) * Double(inner) * Double(columns),
          count: count + rows * columns + rows * inner
        ) { operands, _ in
          let x = operands + count
          let w = matrix(
            operands, rows: transposition == .none ? columns : inner,
            columns: transposition == .none ? inner : columns)
          multiply(
            .float32(ConstMatrix(x, rows: rows, columns: columns)), .frozen(w), transposition,
            into: MutableMatrix(x + rows * columns, rows: rows, columns: inner))
        }
      }
      return [widening] + products
    }
  }
}
