// Rows of bytes: sums of whole numbers, whatever the tiles.
import Kernels
import Reference
import Testing

@Suite struct ByteRowsTests {
  /// Blocks, width, vectors that are asked about: fewer and more than fill a tile, and a width that ends within a group.
  private static let sizes = [(0, 5, 3), (1, 1, 1), (9, 30, 1), (3, 128, 2), (5, 67, 13), (2, 384, 64)]

  @Test func findsTheRowsWhoseSumsAreLarge() {
    var draw = Draw(410)
    var (ran, found) = (0, 0)
    for (blocks, width, asked) in Self.sizes {
      let size = blocks * ByteRows.block(width)
      // The largest numbers too, whose sums must not saturate.
      let codes = draw.floats(max(size, 1)).map { UInt8(clamping: Int(128 + $0 * 200)) }
      let length = ByteRows.vector(width)
      let vectors = draw.floats(70 * length).map { Int8(clamping: Int($0 * 200)) }
      let which = (0..<asked).map { Int32($0 * 7 % 70) }
      var expected: Set<[Int]> = []
      let least = (0..<asked).map { Int32(($0 - 5) * 3000) }
      var sums = [Int32](repeating: 0, count: blocks * ByteRows.rows)
      for (place, vector) in which.enumerated() {
        for row in 0..<blocks * ByteRows.rows {
          sums[row] = (0..<length).reduce(0) { sum, column in
            sum + Int32(codes[ByteRows.place(row: row, column: column, width: width)])
              * Int32(vectors[Int(vector) * length + column])
          }
          if sums[row] >= least[place] { expected.insert([place, row]) }
        }
        #expect(
          self.sums(codes, blocks, width, Array(vectors[Int(vector) * length..<(Int(vector) + 1) * length]))
            == sums)
      }
      #expect(hits(codes, blocks, width, vectors, which, least) == expected)
      (ran, found) = (ran + 1, found + expected.count)
    }
    #expect(ran == Self.sizes.count && found > 100)
  }

  private func sums(_ codes: [UInt8], _ blocks: Int, _ width: Int, _ vector: [Int8]) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: blocks * ByteRows.rows) { sums, filled in
      filled = blocks * ByteRows.rows
      guard filled > 0 else { return }
      codes.withUnsafeBufferPointer { codes in
        vector.withUnsafeBufferPointer {
          ByteRows(codes.baseAddress!, blocks: blocks, width: width).sums(
            with: $0.baseAddress!, into: sums.baseAddress!)
        }
      }
    }
  }

  /// Places of vectors, and rows, each once.
  private func hits(
    _ codes: [UInt8], _ blocks: Int, _ width: Int, _ vectors: [Int8], _ which: [Int32], _ least: [Int32]
  ) -> Set<[Int]> {
    var found = [ByteRows.Found](repeating: .init(), count: blocks * which.count + 1)
    let count = codes.withUnsafeBufferPointer { codes in
      vectors.withUnsafeBufferPointer { vectors in
        found.withUnsafeMutableBufferPointer {
          ByteRows(codes.baseAddress!, blocks: blocks, width: width).find(
            vectors.baseAddress!, which, least: least, count: which.count, into: $0.baseAddress!)
        }
      }
    }
    var hits: Set<[Int]> = []
    for some in found.prefix(count) {
      for bit in 0..<ByteRows.rows where some.rows >> UInt32(bit) & 1 == 1 {
        let isNew = hits.insert([Int(some.vector), Int(some.block) * ByteRows.rows + bit]).inserted
        #expect(isNew)
      }
    }
    return hits
  }

  @Test func theLargestOfSomeNumbers() {
    var draw = Draw(411)
    var ran = 0
    for count in [1, 2, 15, 16, 17, 100, 1000] {
      // Some are equal.
      var keys = bits(draw.floats(count).map { ($0 * 50).rounded() / 50 })
      if count > 16 { (keys[3], keys[9]) = (.min, .max) }
      let sorted = keys.sorted(by: >)
      for k in Set([1, 2, count / 2, count - 1, count]) where (1...count).contains(k) {
        #expect(largest(k, of: keys, count: count) == sorted[k - 1])
        #expect(
          countReaching(sorted[k - 1], in: keys, count: count) == sorted.filter { $0 >= sorted[k - 1] }.count)
        ran += 1
      }
    }
    #expect(ran >= 25)
    let rising = bits([
      -.infinity, -2, -.leastNonzeroMagnitude, -0, 0, .leastNonzeroMagnitude, 1, 3e38, .infinity, .nan,
    ])
    #expect(rising == rising.sorted())
  }

  private func bits(_ x: [Float]) -> [Int32] {
    [Int32](unsafeUninitializedCapacity: x.count) { keys, filled in
      orderedBits(x, count: x.count, into: keys.baseAddress!)
      filled = x.count
    }
  }
}
