// Recorded programs, kept for the shapes that come again.

/// Keeps the programs that were used last, so that their memory does not grow with the number of shapes in a run.
package struct ProgramCache {
  /// What a program was recorded for. Not generic, so that a look-up in a step allocates nothing.
  package struct Key: Equatable {
    package let shape: BatchShape
    let purpose: Purpose
    let dropout: Bool
    let part: ProgramPart

    package init(shape: BatchShape, purpose: Purpose, dropout: Bool, part: ProgramPart = .whole) {
      self.shape = shape
      self.purpose = purpose
      self.dropout = dropout
      self.part = part
    }
  }

  /// How many programs are kept: more than a run with packed rows has shapes, and as many as one or two octaves of
  /// lengths.
  package static let limit = 32

  /// The programs, the most recently used one last.
  private var entries: [(key: Key, program: Program)] = []

  package init() { entries.reserveCapacity(Self.limit + 1) }

  /// The program of a key. If there is none, it is made, and the least recently used one is dropped.
  package mutating func program(_ key: Key, make: () -> Program) -> Program {
    if let place = entries.lastIndex(where: { $0.key == key }) {
      let entry = entries.remove(at: place)
      entries.append(entry)
      return entry.program
    }
    let program = make()
    entries.append((key, program))
    if entries.count > Self.limit { entries.removeFirst() }
    return program
  }
}
