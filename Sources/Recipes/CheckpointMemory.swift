// How much of a checkpoint may be copied, so that it is written while training goes on.
package enum CheckpointMemory: Sendable, Equatable {
  /// The rank's share of half of the memory that is available on its host.
  case auto
  /// The bytes of a rank.
  case bytes(Int)

  /// `auto`, `0`, or a size such as `512M`, `4G` or `4GB` in units of 1024; nil for anything else.
  init?(_ text: String) {
    if text == "auto" {
      self = .auto
      return
    }
    var digits = Substring(text)
    if digits.count > 1, digits.hasSuffix("B") { digits = digits.dropLast() }
    var shift = 0
    if let unit = digits.last.flatMap({ "KMGT".firstIndex(of: $0) }) {
      shift = 10 * (1 + "KMGT".distance(from: "KMGT".startIndex, to: unit))
      digits = digits.dropLast()
    }
    guard let number = Int(digits), number >= 0, number <= Int.max >> shift else { return nil }
    self = .bytes(number << shift)
  }
}
