// The order in which the pieces of updated weights travel between hosts.
import Collectives
import Tensors

/// What one rank sends to other hosts and receives for its own, piece by piece.
struct WeightOrder {
  struct Message {
    let start: Int
    let count: Int
    let other: Int
  }

  /// All buckets, as they come.
  let buckets: [Int]
  let sends: [Message]
  let receives: [Message]
  /// For each rank of this host and each place in `buckets`: how many of the rank's messages there are up to it.
  private let counts: [[Int]]
  /// For each parameter of the line, the place of its last bucket.
  private let places: [Int]

  /// The most bytes of a piece: just below 64 KB, which MPI sends over TCP at once.
  static let pieceBytes = 60 << 10

  /// - Parameters:
  ///   - last: parameters that come behind all others, which otherwise come in the order in which forward reads them.
  ///   - bytes: of a number.
  ///   - crossesHosts: false where nothing travels.
  init(_ map: ShardMap, _ ranks: Ranks, bytes: Int, last: [Int] = [], crossesHosts: Bool) {
    let layout = map.layout
    let late = last.map { layout.parameters[$0].range }
    func isLate(_ bucket: Int) -> Bool {
      late.contains { $0.contains(layout.buckets[bucket].lowerBound) }
    }
    let inOrder = map.slices.indices.reversed()
    let buckets = inOrder.filter { !isLate($0) } + inOrder.filter(isLate)
    self.buckets = buckets
    var placeOf = [Int](repeating: 0, count: buckets.count)
    for (place, bucket) in buckets.enumerated() { placeOf[bucket] = place }
    places = layout.parameters.filter(\.spec.trains).map { parameter in
      layout.buckets.indices.lazy.filter { layout.buckets[$0].overlaps(parameter.range) }
        .map { placeOf[$0] }.max() ?? 0
    }
    let routes = crossesHosts ? Self.routes(map, ranks, buckets, bytes: bytes) : []
    sends = routes.filter { $0.from == ranks.rank }.map { $0.message(other: $0.to) }
    receives = routes.filter { $0.to == ranks.rank }.map { $0.message(other: $0.from) }
    counts = ranks.neighbours.map { rank in
      var counts = [Int](repeating: 0, count: placeOf.count)
      for route in routes where route.to == rank { counts[placeOf[route.bucket]] += 1 }
      for place in counts.indices.dropFirst() { counts[place] += counts[place - 1] }
      return counts
    }
  }

  /// How many buckets must have come before a parameter of the line may be read.
  func bucketsNeeded(by parameter: Int) -> Int { parameter < places.count ? places[parameter] + 1 : 0 }

  /// How many messages of a rank of this host bring the first buckets.
  func messages(ofMember member: Int, upTo buckets: Int) -> Int {
    buckets == 0 ? 0 : counts[member][buckets - 1]
  }

  private struct Route {
    let from, to, start, count, bucket: Int
    func message(other: Int) -> Message { Message(start: start, count: count, other: other) }
  }

  /// All pieces that come to this host or leave it.
  private static func routes(_ map: ShardMap, _ ranks: Ranks, _ buckets: [Int], bytes: Int) -> [Route] {
    let members = ranks.hostMembers.sorted { $0.key < $1.key }
    let numberOnHost = ranks.numberOnHost
    let here = ranks.hostOf[ranks.rank]
    var routes: [Route] = []
    for bucket in buckets {
      let slices = map.slices[bucket]
      for (host, members) in members {
        for sender in slices.indices where !slices[sender].isEmpty && ranks.hostOf[sender] != host {
          guard host == here || sender == ranks.rank else { continue }
          // The ranks of a host take turns in receiving.
          let receiver = members[numberOnHost[sender] % members.count]
          let slice = slices[sender]
          for start in stride(from: slice.lowerBound, to: slice.upperBound, by: pieceBytes / bytes) {
            routes.append(
              Route(
                from: sender, to: receiver, start: start,
                count: min(slice.upperBound - start, pieceBytes / bytes), bucket: bucket))
          }
        }
      }
    }
    return routes
  }
}
