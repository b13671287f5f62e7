// Which rows of a part belong to which centroid: rows of one list lie beside each other (an inverted file, Sivic and
// Zisserman 2003; Jégou et al. 2011).
import Base
import Checkpoints

package struct VectorClusters: Sendable {
  /// [lists, width]
  package let centroids: [Float]
  /// [lists + 1] Where the rows of each list begin, and the end.
  package let starts: [Int]
  /// How many lists a search looks through, unless it is told.
  package let probes: Int
  package var count: Int { starts.count - 1 }

  package init(centroids: [Float], starts: [Int], probes: Int) {
    self.centroids = centroids
    self.starts = starts
    self.probes = probes
  }

  /// Of files that do not say how many lists are enough.
  private static let usual = 32

  /// Those of a file; nil if it has none.
  /// - Throws: if they do not fit the rows.
  init?(_ file: SafetensorsFile, rows: Int, width: Int) throws {
    guard let entry = file.entry("centroids") else { return nil }
    let starts = try file.integers("starts")
    let probes = file.entry("probes") == nil ? [Self.usual] : try file.integers("probes")
    guard entry.type == .f32, entry.shape.count == 2, entry.shape[1] == width,
      starts.count == entry.shape[0] + 1,
      starts.first == 0, starts.last == rows, zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }),
      probes.count == 1, probes[0] > 0
    else {
      throw UserError(.data, "holds lists that do not fit its rows", at: file.path, hint: "build it anew")
    }
    let count = entry.count
    centroids = try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      try file.read("centroids", into: buffer, range: 0..<count)
      filled = count
    }
    self.starts = starts
    self.probes = probes[0]
  }
}
