// A model as tasks see it: texts go in, log-likelihoods and texts come out.
import Base
import Generation
import Graph
import Kernels
import Models
import Templates
import Tokenizers

package struct TaskModel {
  let description: ModelDescription
  let weights: WeightStore
  let engine: Engine
  let tokenizer: Tokenizer
  /// What a text without a context begins with: the beginning of texts, or else their end.
  let prefix: Int32?
  private let prefixText: [UInt8]
  private let beginning: [UInt8]?
  /// The text of the token that ends texts; nil where there is none.
  let end: String?
  /// Whether spaces before marks are taken out of what the model writes, as tokenizer_config.json may say.
  private let cleansSpaces: Bool
  /// Whether a space that a text begins with is the one that the tokenizer would put there: transformers' LlamaTokenizer
  /// has steps of its own, whatever tokenizer.json says.
  private let ownsFirstSpace: Bool
  /// For `apply_chat_template`; nil without one.
  let chat: ChatTemplate?

  /// - Parameters:
  ///   - folder: of the tokenizer.
  ///   - chat: writes prompts as chats; nil for plain texts.
  /// - Throws: where the model makes no texts.
  package init(
    _ description: ModelDescription, weights: WeightStore, engine: Engine, tokenizer: Tokenizer,
    folder: String, chat: ChatTemplate? = nil
  ) throws {
    try description.checkMakesTexts()
    guard description.answerStart == nil else {
      throw UserError(
        .usage, "answers to sources, and tasks are for models that continue texts", at: description.folder)
    }
    self.description = description
    self.weights = weights
    self.engine = engine
    self.tokenizer = tokenizer
    let special = try SpecialTokens.read(folder: folder)
    func text(_ name: String) -> String? {
      special.first { $0.key.elementsEqual(name.utf8) }?.value.text
    }
    func known(_ name: String) -> Int32? { text(name).flatMap { tokenizer.id(of: $0) } }
    prefix = known("bos_token") ?? known("eos_token") ?? description.endOfText.first
    prefixText = prefix.map { Array(tokenizer.decode([$0], skipSpecialTokens: false).utf8) } ?? []
    beginning = text("bos_token").map { Array($0.utf8) }
    end =
      text("eos_token")
      ?? description.endOfText.first.map { tokenizer.decode([$0], skipSpecialTokens: false) }
    let file = folder + "/tokenizer_config.json"
    let config = UserError.noFile(file) == nil ? try OpenFile.json(file) : .null
    cleansSpaces = config["clean_up_tokenization_spaces"]?.bool ?? false
    let name = config["tokenizer_class"]?.text ?? (description.typeName == "llama" ? "LlamaTokenizer" : "")
    ownsFirstSpace =
      name.hasPrefix("LlamaTokenizer")
      && tokenizer.encode("a", addSpecialTokens: false) != tokenizer.encode(" a", addSpecialTokens: false)
      && tokenizer.encode("a", addSpecialTokens: false).first.flatMap { tokenizer.piece($0) }?.hasPrefix(
        "\u{2581}") == true
    self.chat = chat
  }

  /// The most tokens that the model reads.
  var longest: Int { description.longestText }

  /// A text with the tokens that the tokenizer puts around it, unless it begins with them.
  func encode(_ text: [UInt8], addSpecialTokens: Bool? = nil) -> [Int32] {
    let adds = addSpecialTokens ?? (prefixText.isEmpty || !text.starts(with: prefixText))
    return tokens(text, adds)
  }

  /// A prompt to continue.
  func prompt(_ text: [UInt8]) -> [Int32] {
    let begins = beginning.map { !$0.isEmpty && text.starts(with: $0) } ?? false
    return tokens(text, !begins)
  }

  private func tokens(_ text: [UInt8], _ addSpecialTokens: Bool) -> [Int32] {
    let text = ownsFirstSpace && text.first == 0x20 ? Array(text.dropFirst()) : text
    return tokenizer.encode(text, addSpecialTokens: addSpecialTokens)
  }

  /// A context and what follows it. Spaces at the end of the context belong to what follows.
  /// - Returns: nil where nothing is left to predict, or nothing to predict it from.
  func pair(_ context: [UInt8], _ continuation: [UInt8]) -> ScoredText? {
    if context.isEmpty {
      let tokens = encode(continuation, addSpecialTokens: false)
      guard let prefix, let first = tokens.first else { return nil }
      let all = first == prefix ? tokens : [prefix] + tokens
      return all.count > 1 ? ScoredText(all, targets: all.count - 1) : nil
    }
    let cut = PythonText.trimmedEnd(context, context.indices)
    let start = Array(context[..<cut])
    let whole = encode(start + context[cut...] + continuation)
    let known = encode(start)
    guard !known.isEmpty, whole.count > known.count else { return nil }
    // The tokens of the context are those that it has alone.
    return ScoredText(known + whole[known.count...], targets: whole.count - known.count)
  }

  /// A text in windows of what the model reads, in which each token is predicted once.
  func windows(_ text: [UInt8]) -> [ScoredText]? {
    let tokens = encode(text)
    guard let prefix else { return nil }
    var windows: [ScoredText] = []
    var done = 0
    while done < tokens.count {
      let count = min(tokens.count - done, longest)
      let end = done + count
      // Later windows are as long as the first, with tokens that were predicted before.
      let start = end - longest - 1
      let own = done == 0 ? [prefix] + tokens[..<end] : Array(tokens[start..<end])
      windows.append(ScoredText(own, targets: count))
      done = end
    }
    return windows
  }

  /// What the model has written.
  func text(_ tokens: [Int32]) -> String {
    let text = tokenizer.decode(tokens, skipSpecialTokens: true)
    guard cleansSpaces else { return text }
    return [
      (" .", "."), (" ?", "?"), (" !", "!"), (" ,", ","), (" ' ", "'"), (" n't", "n't"), (" 'm", "'m"),
      (" 's", "'s"), (" 've", "'ve"), (" 're", "'re"),
    ].reduce(text) { LiteralText.replacing($1.0, in: $0, by: $1.1) }
  }

  /// A chat as the model's template writes it; without what the system says, where the template knows no system.
  func rendered(_ messages: [Message], addsPrompt: Bool, _ task: String) throws -> [UInt8] {
    guard let chat else { preconditionFailure("there is no chat template") }
    func render(_ messages: [Message]) throws(TemplateError) -> [UInt8] {
      try chat.render(messages: .array(messages.map(\.json)), addGenerationPrompt: addsPrompt).text
    }
    var text: [UInt8]
    do throws(TemplateError) { text = try render(messages) } catch {
      let rest = messages.filter { $0.role != "system" }
      do throws(TemplateError) { text = try render(rest) } catch {
        throw UserError(.data, "the chat template \(chat.name) \(error.description)", at: "task \(task)")
      }
    }
    guard !addsPrompt, let last = messages.last else { return text }
    // The last message goes on: what the template writes behind it is cut off.
    let all = last.content
    let part = Array(all[PythonText.trimmedStart(all, all.indices)..<PythonText.trimmedEnd(all, all.indices)])
    guard !part.isEmpty, let place = Self.lastPlace(of: part, in: text) else { return text }
    let end =
      text[place...].starts(with: all.drop { $0 == 0x20 || $0 == 0x0A })
      ? all.drop { $0 == 0x20 || $0 == 0x0A }.count : part.count
    return Array(text[..<(place + end)])
  }

  private static func lastPlace(of part: [UInt8], in text: [UInt8]) -> Int? {
    guard part.count <= text.count else { return nil }
    return (0...text.count - part.count).reversed().first { text[$0...].starts(with: part) }
  }
}

/// Tokens of which the last ones are to be predicted.
struct ScoredText: Sendable {
  var tokens: [Int32]
  var targets: Int

  init(_ tokens: [Int32], targets: Int) { (self.tokens, self.targets) = (tokens, targets) }

  /// Without what a model cannot read before the last of them.
  func cut(to longest: Int) -> ScoredText {
    tokens.count > longest + 1 ? ScoredText(Array(tokens.suffix(longest + 1)), targets: targets) : self
  }
}
