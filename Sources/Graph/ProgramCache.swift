// Recorded programs, kept for the shapes that come again.

/// Keeps the programs that were used last, so that their memory does not grow with the number of shapes in a run.
package struct ProgramCache<Key: Equatable> {
  /// How many programs are kept: more than a run with packed rows has shapes, and as many as one or two octaves of
  /// lengths.
  package static var limit: Int { 32 }

  /// The programs, the most recently used one last.
  private var entries: [(key: Key, program: Program)] = []

  package init() { entries.reserveCapacity(Self.limit + 1) }

  /// The program of a key. If there is none, it is made, and the least recently used one is dropped.
  package mutating func program(_ key: Key, make: () -> Program) -> Program {
    let place = entries.lastIndex { $0.key == key }
    let entry = place.map { entries.remove(at: $0) } ?? (key: key, program: make())
    entries.append(entry)
    if entries.count > Self.limit { entries.removeFirst() }
    return entry.program
  }
}
