// Lists of tokens of different lengths: where each lies in a store. No token is moved or copied where lists are reordered
// or taken out.

struct RaggedTokens: Sendable {
  /// Ascending, and ends with the number of all tokens: list `i` has the tokens `starts[i]..<starts[i + 1]` of all lists.
  var starts: Column<Int> = [0]
  /// Where the first token of each list lies; empty where all lie one behind the other in the first chunk.
  var places = Column<TokenPlace>()
  /// The number of tokens of the longest list that was ever added.
  var longest = 0

  var count: Int { starts.count - 1 }
  var isEmpty: Bool { count == 0 }
  var tokenCount: Int { starts[count] }
  var bytesInMemory: Int { starts.bytesInMemory + places.bytesInMemory }

  /// The tokens of a list among those of all.
  func range(of list: Int) -> Range<Int> { starts[list]..<starts[list + 1] }

  func length(of list: Int) -> Int { starts[list + 1] - starts[list] }

  /// Where its first token lies.
  func place(of list: Int) -> TokenPlace {
    places.isEmpty ? TokenPlace(chunk: 0, offset: starts[list]) : places[list]
  }

  /// The list that a token among those of all belongs to.
  func list(of token: Int) -> Int {
    var (low, high) = (0, count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if starts[middle] <= token { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// Adds a list that lies behind the last one.
  mutating func append(length: Int) {
    precondition(places.isEmpty, "lists that were reordered do not grow")
    starts.append(tokenCount + length)
    longest = max(longest, length)
  }

  /// Takes the pages of files out of this process's memory.
  func release() {
    starts.release()
    places.release()
  }
}
