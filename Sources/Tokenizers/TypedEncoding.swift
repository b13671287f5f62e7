// Encoding of one text or two with the types that tell them apart, for models that read both at once.
import Base

extension Tokenizer {
  /// The tokens of a text, or of two, with the special tokens around them. Bytes that are not UTF-8 are read as U+FFFD.
  ///
  /// - Parameters:
  ///   - longest: of the result, in tokens; texts that are longer lose tokens at their ends, two texts as
  ///     `longest_first` of the tokenizers package says. Special tokens stay, even if they alone are more.
  /// - Throws: `UserError` if the file has no template for two texts, or types other than zeros and then ones.
  package func encode(
    _ text: [UInt8], pair: [UInt8]?, longest: Int = .max
  ) throws(UserError) -> TypedTokens {
    let template = try template(pair: pair != nil)
    let room = max(0, longest - template.specialCount)
    let first = encode(text, addSpecialTokens: false)
    var tokens = template.before
    guard let pair else {
      let kept = min(room, first.count)
      tokens.reserveCapacity(template.specialCount + kept)
      tokens.append(contentsOf: first[..<kept])
      tokens.append(contentsOf: template.after)
      return TypedTokens(
        tokens: tokens, zeroTypes: template.zeroTokens([kept]), cutTokens: first.count - kept)
    }
    let second = encode(pair, addSpecialTokens: false)
    let kept = TextTemplate.longestFirst(first.count, second.count, longest: room)
    tokens.reserveCapacity(template.specialCount + kept.first + kept.second)
    tokens.append(contentsOf: first[..<kept.first])
    tokens.append(contentsOf: template.between)
    tokens.append(contentsOf: second[..<kept.second])
    tokens.append(contentsOf: template.after)
    return TypedTokens(
      tokens: tokens, zeroTypes: template.zeroTokens([kept.first, kept.second]),
      cutTokens: first.count + second.count - kept.first - kept.second)
  }

  /// How many special tokens stand around a text, or around two.
  package func specialTokenCount(pair: Bool) throws(UserError) -> Int {
    try template(pair: pair).specialCount
  }

  func template(pair: Bool) throws(UserError) -> TextTemplate {
    let template = pair ? try postProcessor.pair.get() : postProcessor.single
    guard template.zeroParts != nil else {
      throw UserError(
        .data, "post_processor: the types of its template are not zeros and then ones", at: path,
        hint: "only models with two types of text are built in")
    }
    return template
  }
}
