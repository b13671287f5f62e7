// Counted stretches of n items, which BLEU, chrF and ROUGE compare.

struct NGrams<Item: Hashable> {
  private(set) var counts: [ArraySlice<Item>: Int] = [:]
  private(set) var total = 0

  init(_ items: [Item], _ n: Int) {
    guard items.count >= n else { return }
    total = items.count - n + 1
    for start in 0..<total { counts[items[start..<start + n], default: 0] += 1 }
  }

  /// How many of them the other has too, each as often as in both.
  func matches(_ other: NGrams) -> Int {
    counts.reduce(0) { $0 + min($1.value, other.counts[$1.key, default: 0]) }
  }
}
