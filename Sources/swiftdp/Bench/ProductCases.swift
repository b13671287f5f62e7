// Kernels that consist mainly of matrix products, for the bench.
import Kernels
import Tensors

extension Engine {
  /// A linear layer forward, and the gradients of its input and its weight, at the four shapes of a block. Also the
  /// projection onto the vocabulary with the loss.
  func productCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns) = (inputs.rows, inputs.columns)
    let layers = [
      (columns, 3 * columns), (columns, columns), (columns, inputs.inner), (inputs.inner, columns),
    ]
    let products = layers.flatMap { input, output in
      [
        product("y = x W", .none, m: rows, n: output, k: input),
        product("dx = dy Wᵀ", .second, m: rows, n: input, k: output),
        product("dW = xᵀ dy", .first, m: input, n: output, k: rows),
      ]
    }
    return products + [crossEntropy(inputs, training: false), crossEntropy(inputs, training: true)]
  }

  private func product(
    _ formula: String, _ transposition: Transposition, m: Int, n: Int, k: Int
  ) -> KernelCase {
    KernelCase(
      name: "MatrixProduct.multiply \(formula)", sizes: [("m", m), ("n", n), ("k", k)], limit: .sgemm,
      work: 2 * Double(m) * Double(n) * Double(k), count: m * k + k * n + m * n
    ) { a, _ in
      let b = a + m * k
      multiply(
        transposition == .first ? ConstMatrix(a, rows: k, columns: m) : ConstMatrix(a, rows: m, columns: k),
        transposition == .second ? ConstMatrix(b, rows: n, columns: k) : ConstMatrix(b, rows: k, columns: n),
        transposition, into: MutableMatrix(b + k * n, rows: m, columns: n))
    }
  }

  private func crossEntropy(_ inputs: KernelInputs, training: Bool) -> KernelCase {
    let (rows, columns, vocabulary) = (inputs.rows, inputs.columns, inputs.vocabulary)
    let shape = CrossEntropyShape(rows: rows, columns: columns, vocabulary: vocabulary)
    let (activations, weights) = (rows * columns, vocabulary * columns)
    let products = training ? 3.0 : 1
    return KernelCase(
      name: "CrossEntropy.crossEntropy" + (training ? " with gradients" : ""),
      sizes: [("rows", rows), ("columns", columns), ("vocabulary", vocabulary)], limit: .sgemm,
      work: products * 2 * Double(rows) * Double(columns) * Double(vocabulary),
      count: 2 * activations + 2 * weights + shape.scratchCount
    ) { x, call in
      let weight = x + activations
      let dx = weight + weights
      let dWeight = dx + activations
      _ = crossEntropy(
        shape, x: x, weight: .float32(ConstMatrix(weight, rows: vocabulary, columns: columns)),
        targets: inputs.tokens(call), scale: 1 / Float(rows),
        dx: training ? dx : nil,
        dWeight: training ? dWeight : nil, scratch: dWeight + weights)
    }
  }

  /// Causal attention. Its products count only for the keys that are seen; there are five in backward, one of which
  /// computes the scores again.
  /// - Parameter rounding: of operands, which has kernels of its own.
  func attentionCases(
    _ inputs: KernelInputs, rounding: AttentionShape.Rounding = .none
  ) -> [KernelCase] {
    let kind = rounding == .none ? "" : "Half"
    let (rows, columns, width) = (inputs.rows, inputs.columns, 3 * inputs.columns)
    let shape = AttentionShape(
      sequences: inputs.sequences, queries: inputs.length, keys: inputs.length, heads: inputs.heads,
      keyHeads: inputs.heads, headWidth: inputs.headWidth, queryStride: width, keyStride: width,
      outputStride: columns, scale: 1 / Float(inputs.headWidth).squareRoot(), rounding: rounding)
    let logCount = rows * inputs.heads
    let scratchCount = shape.scratchCount(threads: pool.threads)
    let backwardScratchCount = shape.backwardScratchCount(threads: pool.threads)
    let sizes = [
      ("sequences", inputs.sequences), ("tokens", inputs.length), ("heads", inputs.heads),
      ("width", inputs.headWidth),
    ].map { (name: $0.0, value: $0.1) }
    let seen = Double(inputs.sequences) * Double(inputs.length) * Double(inputs.length + 1) / 2
    let product = 2 * seen * Double(columns)
    let forward = KernelCase(
      name: "\(kind)Attention.attention", sizes: sizes, limit: .sgemm, work: 2 * product,
      count: rows * width + rows * columns + logCount + scratchCount
    ) { qkv, _ in
      let output = qkv + rows * width
      attention(
        shape, q: qkv, k: qkv + columns, v: qkv + 2 * columns, intervals: inputs.intervals, dropout: nil,
        sampleIDs: inputs.sampleIDs, output: output, logSums: output + rows * columns,
        scratch: output + rows * columns + logCount)
    }
    let backward = KernelCase(
      name: "\(kind)AttentionBackward.attentionBackward", sizes: sizes, limit: .sgemm, work: 5 * product,
      count: 2 * rows * width + 2 * rows * columns + logCount + backwardScratchCount
    ) { qkv, _ in
      let dqkv = qkv + rows * width
      let output = dqkv + rows * width
      let dOutput = output + rows * columns
      let logSums = dOutput + rows * columns
      attentionBackward(
        shape,
        AttentionGradients(
          q: qkv, k: qkv + columns, v: qkv + 2 * columns, output: output, dOutput: dOutput,
          logSums: logSums, dq: dqkv, dk: dqkv + columns, dv: dqkv + 2 * columns),
        intervals: inputs.intervals, dropout: nil, sampleIDs: inputs.sampleIDs, scratch: logSums + logCount)
    }
    return [forward, backward]
  }

  /// DeBERTa's attention, whose scores depend on distances too.
  func disentangledCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns, width) = (inputs.rows, inputs.columns, 3 * inputs.columns)
    let distances = 64
    let shape = DisentangledShape(
      sequences: inputs.sequences, length: inputs.length, heads: inputs.heads, headWidth: inputs.headWidth,
      stride: width, distances: distances, distanceStride: columns,
      scale: 1 / Float(3 * inputs.headWidth).squareRoot())
    let places = (0..<2 * inputs.length - 1).map { Int32($0 % distances) }
    let tables = 2 * distances * columns
    let logCount = rows * inputs.heads
    let sizes = [
      ("sequences", inputs.sequences), ("tokens", inputs.length), ("heads", inputs.heads),
      ("width", inputs.headWidth),
    ].map { (name: $0.0, value: $0.1) }
    // Scores and weighted values, and the products of queries and keys with the table.
    let work = 4 * Double(rows) * Double(columns) * Double(inputs.length + distances)
    return [
      KernelCase(
        name: "DisentangledAttention.disentangledAttention", sizes: sizes, limit: .sgemm, work: work,
        count: rows * width + tables + rows * columns + logCount + shape.scratchCount * pool.threads
      ) { qkv, _ in
        let table = qkv + rows * width
        let output = table + tables
        places.withUnsafeBufferPointer {
          disentangledAttention(
            shape,
            DisentangledOperands(
              q: qkv, k: qkv + columns, v: qkv + 2 * columns, distanceKeys: table,
              distanceQueries: table + distances * columns, rows: $0.baseAddress!, intervals: inputs.intervals
            ),
            dropout: nil, sampleIDs: inputs.sampleIDs, output: output, logSums: output + rows * columns,
            scratch: output + rows * columns + logCount)
        }
      }
    ]
  }
}
