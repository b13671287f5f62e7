// How long rows are, in memory that does not grow with them.

/// Counts of lengths: exact up to 1,024, and above that to within a 512th.
package struct LengthHistogram: Sendable {
  private var counts: [Int] = []
  package private(set) var count = 0
  package private(set) var total = 0
  package private(set) var longest = 0
  package private(set) var shortest = Int.max

  package init() {}

  package mutating func add(_ length: Int) {
    let place = Self.place(length)
    if place >= counts.count { counts.append(contentsOf: repeatElement(0, count: place + 1 - counts.count)) }
    counts[place] += 1
    count += 1
    total += length
    longest = max(longest, length)
    shortest = min(shortest, length)
  }

  /// Lengths of ten bits are told apart; longer ones by their first ten bits.
  private static func place(_ length: Int) -> Int {
    guard length >= 1024 else { return max(length, 0) }
    let shift = Int.bitWidth - length.leadingZeroBitCount - 10
    return 1024 + (shift - 1) * 512 + (length >> shift) - 512
  }

  /// The least length of a place.
  private static func length(_ place: Int) -> Int {
    guard place >= 1024 else { return place }
    let (shift, rest) = (place - 1024).quotientAndRemainder(dividingBy: 512)
    return (rest + 512) << (shift + 1)
  }

  /// The length that so many percent of the rows do not exceed; nil without rows.
  package func percentile(_ percent: Double) -> Int? {
    guard count > 0 else { return nil }
    let wanted = max(1, Int((percent / 100 * Double(count)).rounded(.up)))
    var sum = 0
    for (place, number) in counts.enumerated() {
      sum += number
      if sum >= wanted { return min(Self.length(place), longest) }
    }
    return longest
  }

  /// How many rows are longer.
  package func count(above length: Int) -> Int {
    let first = Self.place(length) + 1
    return first < counts.count ? counts[first...].reduce(0, +) : 0
  }

  /// So many bars of equal width from 0 to the longest row: where each begins, and its rows.
  package func bars(_ most: Int) -> [(start: Int, count: Int)] {
    guard count > 0 else { return [] }
    let width = Self.roundWidth(longest, bars: most)
    var bars = (0...longest / width).map { (start: $0 * width, count: 0) }
    for (place, number) in counts.enumerated() where number > 0 {
      bars[min(Self.length(place), longest) / width].count += number
    }
    return bars
  }

  /// The width of a bar: 1, 2 or 5 times a power of ten.
  private static func roundWidth(_ longest: Int, bars: Int) -> Int {
    var width = 1
    while true {
      for factor in [1, 2, 5] where longest / (width * factor) < bars { return width * factor }
      width *= 10
    }
  }
}
