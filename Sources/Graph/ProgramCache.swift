// Recorded programs, kept for the shapes that come again.

/// The programs that were used last, so that their memory does not grow with the number of shapes a run meets.
package struct ProgramCache<Key: Equatable> {
  /// How many are kept: more than a run has shapes whose rows are packed, or of one or two octaves of lengths.
  package static var limit: Int { 32 }

  /// The one used last stands last.
  private var entries: [(key: Key, program: Program)] = []

  package init() { entries.reserveCapacity(Self.limit + 1) }

  /// The program of a key; where it is not kept, it is made, and the one that was not used for longest is let go.
  package mutating func program(_ key: Key, make: () -> Program) -> Program {
    let place = entries.lastIndex { $0.key == key }
    let entry = place.map { entries.remove(at: $0) } ?? (key: key, program: make())
    entries.append(entry)
    if entries.count > Self.limit { entries.removeFirst() }
    return entry.program
  }
}
