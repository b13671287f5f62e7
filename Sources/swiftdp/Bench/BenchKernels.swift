// swiftdp bench kernels
import ArgumentParser
import Base
import Collectives
import Kernels
import Tensors

struct BenchKernels: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    commandName: "kernels",
    abstract: "Every kernel at the shapes of a GPT-2 124M step, against matrix peak or memory copy.",
    discussion: """
      Operands are cold: calls walk through copies that no cache holds. A kernel that writes less than it
      reads may be faster than a copy.
      """)

  @Option(help: "Sequences of a micro-batch.")
  var batchSize = 4
  @Option(help: "Tokens of a sequence.")
  var length = 256
  @OptionGroup var options: BenchOptions

  func validate() throws {
    try check("--batch-size", batchSize, in: 1...1 << 12)
    try check("--length", length, in: 2...1 << 16)
  }

  func run() throws {
    try onRanks { ranks in
      let kernels = try MeasuredKernels.agree(ProductShape.usual, ranks)
      let session = try BenchSession(options, ranks)
      let engine = session.engine
      let inputs = KernelInputs(sequences: batchSize, length: length)
      let cases =
        engine.productCases(inputs) + engine.frozenCases(inputs) + engine.rowCases(inputs)
        + engine.attentionCases(inputs)
        + (engine.hasHalfDots ? engine.attentionCases(inputs, rounding: .operands) : [])
        + engine.disentangledCases(inputs)
        + engine.streamCases(inputs) + engine.updateCases(ranks)
      try session.report(
        "kernels", notes: kernels.map { ["runs take the kernels " + $0.words] } ?? [],
        limits: {
          [
            (.sgemm, MachinePeak.products(engine, ranks, type: .float32)),
            (.copy, MachinePeak.copy(engine.pool, ranks)),
          ]
        },
        rows: { try cases.map { try measure($0, session) } })
    }
  }

  private func measure(_ kernel: KernelCase, _ session: BenchSession) throws -> BenchRow {
    // Copies start at a multiple of a page.
    let stride = (kernel.count + 1023) / 1024 * 1024
    let copies = max(KernelCase.coldCount / max(stride, 1), 1)
    let memory = FlatMemory(count: stride * copies, label: "bench")
    fill(memory)
    let seconds = try session.seconds(shortest: 0.005) { call in
      kernel.run(memory.base + call % copies * stride, call)
    }
    return BenchRow(
      name: kernel.name, sizes: kernel.sizes, seconds: seconds,
      work: session.ranks.gather([kernel.work]).reduce(0) { $0 + $1[0] }, limit: kernel.limit)
  }

  /// Numbers between 0 and 1, repeated.
  private func fill(_ memory: FlatMemory) {
    var filled = min(2003, memory.count)
    for index in 0..<filled { memory.base[index] = Float(index * 769 % 2003) / 2003 }
    while filled < memory.count {
      let count = min(filled, memory.count - filled)
      (memory.base + filled).update(from: memory.base, count: count)
      filled += count
    }
  }
}
