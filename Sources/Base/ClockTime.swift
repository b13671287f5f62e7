// Durations as clocks show them.

package enum ClockTime {
  /// The seconds of `MM:SS`, `HH:MM:SS`, `D:HH:MM:SS` or `D-HH:MM:SS`, the last of them with a fraction or not; nil for
  /// anything else, and for more than a thousand years.
  package static func seconds(_ text: some StringProtocol) -> Double? {
    let days = text.split(separator: "-", omittingEmptySubsequences: false)
    guard days.count <= 2, let clock = days.last else { return nil }
    let parts =
      (days.count == 2 ? [days[0]] : []) + clock.split(separator: ":", omittingEmptySubsequences: false)
    guard (2...4).contains(parts.count), days.count == 1 || parts.count == 4 else { return nil }
    var total = 0.0
    for (part, unit) in zip(parts.reversed(), [1.0, 60, 3600, 86_400]) {
      let isNumber = part.utf8.allSatisfy { (48...57).contains($0) || unit == 1 && $0 == UInt8(ascii: ".") }
      guard isNumber, part.utf8.count <= 10, let value = Double(part) else { return nil }
      total += value * unit
    }
    return total < 1000 * 366 * 86_400 ? total : nil
  }
}
