// Turns a text into the tokens that a model trains on: special tokens, the end of the text, and where an answer
// begins.

import Base
import Templates
import Tokenizers

/// What `Datasets` needs of a tokenizer.
package protocol TextEncoding: Sendable {
  /// - Parameters:
  ///   - text: UTF-8.
  ///   - addSpecialTokens: adds what the tokenizer puts around a text, such as a beginning of text.
  func encode(_ text: [UInt8], addSpecialTokens: Bool) -> [Int32]

  /// A text, or two, with special tokens and types; cut to `longest` tokens.
  func encode(_ text: [UInt8], pair: [UInt8]?, longest: Int) throws(UserError) -> TypedTokens

  /// A sentence whose words are given, with the special tokens around it; cut to `longest` tokens.
  func encode(words: [[UInt8]], longest: Int) throws(UserError) -> WordTokens

  /// A question with a text that may answer it, in windows of `longest` tokens of which neighbours share `stride`.
  func windows(
    question: [UInt8], text: [UInt8], longest: Int, stride: Int, at place: String
  ) throws(UserError) -> [TextWindow]

  /// The tokens of a text without special tokens around it, and the bytes that each stands for.
  func encodeWithPlaces(_ text: [UInt8]) -> PlacedTokens

  /// Whether a token is none of a text, such as the end of a turn.
  func isSpecial(_ id: Int32) -> Bool

  /// How many special tokens stand around a text, or around two.
  func specialTokenCount(pair: Bool) throws(UserError) -> Int

  /// How long texts may be cut; nil if their parts might become other tokens than the whole.
  var textCuts: TextCuts? { get }
}

/// An encoder that puts nothing around texts has no more to say: two texts stand one behind the other.
extension TextEncoding {
  package func encode(_ text: [UInt8], pair: [UInt8]?, longest: Int) throws(UserError) -> TypedTokens {
    let first = encode(text, addSpecialTokens: false)
    let second = pair.map { encode($0, addSpecialTokens: false) } ?? []
    let kept = TextTemplate.longestFirst(first.count, second.count, longest: longest)
    return TypedTokens(
      tokens: Array(first[..<kept.first] + second[..<kept.second]), zeroTypes: kept.first,
      cutTokens: first.count + second.count - kept.first - kept.second)
  }

  package func specialTokenCount(pair: Bool) throws(UserError) -> Int { 0 }

  package func isSpecial(_ id: Int32) -> Bool { false }

  package var textCuts: TextCuts? { nil }

  /// Where every byte is a token.
  package func encodeWithPlaces(_ text: [UInt8]) -> PlacedTokens {
    let tokens = encode(text, addSpecialTokens: false)
    precondition(tokens.count == text.count, "an encoder of more than bytes tells where its tokens stand")
    return PlacedTokens(tokens: tokens, places: text.indices.map { $0..<$0 + 1 })
  }

  package func encode(words: [[UInt8]], longest: Int) throws(UserError) -> WordTokens {
    let parts = words.map { encode($0, addSpecialTokens: false) }
    let count = parts.reduce(0) { $0 + $1.count }
    let kept = min(longest, count)
    return WordTokens(
      encoded: TypedTokens(
        tokens: Array(parts.joined().prefix(kept)), zeroTypes: kept, cutTokens: count - kept),
      words: Array(parts.enumerated().flatMap { place, part in part.map { _ in place } }.prefix(kept)))
  }

  package func windows(
    question: [UInt8], text: [UInt8], longest: Int, stride: Int, at place: String
  ) throws(UserError) -> [TextWindow] {
    throw UserError(.data, "the encoder does not tell where tokens stand in a text", at: place)
  }
}

