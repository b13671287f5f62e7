// A kernel as the bench calls it, and its inputs.
import Base
import Kernels

/// One kernel at one shape.
struct KernelCase {
  /// The file and the function.
  let name: String
  let sizes: [(name: String, value: Int)]
  let limit: BenchLimit
  /// Operations if the limit is that of products, otherwise bytes that must be read and written.
  let work: Double
  /// How many numbers its operands have in all.
  let count: Int
  /// - Parameter operands: `count` numbers between 0 and 1, or what an earlier call left there.
  let run: (_ operands: UnsafeMutablePointer<Float>, _ call: Int) -> Void

  /// After this many other numbers, an operand is in no cache any more.
  static let coldCount = 48 << 20
}

/// The shapes of a GPT-2 124M step, and the inputs of its kernels beside numbers.
final class KernelInputs {
  let sequences: Int
  let length: Int
  let columns = 768
  let inner = 3072
  let heads = 12
  let vocabulary = 50257
  var rows: Int { sequences * length }
  var headWidth: Int { columns / heads }

  /// [batches, rows], random.
  private let tokens: UnsafeMutablePointer<Int32>
  private let batches = 64
  /// [rows], counted within each sequence.
  let positions: UnsafeMutablePointer<Int32>
  /// [rows], zero: every token sees its sequence from the start up to itself.
  private let firstKeys: UnsafeMutablePointer<Int32>
  private let endKeys: UnsafeMutablePointer<Int32>
  var intervals: KeyIntervals { KeyIntervals(first: firstKeys, end: endKeys) }
  /// [sequences]
  let sampleIDs: UnsafeMutablePointer<Int32>

  init(sequences: Int, length: Int) {
    self.sequences = sequences
    self.length = length
    let rows = sequences * length
    tokens = .allocate(capacity: batches * rows)
    positions = .allocate(capacity: rows)
    firstKeys = .allocate(capacity: rows)
    endKeys = .allocate(capacity: rows)
    sampleIDs = .allocate(capacity: sequences)
    var stream = PhiloxStream(seed: 0, stream: 0)
    for index in 0..<batches * rows { tokens[index] = Int32(stream.below(vocabulary)) }
    for row in 0..<rows {
      positions[row] = Int32(row % length)
      firstKeys[row] = 0
      endKeys[row] = Int32(row % length + 1)
    }
    for sequence in 0..<sequences { sampleIDs[sequence] = Int32(sequence) }
  }

  /// [rows], different ones in every call, so that their rows of a table are not in the cache.
  func tokens(_ call: Int) -> UnsafePointer<Int32> { UnsafePointer(tokens + call % batches * rows) }

  deinit {
    for memory in [tokens, positions, firstKeys, endKeys, sampleIDs] { memory.deallocate() }
  }
}
