// Bytes, or bits a second, as users write them: 64G, 512Mi, 1.5e9.

/// A positive number; k, M, G and T are powers of 1,000, and Ki, Mi, Gi and Ti are powers of 1,024.
package struct Amount: Sendable, CustomStringConvertible {
  package let value: Double

  package init(_ value: Double) { self.value = value }

  package var description: String { value >= 1e9 ? "\(value / 1e9)G" : "\(value)" }

  /// - Parameter text: nil comes back for anything else than a number with a unit.
  package init?(text: String) {
    let suffixes = [
      ("ki", 0x1p10), ("mi", 0x1p20), ("gi", 0x1p30), ("ti", 0x1p40), ("k", 1e3), ("m", 1e6), ("g", 1e9),
      ("t", 1e12),
    ]
    let text = text.lowercased()
    let found = suffixes.first { text.hasSuffix($0.0) }
    guard let number = Double(text.dropLast(found?.0.count ?? 0)), number > 0, number < 1e18 else {
      return nil
    }
    value = number * (found?.1 ?? 1)
  }
}
