// Sorts vectors into lists by k-means on the sphere: a centroid is the mean direction of its vectors (Lloyd 1982; Dhillon
// and Modha 2001).
import Base
import Kernels
import Tensors

struct VectorLists {
  let clusters: VectorClusters
  /// The rows of all parts by their lists; within a list as they were.
  let order: [VectorPart.Place]

  private static let turns = 10
  /// The share of the nearest vectors that a search should find, unless it is told.
  package static let usualRecall = 0.98
  /// Vectors for each list that centroids are found from.
  private static let sample = 64
  private static let block = 8192

  /// As many as the square root of the number of vectors, four times over, as faiss recommends.
  static func usual(_ vectors: Int) -> Int {
    max(1, min(vectors / 39, Int(4 * Double(vectors).squareRoot())))
  }

  /// - Parameter recall: the share of the nearest vectors that should lie in the lists that a search looks through.
  /// - Throws: if a file cannot be read.
  init(_ parts: [VectorPart], lists wanted: Int, recall: Double = usualRecall, threads: Int = 1) throws {
    // Products are cut by their shapes, so that no sum depends on the number of threads.
    let engine = try Engine(threads: threads)
    let width = parts[0].width
    let all = parts.enumerated().flatMap { number, part in
      part.numbers.indices.compactMap {
        part.numbers[$0] == 0 ? nil : VectorPart.Place(part: number, row: $0)
      }
    }
    let lists = max(1, min(wanted, all.count))
    let step = max(1, all.count / max(1, lists * Self.sample))
    let sample = try Self.vectors(stride(from: 0, to: all.count, by: step).map { all[$0] }, of: parts)
    var centroids = [Float](repeating: 0, count: lists * width)
    let rows = sample.count / width
    for list in 0..<lists where rows > 0 {
      let row = list * rows / lists
      centroids.replaceSubrange(
        list * width..<(list + 1) * width, with: sample[row * width..<(row + 1) * width])
    }
    for _ in 0..<Self.turns {
      let nearest = Self.nearest(sample, centroids, width: width, engine)
      centroids = Self.means(sample, nearest, centroids, width: width)
    }
    var members = [[VectorPart.Place]](repeating: [], count: lists)
    for first in stride(from: 0, to: all.count, by: Self.block) {
      let places = Array(all[first..<min(first + Self.block, all.count)])
      let nearest = Self.nearest(try Self.vectors(places, of: parts), centroids, width: width, engine)
      for (place, list) in zip(places, nearest) { members[list].append(place) }
    }
    order = members.flatMap { $0 }
    clusters = VectorClusters(
      centroids: centroids, starts: members.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.count) },
      probes: try ListRecall(parts, members, centroids, engine).lists(for: recall))
  }

  /// Rows as fp32, [places, width].
  static func vectors(_ places: [VectorPart.Place], of parts: [VectorPart]) throws -> [Float] {
    let width = parts[0].width
    var vectors = [Float](repeating: 0, count: places.count * width)
    var next = 0
    while next < places.count {
      let part = places[next].part
      let end = places[next...].firstIndex { $0.part != part } ?? places.count
      try parts[part].withRows { rows in
        vectors.withUnsafeMutableBufferPointer { vectors in
          for index in next..<end {
            rows.copy(row: places[index].row, into: vectors.baseAddress! + index * width)
          }
        }
      }
      next = end
    }
    return vectors
  }

  /// The nearest centroid of each vector; of equally near ones the first.
  private static func nearest(_ vectors: [Float], _ centroids: [Float], width: Int, _ engine: Engine) -> [Int]
  {
    let (rows, lists) = (vectors.count / width, centroids.count / width)
    var nearest = [Int](repeating: 0, count: rows)
    let size = max(1, min(256, (1 << 22) / lists))
    var scores = [Float](repeating: 0, count: size * lists)
    for first in stride(from: 0, to: rows, by: size) {
      let count = min(size, rows - first)
      nearest.withUnsafeMutableBufferPointer { found in
        vectors.withUnsafeBufferPointer { vectors in
          centroids.withUnsafeBufferPointer { centroids in
            scores.withUnsafeMutableBufferPointer { scores in
              engine.multiply(
                .float32(ConstMatrix(vectors.baseAddress! + first * width, rows: count, columns: width)),
                .float32(ConstMatrix(centroids.baseAddress!, rows: lists, columns: width)), .second,
                into: MutableMatrix(scores.baseAddress!, rows: count, columns: lists))
              let (scores, found) = (Unshared(scores), Unshared(found))
              engine.pool.run(count) { row, _ in
                found.value[first + row] = largest(scores.value.baseAddress! + row * lists, count: lists)
              }
            }
          }
        }
      }
    }
    return nearest
  }

  /// The place of the largest of some numbers; of equal ones the first.
  private static func largest(_ x: UnsafePointer<Float>, count: Int) -> Int {
    let whole = count / 16 * 16
    var peaks = SIMD16<Float>(repeating: -.infinity)
    for start in stride(from: 0, to: whole, by: 16) {
      let some = UnsafeRawPointer(x + start).loadUnaligned(as: SIMD16<Float>.self)
      peaks.replace(with: some, where: some .> peaks)
    }
    var peak = peaks.max()
    for place in whole..<count { peak = max(peak, x[place]) }
    for start in stride(from: 0, to: whole, by: 16)
    where any(UnsafeRawPointer(x + start).loadUnaligned(as: SIMD16<Float>.self) .== peak) {
      return (start..<start + 16).first { x[$0] == peak } ?? start
    }
    return (whole..<count).first { x[$0] == peak } ?? 0
  }

  /// The mean direction of the vectors of each list; a list without any keeps its centroid.
  private static func means(_ vectors: [Float], _ nearest: [Int], _ centroids: [Float], width: Int) -> [Float]
  {
    var sums = [Double](repeating: 0, count: centroids.count)
    vectors.withUnsafeBufferPointer { vectors in
      sums.withUnsafeMutableBufferPointer { sums in
        for (row, list) in nearest.enumerated() {
          let (x, sum) = (vectors.baseAddress! + row * width, sums.baseAddress! + list * width)
          for column in 0..<width { sum[column] += Double(x[column]) }
        }
      }
    }
    var means = centroids
    for list in 0..<centroids.count / width {
      let range = list * width..<(list + 1) * width
      let norm = sums[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
      guard norm > 0 else { continue }
      for column in range { means[column] = Float(sums[column] / norm) }
    }
    return means
  }
}
