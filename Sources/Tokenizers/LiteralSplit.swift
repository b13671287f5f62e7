// Splits at literal texts.

struct LiteralSplit: PreTokenizer {
  /// The texts, of which the first that a place begins with counts.
  private let texts: PieceTrie
  /// Whether a text begins with this byte.
  private let starts: [Bool]
  private let behavior: SplitBehavior
  private let inverted: Bool

  /// - Parameter part: the step, for messages.
  init(_ alternatives: [[UInt8]], behavior: SplitBehavior, inverted: Bool, _ part: FilePart) throws {
    guard alternatives.allSatisfy({ !$0.isEmpty }) else {
      throw part.error("an empty pattern splits nothing")
    }
    texts = PieceTrie(try Vocabulary(pieces: alternatives, part))
    starts = (UInt8.min...UInt8.max).map { byte in alternatives.contains { $0[0] == byte } }
    self.behavior = behavior
    self.inverted = inverted
  }

  func apply(to words: inout Words) {
    var pieces: [(end: Int, isMatch: Bool)] = []
    texts.withReader { texts in
      starts.withUnsafeBufferPointer { starts in
        words.splitEach { text, word, out in
          pieces.removeAll(keepingCapacity: true)
          var at = word.start
          var done = word.start
          while at < word.end {
            var found: (id: Int32, end: Int) = (.max, at)
            if starts[Int(text[at])] {
              texts.prefixes(text, at, word.end) { if $0 < found.id { found = ($0, $1) } }
            }
            guard found.end > at else {
              at += 1
              continue
            }
            if done < at { pieces.append((at, inverted)) }
            at = found.end
            pieces.append((at, !inverted))
            done = at
          }
          if done < word.end { pieces.append((word.end, inverted)) }
          behavior.append(pieces, from: word.start, to: &out)
        }
      }
    }
  }
}
