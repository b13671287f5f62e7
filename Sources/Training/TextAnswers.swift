// What a model answers to texts, by itself: on one rank, whatever others do.
import Base
import Datasets
import Generation
import Tokenizers

/// How answers to texts are made.
package struct TextAnswering {
  package var sampling = Sampling()
  /// The most tokens of an answer.
  package var longest = 256
  /// An answer ends before the first of these texts.
  package var stops: [[UInt8]] = []
  /// Writes a prompt as what a user says; nil to continue prompts as they are.
  package var chat: ChatEncoder?
  package var batchSize = 32
  /// Called with the tokens of each answer.
  package var progress: (Int) -> Void = { _ in }

  package init() {}
}

/// A prompt that a model cannot read.
package struct UnreadablePrompt: Error {
  package let prompt: Int
  package let what: String
}

extension TrainedModel {
  /// - Parameter samples: the keys of the prompts' random draws.
  /// - Returns: for each prompt the answer, and whether it ended before it had the most tokens.
  /// - Throws: `UnreadablePrompt` for the first prompt that the model or its template refuses.
  package func answers(
    to prompts: [[UInt8]], samples: [Int], _ answering: TextAnswering
  ) throws -> [(text: [UInt8], isWhole: Bool)] {
    let tokens = try prompts.enumerated().map { try encoded($1, number: $0, answering.chat) }
    let stops = answering.stops + [answering.chat?.turnEnd() ?? []].filter { !$0.isEmpty }
    let isText = replica.description.answerStart != nil
    var texts = tokens.map { prompt in
      GrowingAnswer(
        StreamingDecoder(tokenizer, skipSpecialTokens: answering.chat == nil), after: isText ? [] : prompt)
    }
    try replica.generator.run(
      zip(tokens, samples).map { Generator.Prompt($0, sample: $1) }, batchSize: answering.batchSize,
      maximum: answering.longest, sampling: answering.sampling
    ) { prompt, token in
      texts[prompt].append(token, stops)
      return !texts[prompt].isStopped
    } ended: { prompt, _ in
      texts[prompt].finish(stops)
      answering.progress(texts[prompt].count)
    }
    return zip(texts, tokens).map { text, prompt in
      let room =
        isText ? answering.longest : min(answering.longest, replica.description.longestText - prompt.count)
      return (text.bytes, text.isStopped || text.count < room)
    }
  }

  private func encoded(_ prompt: [UInt8], number: Int, _ chat: ChatEncoder?) throws -> [Int32] {
    let tokens: [Int32]
    if let chat {
      do throws(ChatMistake) {
        let said = Conversation.Message(role: "user", text: prompt)
        tokens = tokenizer.encode(
          try chat.prompt(Conversation(messages: [said])), addSpecialTokens: false)
      } catch { throw UnreadablePrompt(prompt: number, what: error.what) }
    } else {
      tokens = replica.description.encoder(tokenizer).prompt(prompt)
    }
    do {
      try replica.description.check(prompt: tokens, at: "")
    } catch let error as UserError { throw UnreadablePrompt(prompt: number, what: error.what) }
    return tokens
  }
}

/// An answer to which tokens are added until one of some texts stands in it.
private struct GrowingAnswer {
  private var decoder: StreamingDecoder
  private(set) var bytes: [UInt8] = []
  /// Tokens.
  private(set) var count = 0
  private(set) var isStopped = false

  /// - Parameter prompt: without it, the first piece would lose the space before it.
  init(_ decoder: StreamingDecoder, after prompt: [Int32]) {
    self.decoder = decoder
    for token in prompt { _ = self.decoder.append(token) }
  }

  mutating func append(_ token: Int32, _ stops: [[UInt8]]) {
    count += 1
    add(decoder.append(token), stops)
  }

  mutating func finish(_ stops: [[UInt8]]) { if !isStopped { add(decoder.finish(), stops) } }

  private mutating func add(_ part: String, _ stops: [[UInt8]]) {
    let known = bytes.count
    bytes += Array(part.utf8)
    // A stop may begin in what was there.
    let places = stops.compactMap { stop in
      bytes.indices[max(0, known - stop.count)...].first { bytes[$0...].starts(with: stop) }
    }
    guard let first = places.min() else { return }
    bytes.removeLast(bytes.count - first)
    isStopped = true
  }
}
