// The cores of a host, and which of them a process may run on.
import CProcessor
import Foundation

package struct CoreSet: Equatable, Sendable {
  /// The numbers of the cores as the system counts them, from 0.
  package let numbers: Set<Int>

  package init(_ numbers: Set<Int>) { self.numbers = numbers }

  /// - Parameter list: a list as the system writes it, such as `0-3,8`. Anything of another form is ignored.
  package init(list: String) {
    numbers = list.split(separator: ",").reduce(into: []) { numbers, part in
      let ends = part.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: "-")
        .compactMap { Int($0) }
      if let first = ends.first, let last = ends.last, first <= last { numbers.formUnion(first...last) }
    }
  }

  package var count: Int { numbers.count }

  /// The list as text, such as `0-3,8`.
  package var list: String {
    var spans: [ClosedRange<Int>] = []
    for number in numbers.sorted() {
      if let last = spans.last, last.upperBound == number - 1 {
        spans[spans.count - 1] = last.lowerBound...number
      } else {
        spans.append(number...number)
      }
    }
    return spans.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
      .joined(separator: ",")
  }

  /// Words of 64 cores each for the system: room for more cores than it supports today.
  private static let words = 256

  /// The cores that a process may run on; empty if the system does not say.
  /// - Parameter process: its number, or 0 for this thread.
  package static func allowed(process: Int32 = 0) -> CoreSet {
    var bits = [UInt64](repeating: 0, count: words)
    let bytes = swiftdp_get_affinity(process, &bits, 8 * words)
    guard bytes > 0 else { return CoreSet([]) }
    var allowed: Set<Int> = []
    for number in 0..<8 * Int(bytes) {
      let bit: UInt64 = 1 << UInt64(number % 64)
      if bits[number / 64] & bit != 0 { allowed.insert(number) }
    }
    return CoreSet(allowed)
  }

  /// Restricts this thread, and all threads that it starts from now on, to these cores.
  /// - Returns: whether the system allowed it.
  package func take() -> Bool {
    var bits = [UInt64](repeating: 0, count: Self.words)
    for number in numbers where number < 64 * Self.words { bits[number / 64] |= 1 << UInt64(number % 64) }
    return swiftdp_set_affinity(bits, 8 * Self.words) == 0
  }

  /// The cores of each NUMA domain of this host.
  package static var domains: [CoreSet] {
    let root = "/sys/devices/system/node"
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? [])
      .filter { $0.hasPrefix("node") && Int($0.dropFirst(4)) != nil }
    return names.compactMap {
      try? CoreSet(list: String(contentsOfFile: "\(root)/\($0)/cpulist", encoding: .utf8))
    }
  }

  /// The cores for one of several processes that share these cores. It gets NUMA domains of its own, or a domain that
  /// it shares with its neighbours, if every process gets the same number of cores that way; otherwise all cores.
  /// - Parameters:
  ///   - number: the number of the process, from 0, of `count`.
  ///   - domains: the domains of the host; cores that are not in this set do not count.
  package func share(of number: Int, among count: Int, domains: [CoreSet]) -> CoreSet {
    let parts = domains.map { $0.numbers.intersection(numbers) }.filter { !$0.isEmpty }
      .sorted { $0.min()! < $1.min()! }
    let size = parts.first?.count ?? 0
    guard parts.count > 1, parts.allSatisfy({ $0.count == size }), size * parts.count == self.count,
      count % parts.count == 0 || parts.count % count == 0
    else { return self }
    let first = number * parts.count / count
    let own = parts[first..<first + max(parts.count / count, 1)]
    return CoreSet(own.reduce([]) { $0.union($1) })
  }
}
