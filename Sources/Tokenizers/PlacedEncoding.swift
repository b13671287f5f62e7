// Which part of a text each token stands for, and long texts in windows that overlap: for answers that are parts of a
// text.
import Base

/// The tokens of a text, without special tokens around it.
package struct PlacedTokens: Equatable, Sendable {
  package var tokens: [Int32] = []
  /// For each token, the bytes of the text that it stands for. Tokens may share characters.
  package var places: [Range<Int>] = []

  package init(tokens: [Int32] = [], places: [Range<Int>] = []) {
    self.tokens = tokens
    self.places = places
  }
}

/// A question and a part of the text that may answer it, with the special tokens around them.
package struct TextWindow: Equatable, Sendable {
  package var encoded: TypedTokens
  /// Where the tokens of the text stand among the tokens.
  package var textTokens: Range<Int>
  /// For each token of the text, the bytes of the whole text that it stands for.
  package var places: [Range<Int>]
}

extension Tokenizer {
  /// The tokens of a text and what they stand for: `offsets` of the tokenizers package, in bytes. A token that stands for
  /// a part of a character has all of it.
  package func encodeWithPlaces(_ text: [UInt8]) -> PlacedTokens {
    text.withUnsafeBufferPointer { raw in
      let found = trace(TracedText.mended(raw))
      var placed = PlacedTokens(tokens: found.ids)
      placed.places = found.places.map { place in
        let end =
          place.last < raw.count ? Int(place.last) + UTF8Text.foundLength(raw, Int(place.last)) : raw.count
        return Int(place.first)..<max(Int(place.first), end)
      }
      for trim in postProcessor.trims { trim.apply(to: &placed, raw, spelling) }
      return placed
    }
  }

  /// How a token is spelled where it stands: added tokens may include white space around them.
  private func spelling(_ id: Int32, _ text: UnsafeBufferPointer<UInt8>) -> String {
    isAdded(id) ? String(decoding: text, as: UTF8.self) : piece(id) ?? ""
  }

  /// Cuts a text into windows behind a question, as `truncation="only_second"` with `return_overflowing_tokens` of
  /// transformers does.
  ///
  /// - Parameters:
  ///   - longest: of a window, in tokens with the special ones.
  ///   - stride: how many tokens of the text a window shares with the one before it.
  ///   - place: of the question, for messages.
  /// - Throws: `UserError` if no token of the text fits beside the question, or `stride` is not less than the tokens
  ///   that fit; and as `encode(_:pair:longest:)`.
  package func windows(
    question: [UInt8], text: [UInt8], longest: Int, stride: Int, at place: String
  ) throws(UserError) -> [TextWindow] {
    let template = try template(pair: true)
    let question = encode(question, addSpecialTokens: false)
    let placed = encodeWithPlaces(text)
    let room = longest - template.specialCount - question.count
    if placed.tokens.count > room {
      guard room > 0 else {
        throw UserError(
          .data,
          "the question has \(question.count) tokens, which leaves no room for its text in \(longest) tokens with "
            + "\(template.specialCount) special ones", at: place,
          hint: "ask a shorter question, or allow longer sequences")
      }
      guard stride < room else {
        throw UserError(
          .data,
          "windows that hold \(room) tokens of the text beside the question cannot share \(stride) tokens",
          at: place, hint: "ask a shorter question, allow longer sequences, or choose a smaller stride")
      }
    }
    let start = template.before.count + question.count + template.between.count
    var windows: [TextWindow] = []
    var first = 0
    while true {
      let end = min(first + max(room, 0), placed.tokens.count)
      let tokens =
        template.before + question + template.between + placed.tokens[first..<end] + template.after
      windows.append(
        TextWindow(
          encoded: TypedTokens(
            tokens: tokens, zeroTypes: template.zeroTokens([question.count, end - first]),
            cutTokens: placed.tokens.count - (end - first)),
          textTokens: start..<(start + end - first), places: Array(placed.places[first..<end])))
      guard end < placed.tokens.count else { return windows }
      first += room - stride
    }
  }
}

/// Takes the spaces that a byte-level token begins and ends with from its place (`trim_offsets`).
struct PlaceTrim: Equatable, Sendable {
  /// Whether the space in front of a text may be one that the tokenizer put there.
  let addsPrefixSpace: Bool

  /// - Parameter spelling: of a token and the part of the text that it stands for.
  func apply(
    to placed: inout PlacedTokens, _ text: UnsafeBufferPointer<UInt8>,
    _ spelling: (Int32, UnsafeBufferPointer<UInt8>) -> String
  ) {
    for (index, id) in placed.tokens.enumerated() {
      let place = placed.places[index]
      let scalars = Array(spelling(id, UnsafeBufferPointer(rebasing: text[place])).unicodeScalars)
      var leading = scalars.prefix(while: Self.isSpace).count
      let trailing = scalars.reversed().prefix(while: Self.isSpace).count
      if leading > 0, addsPrefixSpace, index == 0 || place.lowerBound == 0 { leading -= 1 }
      // A space that the tokenizer put in front shares the place of a character that may have several bytes.
      var ends = [place.lowerBound]
      while let last = ends.last, last < place.upperBound {
        ends.append(min(last + UTF8Text.foundLength(text, last), place.upperBound))
      }
      let start = min(leading, ends.count - 1)
      let isBehind = Self.hasCharacters(trailing, text[..<place.upperBound])
      placed.places[index] =
        ends[start]..<ends[isBehind ? max(ends.count - 1 - trailing, start) : ends.count - 1]
    }
  }

  /// Whether a text has so many characters.
  private static func hasCharacters(_ count: Int, _ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
    text.count >= count * 4 || text.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } >= count
  }

  /// U+0120 stands for the space.
  private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value == 0x120 || CharacterClasses.shared(scalar.value) & CharacterClasses.whitespace != 0
  }
}
