// Tells all ranks what went wrong on any of them. It is for faults that the run survives; `together` is for those
// that end it.
import Base

extension Ranks {
  /// A fault of one rank, as all ranks know it.
  package struct Fault: Sendable {
    package let rank: Int
    package let code: ExitCode
    package let text: String
  }

  /// The fault of the lowest rank that has one; nil if none has. Collective.
  /// - Parameter mine: the fault of this rank.
  package func firstFault(_ mine: (any Error)?) -> Fault? {
    let codes = gather(mine.map { Int(exitCode(of: $0).rawValue) } ?? 0)
    guard let first = codes.firstIndex(where: { $0 != 0 }) else { return nil }
    let text = broadcast(mine.map { "\($0)" } ?? "", from: first)
    return Fault(rank: first, code: ExitCode(rawValue: Int32(codes[first])) ?? .software, text: text)
  }

  /// Gives every rank the whole number of one of them.
  package func broadcast(_ value: Int, from root: Int = 0) -> Int {
    var value = value
    withUnsafeMutableBytes(of: &value) { broadcast($0, from: root) }
    return value
  }
}
