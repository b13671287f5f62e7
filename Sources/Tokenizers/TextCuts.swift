// Where a long text may be cut, so that its parts can be encoded apart: the tokens of the parts, one behind the other, are
// those of the whole.

/// A text may be cut behind a line feed that stands between a visible ASCII character and an ASCII letter.
package struct TextCuts: Equatable, Sendable {
  /// The tokens that stand around a whole text.
  package let before: [Int32]
  package let after: [Int32]

  package init(before: [Int32] = [], after: [Int32] = []) {
    self.before = before
    self.after = after
  }

  /// The first place at or behind `start` where a text may be cut.
  package static func place(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    guard text.count > 2 else { return nil }
    return (min(max(start, 2), text.count)..<text.count).first { place in
      guard text[place - 1] == 0x0A, (0x21...0x7E).contains(text[place - 2]) else { return false }
      return (0x41...0x5A).contains(text[place] & 0xDF)
    }
  }

  /// - Returns: nil if some step of a tokenizer may look across such a place.
  init?(
    _ normalizers: [any Normalizer], _ preTokenizers: [any PreTokenizer], _ tokens: AddedTokens,
    _ template: TextTemplate
  ) {
    guard normalizers.allSatisfy({ [.kept, .spaced].contains($0.lineBorder) }) else { return nil }
    let isSpaced = normalizers.contains { $0.lineBorder == .spaced }
    var isCut = false
    for step in preTokenizers {
      switch step.lineBorder {
      case .cutAtSpace: isCut = true
      case .cut where !isSpaced || isCut: isCut = true
      case .kept: break
      case .keptInWords where isCut: break
      case .cut, .keptInWords, .spaced, .crossed: return nil
      }
    }
    // Such a token would be found across the place, or take the line feed with it.
    let reachesAcross = tokens.tokens.contains { token in
      [token.content, token.pattern].contains { text in
        text.contains { $0 <= 0x20 }
          || token.stripsLeft && text.first.map { (0x41...0x5A).contains($0 & 0xDF) } ?? false
      }
    }
    guard isCut, !reachesAcross else { return nil }
    before = template.before
    after = template.after
  }
}

/// What a step makes of such a line feed.
enum LineBorder {
  /// It may look across, or nobody has shown that it does not.
  case crossed
  /// It treats what stands before and behind alike, whether the other is there or not.
  case kept
  /// The same, but the line feed becomes a space.
  case spaced
  /// The same, but only inside of words: the line feed may become a letter.
  case keptInWords
  /// A word ends there.
  case cut
  /// A word ends there, also where the line feed has become a space.
  case cutAtSpace
}

extension UnicodeNormalization { var lineBorder: LineBorder { .kept } }
extension Lowercase { var lineBorder: LineBorder { .kept } }
extension StripAccents { var lineBorder: LineBorder { .kept } }
extension BertNormalizer { var lineBorder: LineBorder { .spaced } }
extension ByteLevelCharacters { var lineBorder: LineBorder { .keptInWords } }
extension GPT2Words { var lineBorder: LineBorder { .cut } }
extension Llama3Words { var lineBorder: LineBorder { .cut } }
extension CasedWords { var lineBorder: LineBorder { .cut } }
extension BertWords { var lineBorder: LineBorder { .cutAtSpace } }
extension WordsBetweenSpace { var lineBorder: LineBorder { .cutAtSpace } }
extension WordsAndSymbols { var lineBorder: LineBorder { .cutAtSpace } }
