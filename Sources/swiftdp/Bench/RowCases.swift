// Products of few rows, as decoding makes them, for the bench.
import Kernels
import Tensors

extension Engine {
  /// The broadest layer of a block, for one text and for a batch; one row has to read the weight, and is limited by
  /// that.
  func rowCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (columns, inner) = (inputs.columns, inputs.inner)
    let storages: [(String, FrozenStorage)] = [("fp32", .float32), ("nf4", .nf4(doubleQuantization: false))]
    return storages.flatMap { name, storage in
      [("y = x W", Transposition.none), ("y = x Wᵀ", .second)].flatMap { formula, transposition in
        [1, 8, 64].map { rows in
          let (wRows, wColumns) = transposition == .none ? (columns, inner) : (inner, columns)
          let bytes = storage.bytes(rows: wRows, columns: wColumns)
          let codeCount = (bytes.codes + 63) / 64 * 16
          let count = codeCount + (bytes.scales + 63) / 64 * 16
          let activations = rows * (columns + inner)
          return KernelCase(
            name: "RowProduct.multiply \(formula), \(name)",
            sizes: [("m", rows), ("n", inner), ("k", columns)], limit: rows == 1 ? .copy : .sgemm,
            work: rows == 1
              ? Double(bytes.codes + bytes.scales + 4 * activations)
              : 2 * Double(rows) * Double(inner) * Double(columns), count: count + activations
          ) { operands, _ in
            let x = operands + count
            let w = FrozenMatrix(
              storage, rows: wRows, columns: wColumns, codes: operands, scales: operands + codeCount)
            byRow.multiply(
              .float32(ConstMatrix(x, rows: rows, columns: columns)),
              storage == .float32
                ? .float32(ConstMatrix(operands, rows: wRows, columns: wColumns)) : .frozen(w), transposition,
              into: MutableMatrix(x + rows * columns, rows: rows, columns: inner))
          }
        }
      }
    }
  }
}
