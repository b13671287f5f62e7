// How many lists must be looked through to find the nearest vectors: measured on some of the vectors themselves.
import Base
import Kernels

struct ListRecall {
  /// For each neighbour of the vectors that were asked for: how many of the lists nearest to the asking vector come before its
  /// own.
  private let ranks: [Int]
  /// Vectors that are asked for, and neighbours of each.
  private static let asked = 256
  private static let neighbours = 10

  /// - Parameters:
  ///   - members: the rows of each list.
  ///   - centroids: [lists, width]
  /// - Throws: if a file cannot be read.
  init(
    _ parts: [VectorPart], _ members: [[VectorPart.Place]], _ centroids: [Float], _ engine: Engine
  ) throws {
    let width = parts[0].width
    var lists: [Int64: Int] = [:]
    for (list, places) in members.enumerated() {
      for place in places { lists[parts[place.part].numbers[place.row]] = list }
    }
    let numbers = lists.keys.sorted()
    let step = max(1, numbers.count / Self.asked)
    let chosen = Set(stride(from: step / 2, to: numbers.count, by: step).map { numbers[$0] })
    let places = parts.enumerated().flatMap { part, rows in
      rows.numbers.enumerated().compactMap {
        chosen.contains($0.element) ? VectorPart.Place(part: part, row: $0.offset) : nil
      }
    }
    let queries = try VectorLists.vectors(places, of: parts)
    let scan = VectorScan(engine)
    let found = try scan.best(queries, width: width, count: Self.neighbours + 1, in: parts, reach: .all)
    let clusters = VectorClusters(
      centroids: centroids, starts: [Int](repeating: 0, count: members.count + 1), probes: 1)
    let scores = ListChoice(scan.exact, clusters, width: width).scores(queries[...])
    var ranks: [Int] = []
    for (query, hits) in found.enumerated() {
      let own = parts[places[query].part].numbers[places[query].row]
      let row = query * members.count..<(query + 1) * members.count
      for hit in hits.filter({ $0.number != own }).prefix(Self.neighbours) {
        guard let list = lists[hit.number] else { continue }
        let score = scores[row.lowerBound + list]
        ranks.append(
          row.count { place in
            scores[place] > score || scores[place] == score && place < row.lowerBound + list
          })
      }
    }
    self.ranks = ranks.sorted()
  }

  /// The least number of lists that hold this share of the neighbours.
  func lists(for recall: Double) -> Int {
    guard !ranks.isEmpty else { return 1 }
    return ranks[min(max(Int((recall * Double(ranks.count)).rounded(.up)) - 1, 0), ranks.count - 1)] + 1
  }
}
