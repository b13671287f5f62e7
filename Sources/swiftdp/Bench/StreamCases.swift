// Kernels that memory limits, for the bench. Bytes are those that must be read and written once.
import Collectives
import Kernels
import Optimizers
import Sharding
import Tensors

extension Engine {
  func streamCases(_ inputs: KernelInputs) -> [KernelCase] {
    normCases(inputs) + activationCases(inputs) + elementCases(inputs) + magnitudeCases(inputs)
      + embeddingCases(inputs) + packingCases(inputs)
  }

  private func packingCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns) = (inputs.rows, inputs.columns)
    let count = rows * columns
    return [ActivationStorage.bfloat16, .int8].flatMap { storage in
      // The bytes of what is packed are less than those of an operand; they count as one.
      [
        stream("ActivationStorage.pack (\(storage.rawValue))", rows: rows, columns: columns, operands: 2) {
          x, _ in
          pack(x, count: count, as: storage, into: x + count)
        },
        stream("ActivationStorage.unpack (\(storage.rawValue))", rows: rows, columns: columns, operands: 2) {
          x, _ in
          unpack(x, count: count, as: storage, into: x + count)
        },
      ]
    }
  }

  /// - Parameters:
  ///   - operands: matrices of [rows, columns] that the kernel reads or writes.
  ///   - beside: further numbers that do not count, such as a gain.
  private func stream(
    _ name: String, rows: Int, columns: Int, operands: Int, beside: Int = 0,
    _ run: @escaping (_ operands: UnsafeMutablePointer<Float>, _ call: Int) -> Void
  ) -> KernelCase {
    KernelCase(
      name: name, sizes: [("rows", rows), ("columns", columns)], limit: .copy,
      work: Double(operands * rows * columns * MemoryLayout<Float>.size),
      count: operands * rows * columns + beside, run: run)
  }

  private func normCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns) = (inputs.rows, inputs.columns)
    let count = rows * columns
    let beside = 2 * columns + 2 * rows
    let forward = [true, false].map { centred in
      stream(
        "Norms.norm " + (centred ? "(layer)" : "(RMS)"), rows: rows, columns: columns, operands: 2,
        beside: beside
      ) { x, _ in
        let gain = x + 2 * count
        norm(
          x: x, gain: gain, bias: centred ? gain + columns : nil, centred: centred, epsilon: 1e-5, rows: rows,
          columns: columns, y: x + count, statistics: gain + 2 * columns)
      }
    }
    let input = stream(
      "Norms.normBackwardInput", rows: rows, columns: columns, operands: 3, beside: beside
    ) { x, _ in
      let gain = x + 3 * count
      normBackwardInput(
        x: x, gain: gain, statistics: gain + 2 * columns, centred: true, dy: x + count, rows: rows,
        columns: columns, dx: x + 2 * count, adding: false)
    }
    let parameters = stream(
      "Norms.normBackwardParameters", rows: rows, columns: columns, operands: 2, beside: beside
    ) { x, _ in
      let gain = x + 2 * count
      normBackwardParameters(
        x: x, statistics: gain + 2 * columns, dy: x + count, rows: rows, columns: columns, dGain: gain,
        dBias: gain + columns, adding: false)
    }
    return forward + [input, parameters]
  }

  /// SwiGLU takes two matrices of the feed-forward width.
  private func activationCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns) = (inputs.rows, inputs.inner)
    let count = rows * columns
    return [
      stream("Activations.gelu", rows: rows, columns: columns, operands: 2) { x, _ in
        gelu(x, count: count, into: x + count)
      },
      stream("Activations.geluBackward", rows: rows, columns: columns, operands: 3) { x, _ in
        geluBackward(x, dy: x + count, count: count, dx: x + 2 * count, adding: false)
      },
      stream("GaussianGELU.gaussianGELU", rows: rows, columns: columns, operands: 2) { x, _ in
        gaussianGELU(x, count: count, into: x + count)
      },
      stream("GaussianGELU.gaussianGELUBackward", rows: rows, columns: columns, operands: 3) { x, _ in
        gaussianGELUBackward(x, dy: x + count, count: count, dx: x + 2 * count, adding: false)
      },
      stream("Tanh.tanh", rows: rows, columns: columns, operands: 2) { x, _ in
        tanh(x, count: count, into: x + count)
      },
      stream("Tanh.tanhBackward", rows: rows, columns: columns, operands: 3) { y, _ in
        tanhBackward(y, dy: y + count, count: count, dx: y + 2 * count, adding: false)
      },
      stream("LabelLoss.labelLoss", rows: rows, columns: inputs.columns, operands: 2, beside: rows + 8192) {
        z, _ in
        let labels = inputs.columns
        let rowLabels = z + 2 * rows * labels
        // Numbers between 0 and 1: every row has the first label.
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * labels) { counts in
          counts.update(repeating: 0)
          _ = labelLoss(
            z, rows: rows, labels: labels, label: { Int(rowLabels[$0]) }, scale: 1, dz: z + rows * labels,
            counts: LabelCounts(counts.baseAddress!, labels: labels))
        }
      },
      stream("ReLU.relu", rows: rows, columns: columns, operands: 2) { x, _ in
        relu(x, count: count, into: x + count)
      },
      stream("ReLU.reluBackward", rows: rows, columns: columns, operands: 3) { x, _ in
        reluBackward(x, dy: x + count, count: count, dx: x + 2 * count, adding: false)
      },
      stream("SiLU.silu", rows: rows, columns: columns, operands: 2) { x, _ in
        silu(x, count: count, into: x + count)
      },
      stream("SiLU.siluBackward", rows: rows, columns: columns, operands: 3) { x, _ in
        siluBackward(x, dy: x + count, count: count, dx: x + 2 * count, adding: false)
      },
      stream("GatedGELU.geGLU", rows: rows, columns: columns, operands: 3) { x, _ in
        geGLU(x, rows: rows, columns: columns, into: x + 2 * count)
      },
      stream("GatedGELU.geGLUBackward", rows: rows, columns: columns, operands: 5) { x, _ in
        geGLUBackward(
          x, dy: x + 2 * count, rows: rows, columns: columns, dx: x + 3 * count, adding: false)
      },
      stream("Activations.swiGLU", rows: rows, columns: columns, operands: 3) { x, _ in
        swiGLU(x, rows: rows, columns: columns, into: x + 2 * count)
      },
      stream("Activations.swiGLUBackward", rows: rows, columns: columns, operands: 5) { x, _ in
        swiGLUBackward(
          x, dy: x + 2 * count, rows: rows, columns: columns, dx: x + 3 * count, adding: false)
      },
    ]
  }

  private func elementCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns, inner) = (inputs.rows, inputs.columns, inputs.inner)
    let count = rows * columns
    let mask = Dropout(probability: 0.1, seed: 0, step: 1, site: 0)
    return [
      // Read and written in place: the bytes of two operands.
      stream("Bias.addBiasHere", rows: rows, columns: inner, operands: 2) { y, _ in
        // In tiles, as products process them.
        pool.run((rows + 31) / 32) { tile, _ in
          let first = tile * 32
          addBiasHere(
            y + rows * inner,
            to: MutableMatrix(y + first * inner, rows: min(32, rows - first), columns: inner))
        }
      },
      stream("Bias.sumRows", rows: rows, columns: inner, operands: 1, beside: inner) { dy, _ in
        sumRows(
          dy, rows: rows, columns: inner, stride: inner, into: dy + rows * inner, adding: false)
      },
      stream("Dropout.dropout", rows: rows, columns: columns, operands: 2) { x, _ in
        dropout(
          x, mask, sampleIDs: inputs.sampleIDs, length: inputs.length, rows: rows, columns: columns,
          into: x + count)
      },
      stream("EmbeddingNoise.addNoise", rows: rows, columns: columns, operands: 2) { y, _ in
        addNoise(
          EmbeddingNoise(magnitude: 0.1, seed: 0, step: 1, site: 0), sampleIDs: inputs.sampleIDs,
          length: inputs.length, rows: rows, columns: columns, to: y)
      },
      stream("Elementwise.add", rows: rows, columns: columns, operands: 3) { x, _ in
        add(x, x + count, count: count, into: x + 2 * count)
      },
      stream("Elementwise.copy", rows: rows, columns: columns, operands: 2) { x, _ in
        copy(x, count: count, into: x + count)
      },
      stream("Elementwise.clear", rows: rows, columns: columns, operands: 1) { y, _ in clear(y, count: count)
      },
      stream("SumInOrder.addInOrder", rows: rows, columns: columns, operands: 3) { x, _ in
        withUnsafeTemporaryAllocation(of: SumPart.self, capacity: 2) { parts in
          for part in 0..<2 { parts[part] = SumPart(x + part * count, .float32) }
          addInOrder(
            UnsafeBufferPointer(parts), count: count, into: x + 2 * count, adding: false, grain: 1024,
            squares: nil)
        }
      },
      stream("Rounding.narrow", rows: rows, columns: columns, operands: 2) { x, _ in
        narrow(
          x, count: count, into: UnsafeMutableRawPointer(x + count).assumingMemoryBound(to: BFloat16.self))
      },
      stream(
        "Rotary.rotate", rows: rows, columns: columns, operands: 2, beside: inputs.length * inputs.headWidth
      ) { x, _ in
        rotate(
          x, heads: inputs.heads, headStride: inputs.headWidth, width: inputs.headWidth, rows: rows,
          stride: columns, table: x + 2 * count, positions: inputs.positions, inverse: false)
      },
    ]
  }

  /// What DoRA takes beside the products of LoRA, and IA3.
  private func magnitudeCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns, inner, rank) = (inputs.rows, inputs.columns, inputs.inner, 8)
    let count = rows * columns
    return [
      stream("ColumnFactors.scaleColumns", rows: rows, columns: columns, operands: 2, beside: columns) {
        x, _ in
        scaleColumns(ConstMatrix(x, rows: rows, columns: columns), by: x + 2 * count, into: x + count)
      },
      stream("ColumnFactors.multiplyColumns", rows: rows, columns: columns, operands: 2, beside: columns) {
        x, _ in
        multiplyColumns(
          ConstMatrix(x, rows: rows, columns: columns), by: x + 2 * count,
          into: MutableMatrix(x + count, rows: rows, columns: columns), adding: false)
      },
      stream("ColumnFactors.columnDots", rows: rows, columns: columns, operands: 2, beside: 2 * columns) {
        x, _ in
        columnDots(
          ConstMatrix(x, rows: rows, columns: columns), x + count, times: x + 2 * count,
          into: x + 2 * count + columns, adding: false)
      },
      stream(
        "OutputNorms.outputNorms", rows: inner, columns: columns, operands: 1,
        beside: rank * (columns + inner) + inner
      ) { w, _ in
        let a = w + inner * columns
        let b = a + rank * columns
        outputNorms(
          of: .float32(ConstMatrix(w, rows: inner, columns: columns)), .rows,
          a: ConstMatrix(a, rows: rank, columns: columns), b: ConstMatrix(b, rows: inner, columns: rank),
          scale: 1, rounding: false, scratch: b, into: b + rank * inner)
      },
    ]
  }

  /// A table of the vocabulary's size, of which only the rows of the tokens are touched.
  private func embeddingCases(_ inputs: KernelInputs) -> [KernelCase] {
    let (rows, columns) = (inputs.rows, inputs.columns)
    let table = FlatMemory(count: inputs.vocabulary * columns, label: "bench")
    table.base.update(repeating: 0.5, count: table.count)
    return [
      stream("Embedding.embed", rows: rows, columns: columns, operands: 2) { y, call in
        embed(
          inputs.tokens(call),
          table: .float32(ConstMatrix(table.base, rows: inputs.vocabulary, columns: columns)), rows: rows,
          into: y, adding: false)
      },
      stream("Embedding.embedBackward", rows: rows, columns: columns, operands: 3) { dy, call in
        embedBackward(
          inputs.tokens(call), dy: dy, rows: rows, columns: columns, dTable: table.base)
      },
    ]
  }

  /// The work of a step on a bucket of gradients: the norm, over all ranks, and the update.
  func updateCases(_ ranks: Ranks) -> [KernelCase] {
    let count = 4 << 20
    let update = stream("AdamW.update", rows: 1, columns: count, operands: 7) { w, _ in
      AdamW().update(
        UpdateStretch(
          weights: w, gradients: w + count, states: [w + 2 * count, w + 3 * count], count: count,
          decays: true),
        step: 1, learningRate: 1e-4, gradientScale: 1, engine: self)
    }
    // Four buckets per rank, which no cache holds.
    let layout = ParameterLayout(specs: [
      ParameterSpec(name: "line", shape: [4 * count * ranks.count], decays: true, initial: .zeros)
    ])
    let map = ShardMap(layout: layout, stage: .optimizer, rank: ranks.rank, ranks: ranks.count)
    let sum = GradientSum(map: map, ranks: ranks, engine: self, room: 0, ledger: nil)
    sum.memory.base.update(repeating: 1, count: map.heldCount)
    let norm = KernelCase(
      name: "GradientSum.squaredNorm", sizes: [("rows", 1), ("columns", map.heldCount)], limit: .copy,
      work: Double(map.heldCount * MemoryLayout<Float>.size), count: 0
    ) { _, _ in _ = sum.squaredNorm() }
    return [update, norm]
  }
}
