// Memory that shows what a kernel should not have touched, and runs with several numbers of threads.
import Kernels
import Reference
import Testing

/// Floats one float past the start of a cache line, between guards that no kernel may write to.
final class Floats {
  private static let guardCount = 33
  private static let guardBits: UInt32 = 0x7FC0_BEEF
  private let memory: UnsafeMutablePointer<Float>
  let count: Int

  init(_ values: [Float]) {
    count = values.count
    let total = count + 2 * Self.guardCount
    let raw = UnsafeMutableRawPointer.allocate(byteCount: total * 4, alignment: 64)
    memory = raw.bindMemory(to: Float.self, capacity: total)
    memory.initialize(repeating: Float(bitPattern: Self.guardBits), count: total)
    for (index, value) in values.enumerated() { memory[Self.guardCount + index] = value }
  }

  /// An output: NaN until it is written.
  convenience init(count: Int, of value: Float = .nan) { self.init([Float](repeating: value, count: count)) }

  deinit { memory.deallocate() }

  var base: UnsafeMutablePointer<Float> { memory + Self.guardCount }
  var input: UnsafePointer<Float> { UnsafePointer(base) }

  /// The numbers, after a check of the guards.
  var values: [Float] {
    let outside = [0..<Self.guardCount, Self.guardCount + count..<count + 2 * Self.guardCount]
    let intact = outside.allSatisfy { $0.allSatisfy { memory[$0].bitPattern == Self.guardBits } }
    #expect(intact, "a kernel wrote outside of \(count) elements")
    return (0..<count).map { base[$0] }
  }
}

/// Runs on one, two and three threads and expects the same bits from each; returns the results.
/// - Parameter halfKernels: what multiplies bfloat16; nil for the fastest.
func onEveryEngine(
  halfKernels: HalfKernels? = nil, _ body: (Engine) throws -> [Floats]
) throws -> [[Float]] {
  var first: [[Float]] = []
  var ran = 0
  for threads in 1...3 {
    let results = try body(try Engine(threads: threads, halfKernels: halfKernels)).map(\.values)
    if threads == 1 { first = results }
    #expect(results.count == first.count)
    for (index, pair) in zip(results, first).enumerated() {
      #expect(sameBits(pair.0, pair.1), "result \(index) on \(threads) threads")
    }
    ran += 1
  }
  #expect(ran == 3)
  return first
}

/// Expects `got` within `tolerance` of the largest magnitude of `want`, or of `scale`.
func expectClose(
  _ got: [Float], _ want: [Double], _ tolerance: Double, scale: Double? = nil, _ what: String,
  at location: SourceLocation = #_sourceLocation
) {
  let error = worstError(got, want, scale: scale)
  #expect(error <= tolerance, "\(what)", sourceLocation: location)
}
