// What a watching thread finds.

/// What is wrong with which ranks.
package struct Failure: Sendable {
  package enum Kind: Equatable, Sendable {
    case died
    case silent
    /// Two ranks are in different calls.
    case mismatch(RankCall, RankCall)
    /// Every rank waits, and none of them is late.
    case standstill
  }

  package var kind: Kind
  package var ranks: [Int]
  /// 0 if it is not known.
  var signal = 0
}

/// The words that ranks send each other over the network, about the first rank that failed.
extension Failure {
  static let wordCount = 5

  /// As many as `wordCount`.
  var words: [Int64] {
    let (number, first, second): (Int64, RankCall, RankCall) =
      switch kind {
      case .died: (0, .none, .none)
      case .silent: (1, .none, .none)
      case .mismatch(let mine, let theirs): (2, mine, theirs)
      case .standstill: (3, .none, .none)
      }
    return [number, Int64(ranks.first ?? 0), Int64(signal), first.rawValue, second.rawValue]
  }

  init?(words: [Int64]) {
    let kind: Kind
    switch words[0] {
    case 0: kind = .died
    case 1: kind = .silent
    case 2: kind = .mismatch(RankCall(rawValue: words[3]) ?? .none, RankCall(rawValue: words[4]) ?? .none)
    case 3: kind = .standstill
    default: return nil
    }
    self.init(kind: kind, ranks: words[0] == 3 ? [] : [Int(words[1])], signal: Int(words[2]))
  }
}
