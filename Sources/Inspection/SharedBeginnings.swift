// What texts of neighbouring rows begin with alike, such as a template of prompts: an example need not show it.

struct SharedBeginnings {
  /// Texts of rows before, and how much of each is kept.
  private static let rows = 6
  private static let longest = 600
  /// Less than that is shown.
  private static let shortest = 24

  private var before: [ArraySlice<UInt8>] = []

  /// How many bytes of a row's first text some row before has, too, up to the beginning of a word; 0 where that is
  /// little, or all of it.
  mutating func count(_ text: [UInt8]) -> Int {
    let beginning = text.prefix(Self.longest)
    var most = 0
    for other in before {
      let shared = zip(beginning, other).prefix { $0 == $1 }.count
      // An equal text tells nothing of a template.
      if shared < beginning.count { most = max(most, shared) }
    }
    before.append(beginning)
    if before.count > Self.rows { before.removeFirst() }
    while most > 0, text[most - 1] > 0x20 { most -= 1 }
    return most >= Self.shortest ? most : 0
  }
}
