// One text made a little different, at random.
import Base

package struct TextAugmentation {
  /// The shares of words whose case changes, of letters that are mistyped, of words that become synonyms, and of a text's
  /// words that go as one span.
  var caseShare: Double
  var typos: Double
  var synonymShare: Double
  var spanDeletion: Double
  var shufflesSentences: Bool
  var synonyms: [String: [String]]

  package init(
    caseShare: Double = 0, typos: Double = 0, synonymShare: Double = 0, spanDeletion: Double = 0,
    shufflesSentences: Bool = false, synonyms: [String: [String]] = [:]
  ) {
    (self.caseShare, self.typos, self.synonymShare) = (caseShare, typos, synonymShare)
    (self.spanDeletion, self.shufflesSentences, self.synonyms) = (spanDeletion, shufflesSentences, synonyms)
  }

  package func applied(to text: [UInt8], _ random: inout PhiloxStream) -> [UInt8] {
    var words = Self.cut(text)
    if shufflesSentences { words = shuffled(words, &random) }
    if spanDeletion > 0 { words = withoutSpan(words, &random) }
    for index in words.indices where !words[index].isSpace {
      // Every word takes as many draws whatever happens, so that one setting does not change what another one does.
      let draws = (random.unit(), random.next(), random.unit(), random.next(), random.next())
      if draws.0 < synonymShare, let new = synonym(of: words[index].bytes, draws.1) {
        words[index].bytes = new
      }
      if draws.2 < caseShare { words[index].bytes = recased(words[index].bytes, draws.3) }
      if typos > 0 {
        var stream = PhiloxStream(seed: draws.4, stream: 0)
        words[index].bytes = mistyped(words[index].bytes, &stream)
      }
    }
    return Array(words.map(\.bytes).joined())
  }

  /// A word, or white space between words.
  private struct Piece {
    var bytes: [UInt8]
    var isSpace: Bool
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

  private static func cut(_ text: [UInt8]) -> [Piece] {
    var pieces: [Piece] = []
    for byte in text {
      let space = isSpace(byte)
      if let last = pieces.last, last.isSpace == space {
        pieces[pieces.count - 1].bytes.append(byte)
      } else {
        pieces.append(Piece(bytes: [byte], isSpace: space))
      }
    }
    return pieces
  }

  /// Sentences end with a word that ends in a full stop, an exclamation or a question mark, and with a line.
  private func shuffled(_ pieces: [Piece], _ random: inout PhiloxStream) -> [Piece] {
    var sentences: [[Piece]] = [[]]
    var gaps: [Piece] = []
    for piece in pieces {
      let isEnd =
        piece.isSpace
        && (piece.bytes.contains(0x0A)
          || sentences.last?.last.map { [0x2E, 0x21, 0x3F].contains($0.bytes.last!) } == true)
      if isEnd, sentences.last?.isEmpty == false {
        gaps.append(piece)
        sentences.append([])
      } else {
        sentences[sentences.count - 1].append(piece)
      }
    }
    // White space at the end stays there.
    let hasEnd = sentences.last?.isEmpty == true
    if hasEnd { sentences.removeLast() }
    sentences.shuffle(using: &random)
    var result: [Piece] = []
    for (place, sentence) in sentences.enumerated() {
      result += sentence
      if place < gaps.count { result.append(gaps[place]) }
    }
    return result
  }

  private func withoutSpan(_ pieces: [Piece], _ random: inout PhiloxStream) -> [Piece] {
    let words = pieces.indices.filter { !pieces[$0].isSpace }
    let count = Int((spanDeletion * Double(words.count)).rounded())
    guard count > 0, count < words.count else { return pieces }
    let first = random.below(words.count - count + 1)
    // With the white space behind it, or before it at the end.
    let isLast = first + count == words.count
    let start = isLast ? words[first - 1] + 1 : words[first]
    let end = isLast ? words[first + count - 1] + 1 : words[first + count]
    return Array(pieces[..<start]) + Array(pieces[end...])
  }

  /// The word's letters with what stands around them.
  private func parts(_ word: [UInt8]) -> (before: ArraySlice<UInt8>, core: String, after: ArraySlice<UInt8>) {
    func isMark(_ byte: UInt8) -> Bool {
      byte < 0x80 && !(0x30...0x39).contains(byte) && !(0x61...0x7A).contains(byte | 0x20)
    }
    let start = word.firstIndex { !isMark($0) } ?? word.endIndex
    let end = word.lastIndex { !isMark($0) }.map { $0 + 1 } ?? start
    return (word[..<start], String(decoding: word[start..<end], as: UTF8.self), word[end...])
  }

  private func synonym(of word: [UInt8], _ draw: UInt64) -> [UInt8]? {
    let (before, core, after) = parts(word)
    guard let choices = synonyms[core.lowercased()], !choices.isEmpty else { return nil }
    var new = choices[Int(draw % UInt64(choices.count))]
    if core.count > 1, core == core.uppercased() {
      new = new.uppercased()
    } else if core.first?.isUppercase == true {
      new = new.prefix(1).uppercased() + new.dropFirst()
    }
    return before + Array(new.utf8) + after
  }

  private func recased(_ word: [UInt8], _ draw: UInt64) -> [UInt8] {
    let text = String(decoding: word, as: UTF8.self)
    let forms = [
      text.lowercased(), text.uppercased(), text.prefix(1).uppercased() + text.dropFirst().lowercased(),
    ]
    .filter { $0 != text }
    return forms.isEmpty ? word : Array(forms[Int(draw % UInt64(forms.count))].utf8)
  }

  /// Of each letter or digit of ASCII: its neighbour, twice, not at all, or in the place of the next one.
  private func mistyped(_ word: [UInt8], _ random: inout PhiloxStream) -> [UInt8] {
    var out: [UInt8] = []
    var at = 0
    while at < word.count {
      let byte = word[at]
      at += 1
      let isUpper = (0x41...0x5A).contains(byte)
      guard random.unit() < typos, let near = Keyboard.neighbours[isUpper ? byte | 0x20 : byte] else {
        out.append(byte)
        continue
      }
      func neighbour() -> UInt8 {
        let other = near[random.below(near.count)]
        return isUpper && other >= 0x61 ? other & 0xDF : other
      }
      switch random.below(4) {
      case 0: out.append(neighbour())
      case 1: out += [byte, byte]
      case 2 where word.count > 1: break
      default:
        if at < word.count, word[at] < 0x80, word[at] != byte {
          out += [word[at], byte]
          at += 1
        } else {
          out.append(neighbour())
        }
      }
    }
    return out
  }
}
