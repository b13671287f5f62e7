// What happens to the matches of a pattern: the five behaviours of Split and Punctuation.
import Base

enum SplitBehavior: String, Sendable {
  case removed = "Removed"
  case isolated = "Isolated"
  case contiguous = "Contiguous"
  case mergedWithPrevious = "MergedWithPrevious"
  case mergedWithNext = "MergedWithNext"

  /// The `behavior` of a part; it may be missing only if there is a default.
  init(_ part: FilePart, default value: SplitBehavior?) throws {
    if let value, part.part("behavior") == nil {
      self = value
      return
    }
    let behavior = try part.required("behavior")
    let name = try behavior.text()
    guard let value = SplitBehavior(rawValue: name) else {
      throw part.unsupported("split behaviour", name)
    }
    self = value
  }

  /// Appends the words for a word's pieces, which cover it in order and are either matches or not.
  func append(_ pieces: [(end: Int, isMatch: Bool)], from start: Int, to out: inout [Words.Word]) {
    let first = out.count
    var start = start
    var previousMatch = false
    for (end, isMatch) in pieces {
      let joins =
        switch self {
        case .removed, .isolated: false
        case .contiguous: isMatch == previousMatch
        case .mergedWithPrevious: isMatch && !previousMatch
        case .mergedWithNext: !isMatch && previousMatch
        }
      if self == .removed && isMatch {
        // This leaves a gap.
      } else if joins, out.count > first {
        out[out.count - 1].end = end
      } else {
        out.append(Words.Word(start: start, end: end))
      }
      previousMatch = isMatch
      start = end
    }
  }
}
