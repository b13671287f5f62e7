// Rows of bytes, and vectors that look for those of them with which their products are large (`byte_scan.h`).
import CProcessor

/// Rows as bytes, sixteen of them in a block, [blocks, groups, 16, 4]: a byte is 128 more than the whole number that it stands
/// for, and 128 stands where there is no number.
package struct ByteRows {
  package typealias Found = swiftdp_byte_hits

  /// Rows of a block.
  package static let rows = swiftdp_byte_rows
  /// Of zero.
  package static let zero = 128
  /// The largest magnitude of a row's numbers.
  package static let largest = 127

  private let base: UnsafePointer<UInt8>
  private let blocks: Int
  private let groups: Int

  /// - Parameters:
  ///   - base: [blocks, groups, 16, 4]
  ///   - width: numbers of a row.
  package init(_ base: UnsafePointer<UInt8>, blocks: Int, width: Int) {
    (self.base, self.blocks, groups) = (base, blocks, Self.groups(width))
  }

  /// Groups of four numbers of a row.
  package static func groups(_ width: Int) -> Int { (width + swiftdp_byte_group - 1) / swiftdp_byte_group }

  /// Bytes of a block.
  package static func block(_ width: Int) -> Int { rows * swiftdp_byte_group * groups(width) }

  /// Numbers of a vector, with zeros up to whole groups.
  package static func vector(_ width: Int) -> Int { swiftdp_byte_group * groups(width) }

  /// The largest magnitude that numbers of a vector may have, so that sums fit into 32 bits: 127 up to a width of 65,536.
  package static func largestInVector(_ width: Int) -> Int {
    max(min(127, Int(Int32.max) / (255 * vector(width))), 1)
  }

  /// Where the number of a row lies.
  package static func place(row: Int, column: Int, width: Int) -> Int {
    let (group, place) = column.quotientAndRemainder(dividingBy: swiftdp_byte_group)
    return row / rows * block(width) + (group * rows + row % rows) * swiftdp_byte_group + place
  }

  /// Looks for rows whose sums Σ byte · number reach what a vector asks for.
  /// - Parameters:
  ///   - vectors: [n, `vector(width)`], of which some are asked about: `which` [count], with `least` [count].
  ///   - found: room for `count` times the number of blocks.
  /// - Returns: how many blocks with such rows there are for all vectors together; those of one block are neighbours.
  package func find(
    _ vectors: UnsafePointer<Int8>, _ which: UnsafePointer<Int32>, least: UnsafePointer<Int32>, count: Int,
    into found: UnsafeMutablePointer<Found>
  ) -> Int {
    swiftdp_find_bytes(base, blocks, groups, vectors, which, least, count, found)
  }

  /// The sums Σ byte · number of all rows, [16 · blocks].
  package func sums(with vector: UnsafePointer<Int8>, into sums: UnsafeMutablePointer<Int32>) {
    swiftdp_sum_bytes(base, blocks, groups, vector, sums)
  }
}

/// Asks for memory that is read soon.
@inline(__always)
package func fetchMemory(_ bytes: UnsafeRawPointer, count: Int) { swiftdp_fetch(bytes, count) }
