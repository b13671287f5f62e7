// Groups of vectors that are alike: k-means by cosine, from vectors that are far apart.

struct CosineClusters<Vector> {
  /// The members of each group and its centre, the largest group first.
  let groups: [(places: [Int], center: Vector)]

  private static var turns: Int { 20 }

  /// - Parameters:
  ///   - rows: of length 1.
  ///   - cosine: of two of them.
  ///   - mean: the direction of the sum of some; nil where there is none.
  init(
    _ rows: [Vector], count: Int, cosine: (Vector, Vector) -> Double, mean: ([Vector]) -> Vector?
  ) {
    guard let first = rows.first else {
      groups = []
      return
    }
    var centers = [first]
    var near = rows.map { cosine($0, first) }
    while centers.count < min(count, rows.count) {
      let next = rows[near.indices.min { (near[$0], $0) < (near[$1], $1) } ?? 0]
      centers.append(next)
      for place in rows.indices { near[place] = max(near[place], cosine(rows[place], next)) }
    }
    var owners: [Int] = []
    for _ in 0..<Self.turns {
      let next = rows.map { row in
        let cosines = centers.map { cosine(row, $0) }
        return cosines.indices.dropFirst().reduce(0) { cosines[$1] > cosines[$0] ? $1 : $0 }
      }
      if next == owners { break }
      owners = next
      for place in centers.indices {
        let members = zip(rows, owners).filter { $0.1 == place }.map(\.0)
        if let center = mean(members) { centers[place] = center }
      }
    }
    groups = centers.indices.map { place in
      (places: owners.indices.filter { owners[$0] == place }, center: centers[place])
    }.filter { !$0.places.isEmpty }.sorted {
      ($0.places.count, $1.places[0]) > ($1.places.count, $0.places[0])
    }
  }
}

extension CosineClusters<[Float]> {
  /// - Parameter rows: vectors of one width.
  init(_ rows: [[Float]], count: Int) {
    self.init(
      rows, count: count,
      cosine: { a, b in zip(a, b).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } },
      mean: { members in
        guard let width = members.first?.count else { return nil }
        var sum = [Double](repeating: 0, count: width)
        for row in members { for column in 0..<width { sum[column] += Double(row[column]) } }
        let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return length > 0 ? sum.map { Float($0 / length) } : nil
      })
  }
}
