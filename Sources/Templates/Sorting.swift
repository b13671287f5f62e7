// Python's sort: stable, by an order that may raise.

extension Array {
  /// Merge sort.
  mutating func sortStably(_ rendering: Rendering, _ isLess: (Element, Element) throws -> Bool) throws {
    guard count > 1 else { return }
    try rendering.charge(count * (Int.bitWidth - count.leadingZeroBitCount))
    var width = 1
    while width < count {
      var merged: [Element] = []
      merged.reserveCapacity(count)
      var start = 0
      while start < count {
        let middle = Swift.min(start + width, count)
        let end = Swift.min(middle + width, count)
        var left = start
        var right = middle
        while left < middle, right < end {
          if try isLess(self[right], self[left]) {
            merged.append(self[right])
            right += 1
          } else {
            merged.append(self[left])
            left += 1
          }
        }
        merged += self[left..<middle]
        merged += self[right..<end]
        start = end
      }
      self = merged
      width *= 2
    }
  }
}
