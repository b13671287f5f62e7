// Lists of tokens of different lengths, in one array.

package struct RaggedTokens: Sendable {
  package private(set) var tokens: [Int32] = []
  /// Ascending, and ends with `tokens.count`: list `i` is `starts[i]..<starts[i + 1]`.
  private var starts: [Int] = [0]
  /// The number of tokens of the longest list that was ever added.
  private(set) var longest = 0

  package var count: Int { starts.count - 1 }
  package var isEmpty: Bool { count == 0 }
  var bytes: Int { tokens.count * 4 + starts.count * 8 }

  package subscript(_ list: Int) -> ArraySlice<Int32> { tokens[starts[list]..<starts[list + 1]] }

  mutating func append(_ added: some Collection<Int32>) {
    tokens.append(contentsOf: added)
    starts.append(tokens.count)
    longest = max(longest, added.count)
  }

  /// Takes some lists out; the rest moves down within the same arrays.
  /// - Parameter taken: ascending.
  mutating func remove(_ taken: [Int]) {
    var (end, kept, next) = (0, 0, 0)
    for list in 0..<count {
      if next < taken.count, taken[next] == list {
        next += 1
        continue
      }
      let range = starts[list]..<starts[list + 1]
      starts[kept] = end
      for index in range {
        tokens[end] = tokens[index]
        end += 1
      }
      kept += 1
    }
    tokens.removeLast(tokens.count - end)
    starts.removeLast(starts.count - kept)
    starts.append(end)
  }
}
