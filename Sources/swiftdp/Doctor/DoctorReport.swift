// The report of the doctor: the facts of the first rank's host, how ranks are bound to cores, and what would be
// better.
import Base
import Foundation
import Training

struct DoctorReport {
  /// The facts of each rank, in order.
  let ranks: [RankFacts]
  /// The facts of the first rank of each host, in the order of the hosts.
  let hosts: [HostFacts]
  /// What would make runs here faster or safer, a line each.
  var better: [String]
  /// What was found about hosts and links.
  var findings: [Finding] = []
  /// What runs of GPT-2's shapes take; nil if nothing was measured.
  var kernels: MeasuredKernels?

  init(_ ranks: [RankFacts]) {
    self.ranks = ranks
    var hosts: [HostFacts] = []
    for rank in ranks where !hosts.contains(where: { $0.name == rank.host.name }) { hosts.append(rank.host) }
    self.hosts = hosts
    better = hosts.flatMap { host in
      Self.advice(host) + Self.advice(host, ranks.filter { $0.host.name == host.name })
    }
    better += hosts.dropFirst().flatMap { Self.differences(of: $0, from: hosts[0]) }
  }

  private static func advice(_ host: HostFacts) -> [String] {
    var lines = host.libraries.compactMap(\.whySlow).map {
      "\(host.name): \($0) (set parallel.blas_kernel: auto, or install an OpenBLAS with kernels for all processors)"
    }
    if !host.builtForBest {
      lines.append(
        "\(host.name): the processor can do more than this swiftdp was built for, \(host.builtFor) "
          + "(build it there, or with SWIFTDP_MARCH)")
    }
    // Docker's default size; Open MPI's ranks of a host exchange data through it.
    if host.sharedMemoryBytes <= 64 << 20 {
      lines.append("\(host.name): /dev/shm is small for several ranks (in a container, --shm-size=1g)")
    }
    if let files = host.openFiles, files < 1024 {
      lines.append("\(host.name): only \(files) files may be open at once (ulimit -n 4096)")
    }
    return lines
  }

  /// - Parameter ranks: the ranks of the host.
  private static func advice(_ host: HostFacts, _ ranks: [RankFacts]) -> [String] {
    let used = ranks.reduce(into: Set<Int>()) { $0.formUnion(CoreSet(list: $1.cores).numbers) }.count
    // `Launch.warning` reports a rank that has more threads than cores.
    guard used > 0, !ranks.contains(where: { $0.threads > $0.coreCount }) else { return [] }
    let threads = ranks.reduce(0) { $0 + $1.threads }
    let have = "\(host.name): \(counted(threads, "thread")) of \(counted(ranks.count, "rank"))"
    if used < host.givenCores {
      let each = max(host.givenCores / ranks.count, 1)
      return [
        "\(host.name): ranks may run on \(used) of \(counted(host.givenCores, "core")) only "
          + "(mpirun --map-by slot:PE=\(each), or --bind-to none)"
      ]
    }
    if threads > used {
      return ["\(have) share \(counted(used, "core")) (fewer ranks or threads are faster)"]
    }
    if threads < used {
      return ["\(have) leave \(counted(used - threads, "core")) idle (more ranks or threads)"]
    }
    return []
  }

  private static func differences(of host: HostFacts, from first: HostFacts) -> [String] {
    zip(host.lines, first.lines).compactMap { here, there in
      here.text == there.text
        ? nil : "\(host.name): \(here.label) is not that of \(first.name): \(here.text)"
    }
  }

  var text: String {
    func line(_ label: String, _ text: String) -> String { cell(label, width: 12) + text }
    let first = ranks[0]
    var lines = first.host.lines.map { line($0.label, $0.text + $0.now) }
    if let kernels { lines.append(line("kernels", kernels.words)) }
    let names = hosts.count > 1 ? ": " + hosts.map(\.name).joined(separator: ", ") : " (\(first.host.name))"
    lines.append(line("ranks", "\(counted(ranks.count, "rank")) on \(counted(hosts.count, "host"))\(names)"))
    // Ranks with equal facts are reported together.
    var groups: [(facts: RankFacts, ranks: [Int])] = []
    for (number, rank) in ranks.enumerated() {
      let found = groups.firstIndex {
        $0.facts.cores == rank.cores && $0.facts.threads == rank.threads
          && $0.facts.host.name == rank.host.name
      }
      if let found { groups[found].ranks.append(number) } else { groups.append((rank, [number])) }
    }
    for group in groups {
      let who = group.ranks.count == 1 ? "rank \(group.ranks[0])" : "ranks " + Self.spans(group.ranks)
      let place = hosts.count > 1 ? " of \(group.facts.host.name)" : ""
      let cores =
        group.facts.cores.isEmpty
        ? "" : ", may run on \(counted(group.facts.coreCount, "core")) (\(group.facts.cores)\(place))"
      lines.append(line("", "\(who): \(counted(group.facts.threads, "thread"))\(cores)"))
    }
    lines += better.map { line("better", $0) }
    if !findings.isEmpty { lines += ["", findings.text] }
    return lines.joined(separator: "\n")
  }

  /// 0, 1, 2, 5 as 0-2, 5.
  private static func spans(_ numbers: [Int]) -> String {
    var spans: [ClosedRange<Int>] = []
    for number in numbers {
      if let last = spans.last, last.upperBound == number - 1 {
        spans[spans.count - 1] = last.lowerBound...number
      } else {
        spans.append(number...number)
      }
    }
    return spans.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ", ")
  }

  /// What was found about hosts on which nothing could be started.
  static func json(_ findings: [Finding]) throws -> String {
    struct Document: Encodable { let checks: [Finding] }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(Document(checks: findings)), as: UTF8.self)
  }

  /// Hosts, ranks and advice, with keys in snake case.
  func json() throws -> String {
    struct Rank: Encodable {
      let rank: Int
      let host: String
      let cores: String
      let allowedCores: Int
      let threads: Int
    }
    struct Document: Encodable {
      let hosts: [HostFacts]
      let ranks: [Rank]
      let better: [String]
      let checks: [Finding]
      let kernels: MeasuredKernels?
    }
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let document = Document(
      hosts: hosts,
      ranks: ranks.enumerated().map { number, facts in
        Rank(
          rank: number, host: facts.host.name, cores: facts.cores, allowedCores: facts.coreCount,
          threads: facts.threads)
      }, better: better, checks: findings, kernels: kernels)
    return String(decoding: try encoder.encode(document), as: UTF8.self)
  }
}
