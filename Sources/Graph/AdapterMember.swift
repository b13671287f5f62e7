// Adapters beside each other on one base: every projection of the base is multiplied once for all sequences of a batch,
// and each adapter's low-rank term sees its own sequences (Ye et al. 2024, arXiv 2312.02515).

/// One of several adapters on one base. Each has some sequences of every batch, in the order of the adapters.
package struct AdapterMember: Sendable {
  package let name: String
  package let adaptation: any Adaptation

  package init(name: String, adaptation: any Adaptation) {
    self.name = name
    self.adaptation = adaptation
  }

  /// How the names of its parameters begin.
  package var prefix: String { Self.start + name + "." }

  /// How the names of all adapters' parameters begin, and the folder of a model that they are left in.
  package static let start = "adapters."
  package static let folder = "adapters"

  /// Of a parameter, the adapter that it belongs to, and its name where there is no other adapter; nil for a parameter of
  /// the base, or of an adapter alone.
  package static func parts(of parameter: String) -> (adapter: Substring, name: String)? {
    guard parameter.hasPrefix(start) else { return nil }
    let rest = parameter.dropFirst(start.count)
    guard let dot = rest.firstIndex(of: ".") else { return nil }
    return (rest[..<dot], String(rest[rest.index(after: dot)...]))
  }

  /// How many of some sequences each of several adapters has, where nothing says so: even shares, the first ones the rest.
  static func shares(of sequences: Int, among count: Int) -> [Int] {
    (0..<count).map { sequences / count + ($0 < sequences % count ? 1 : 0) }
  }
}

extension Graph {
  /// The sequences of each of several adapters, from which to which; one range where there is one.
  func sequences(ofMembers count: Int) -> [Range<Int>] {
    let counts =
      shape.groups.count == count
      ? shape.groups : AdapterMember.shares(of: shape.sequences, among: count)
    var start = 0
    return counts.map { count in
      defer { start += count }
      return start..<start + count
    }
  }
}
