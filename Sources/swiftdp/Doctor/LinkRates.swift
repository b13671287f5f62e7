// How fast messages travel between every two hosts, in both directions.
import Base
import Collectives
import Foundation
import Tensors

/// The link from one host to another.
struct LinkRate: Codable {
  let from: String
  let to: String
  /// Bytes a second.
  let rate: Double
  /// Half of the time of a message there and back, in seconds.
  let latency: Double
}

struct LinkRates {
  private let ranks: Ranks
  /// The first rank of each host.
  private let speakers: [Int]
  private let names: [String]
  private let memory = FlatMemory(count: Self.large / 4, label: "links")

  private static let large = 8 << 20
  private static let repetitions = 3
  private static let pings = 50

  /// Collective.
  init(_ ranks: Ranks) {
    self.ranks = ranks
    speakers = ranks.hostMembers.keys.sorted()
    let all = ranks.gather(Ranks.hostName)
    names = speakers.map { all[$0] }
  }

  /// All links. In each round, every host talks to one other: with n hosts there are n − 1 rounds (or n, if n is odd),
  /// as in a tournament. Collective.
  func measure() -> [LinkRate] {
    let count = speakers.count + speakers.count % 2
    var rates = [Double](repeating: 0, count: speakers.count * speakers.count * 2)
    for round in 0..<(count - 1) {
      for (a, b) in Self.pairs(round, of: count) where max(a, b) < speakers.count {
        if ranks.rank == speakers[a] || ranks.rank == speakers[b] {
          talk(a, b, &rates)
        }
      }
      ranks.barrier()
    }
    // A rank has measured what it has sent.
    let all = ranks.gather(rates)
    return speakers.indices.flatMap { a in
      speakers.indices.filter { $0 != a }.map { b in
        let measured = all[speakers[a]]
        let index = 2 * (a * speakers.count + b)
        return LinkRate(
          from: names[a], to: names[b], rate: measured[index], latency: measured[index + 1])
      }
    }
  }

  /// The pairs of a round: one stays, the others go round in a circle.
  static func pairs(_ round: Int, of count: Int) -> [(Int, Int)] {
    let circle = [0] + (0..<(count - 1)).map { 1 + ($0 + round) % (count - 1) }
    return (0..<(count / 2)).map { (circle[$0], circle[count - 1 - $0]) }
  }

  private func talk(_ a: Int, _ b: Int, _ rates: inout [Double]) {
    let (me, other) = ranks.rank == speakers[a] ? (a, b) : (b, a)
    let bytes = UnsafeMutableRawPointer(memory.base)
    func send(_ count: Int) {
      let message = ranks.transfers()
      message.send(bytes, count: count, to: speakers[other], tag: 7)
      message.wait()
    }
    func receive(_ count: Int) {
      let message = ranks.transfers()
      message.receive(bytes, count: count, from: speakers[other], tag: 7)
      message.wait()
    }
    func seconds(_ body: () -> Void) -> Double {
      let start = Date()
      body()
      return Date().timeIntervalSince(start)
    }
    for sender in [a, b] {
      // The first one opens the connection.
      var times: [Double] = []
      for _ in 0...Self.pings {
        times.append(
          seconds {
            if me == sender {
              send(1)
              receive(1)
            } else {
              receive(1)
              send(1)
            }
          })
      }
      // Each large message is answered by a byte.
      var best = Double.infinity
      for _ in 0..<Self.repetitions {
        let time = seconds {
          if me == sender {
            send(Self.large)
            receive(1)
          } else {
            receive(Self.large)
            send(1)
          }
        }
        best = min(best, time)
      }
      guard me == sender else { continue }
      let latency = times.dropFirst().sorted()[Self.pings / 2] / 2
      let index = 2 * (me * speakers.count + other)
      rates[index] = Double(Self.large) / max(best - latency, 1e-9)
      rates[index + 1] = latency
    }
  }
}

extension [LinkRate] {
  /// A link counts as slow if half of all others are twice as fast, or if it is slower than Gigabit Ethernet.
  var findings: [Finding] {
    let rates = map(\.rate).sorted()
    let latencies = map(\.latency).sorted()
    guard !isEmpty else { return [] }
    let usual = rates[rates.count / 2]
    let slow = filter {
      $0.rate < usual / 2 || $0.rate < 80e6 || $0.latency > 10 * latencies[latencies.count / 2] + 2e-3
    }
    var rows = [
      Finding(
        .ok, "links", counted(count, "direction"),
        "\(Self.megabytes(rates[0])) to \(Self.megabytes(rates[rates.count - 1])), "
          + "\(Self.microseconds(latencies[0])) to \(Self.microseconds(latencies[latencies.count - 1]))")
    ]
    rows += slow.sorted { $0.rate < $1.rate }.map { link in
      Finding(
        .slow, "link", "\(link.from) to \(link.to)",
        "\(Self.megabytes(link.rate)), \(Self.microseconds(link.latency)); half of all have \(Self.megabytes(usual)) or more",
        hint:
          "ethtool on both, cable and switch; or leave one out; parallel.wire_dtype=bfloat16 halves what it carries"
      )
    }
    return rows
  }

  private static func megabytes(_ rate: Double) -> String { "\(grouped(Int((rate / 1e6).rounded()))) MB/s" }
  private static func microseconds(_ time: Double) -> String { "\(grouped(Int((time * 1e6).rounded()))) µs" }
}