/// A tokenizer and the model's end of text.
package struct DocumentEncoder: Sendable {
  package let encoding: any TextEncoding
  /// The model's end-of-text token; nil if it has none.
  package let endOfText: Int32?
  /// For models that answer to texts, the token that answers begin with; nil for others.
  package let answerStart: Int32?
  /// The token that the model takes for padding; nil if it has none.
  package let padding: Int32?
  /// Whether the tokenizer itself ends every text with `endOfText`.
  private let addsEndOfText: Bool

  package init(
    encoding: any TextEncoding, endOfText: Int32?, answerStart: Int32? = nil, padding: Int32? = nil
  ) {
    self.encoding = encoding
    self.padding = padding
    self.endOfText = endOfText
    self.answerStart = answerStart
    // A text that ends in the spelled-out token looks the same, so the empty text is used to tell.
    addsEndOfText = endOfText != nil && encoding.encode([], addSpecialTokens: true).last == endOfText
  }

  /// A whole document, followed by one end-of-text token if the model has one.
  package func document(_ text: [UInt8]) -> [Int32] {
    var tokens = encoding.encode(text, addSpecialTokens: true)
    if let endOfText, tokens.last != endOfText { tokens.append(endOfText) }
    return tokens
  }

  /// Part of a document that is cut as `textCuts` says.
  func documentPart(_ text: [UInt8], isFirst: Bool, isLast: Bool) -> [Int32] {
    let around = encoding.textCuts ?? TextCuts()
    var tokens = (isFirst ? around.before : []) + encoding.encode(text, addSpecialTokens: false)
    guard isLast else { return tokens }
    tokens += around.after
    if let endOfText, tokens.last != endOfText { tokens.append(endOfText) }
    return tokens
  }

  /// A prompt that is to be continued.
  package func prompt(_ text: [UInt8]) -> [Int32] {
    var tokens = encoding.encode(text, addSpecialTokens: true)
    if addsEndOfText, tokens.last == endOfText { tokens.removeLast() }
    return tokens
  }

  /// What makes tokens of chats.
  /// - Parameter template: as `ChatTemplate` takes it.
  func chats(_ options: ChatOptions, template: String?) -> Result<ChatEncoder, RowMistake> {
    guard answerStart == nil else {
      return .failure(
        RowMistake(
          "is a chat, and the model answers to single texts",
          hint: "give \"source\" and \"target\", with task=text_to_text"))
    }
    do {
      let template = try ChatTemplate(template, folder: options.folder)
      return .success(ChatEncoder(template, loss: options.loss, encoding: encoding))
    } catch let error as UserError {
      return .failure(RowMistake("\(error.what) (\(error.place))", hint: error.hint))
    } catch {
      return .failure(RowMistake("\(error)"))
    }
  }

  /// A text to answer to, cut to a length.
  package func answered(_ text: [UInt8], longest: Int) throws(UserError) -> TypedTokens {
    try encoding.encode(text, pair: nil, longest: longest)
  }

  /// An answer to such a text, cut to a length: the token that begins it, and one that ends it if the model has one.
  package func answer(_ text: [UInt8], longest: Int) throws(UserError) -> TypedTokens {
    let start = [answerStart].compactMap { $0 }
    let end = addsEndOfText ? [] : [endOfText].compactMap { $0 }
    var answer = try encoding.encode(text, pair: nil, longest: longest - start.count - end.count)
    answer.tokens = start + answer.tokens + end
    return answer
  }

  /// A prompt and its answer, encoded as one text.
  ///
  /// As many tokens as the prompt alone has carry no loss (TRL's convention), even if the tokenizer merges the last
  /// letters of the prompt with the first of the answer.
  package func answer(_ answer: [UInt8], to prompt: [UInt8]) -> EncodedAnswer {
    let promptTokens = self.prompt(prompt)
    let tokens = document(prompt + answer)
    return EncodedAnswer(
      tokens: tokens, promptCount: promptTokens.count, boundaryMerged: !tokens.starts(with: promptTokens))
  }
}

/// A prompt and its answer as tokens.
package struct EncodedAnswer: Equatable, Sendable {
  package var tokens: [Int32]
  /// How many tokens at the start carry no loss; may exceed `tokens.count` if tokens merged.
  package var promptCount: Int
  /// Whether the whole does not begin with the tokens of the prompt alone.
  package var boundaryMerged: Bool
}
