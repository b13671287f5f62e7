// What a model writes behind prompts, up to texts that end an answer.
import Base
import Collectives
import Foundation
import Generation
import Models
import Tokenizers

struct AnswerWriter {
  let model: TaskModel
  let ranks: Ranks
  /// Texts that are written at once, at most.
  let batchSize: Int
  let settings: GenerationSettings
  let seed: Int
  /// The number of the first draw among all tasks' draws.
  let task: String
  /// Called with the share of this rank's answers that are begun, many times.
  var progress: (Double) -> Void = { _ in }

  /// The answers to all prompts, known to all ranks. Collective.
  /// - Parameter samples: for each prompt the key of its random draws.
  func callAsFunction(_ prompts: [[UInt8]], samples: [Int]) throws -> [[UInt8]] {
    let room = model.longest - settings.longest
    guard room > 0 else {
      throw UserError(
        .usage,
        "asks for answers of \(settings.longest) tokens, and the model reads at most \(model.longest)",
        at: "task \(task)", hint: "set generation_kwargs.max_gen_toks")
    }
    let tokens = prompts.map { Array(model.prompt($0).suffix(room)) }
    if let empty = tokens.firstIndex(where: \.isEmpty) {
      throw UserError(.data, "has an empty prompt, in row \(empty)", at: "task \(task)")
    }
    // Equal draws of equal prompts are made once.
    var firsts: [Int] = []
    var places: [[Int32]: Int] = [:]
    let source = tokens.indices.map { index -> Int in
      guard settings.sampling.temperature == 0 else {
        firsts.append(index)
        return firsts.count - 1
      }
      if let known = places[tokens[index]] { return known }
      places[tokens[index]] = firsts.count
      firsts.append(index)
      return firsts.count - 1
    }
    let order = firsts.indices.sorted {
      (tokens[firsts[$0]].count, $0) < (tokens[firsts[$1]].count, $1)
    }
    let own = stride(from: ranks.rank, to: order.count, by: ranks.count).map { firsts[order[$0]] }
    let answers = try ranks.together {
      try alone(own.map { Generator.Prompt(tokens[$0], sample: samples[$0]) })
    }
    let all = ranks.gather(answers.flatMap { [Double($0.count)] + $0.map(Double.init) })
    var next = [Int](repeating: 0, count: ranks.count)
    var texts = [[UInt8]](repeating: [], count: firsts.count)
    for (place, index) in order.enumerated() {
      let rank = place % ranks.count
      let start = next[rank] + 1
      let end = start + Int(all[rank][next[rank]])
      texts[index] = Array(cut(model.text(all[rank][start..<end].map { Int32($0) })).utf8)
      next[rank] = end
    }
    return source.map { texts[$0] }
  }

  private var stops: [String] {
    settings.until + [model.end].compactMap { $0 }.filter { !settings.until.contains($0) }
  }

  private func alone(_ prompts: [Generator.Prompt]) throws -> [[Int32]] {
    var answers = prompts.map { _ in [Int32]() }
    var written = prompts.map { _ in
      (decoder: StreamingDecoder(model.tokenizer, skipSpecialTokens: true), text: "")
    }
    let stops = stops.filter { !$0.isEmpty }.map { Array($0.utf8) }
    var begun = 0
    let generator = Generator(model.description, weights: model.weights, engine: model.engine)
    var sampling = settings.sampling
    sampling.seed = UInt64(seed)
    try generator.run(prompts, batchSize: batchSize, maximum: settings.longest, sampling: sampling) {
      prompt, token in
      if answers[prompt].isEmpty {
        begun += 1
        progress(Double(begun) / Double(prompts.count))
      }
      answers[prompt].append(token)
      let part = written[prompt].decoder.append(token)
      guard !part.isEmpty else { return true }
      written[prompt].text += part
      let text = Array(written[prompt].text.utf8)
      let new = part.utf8.count
      return !stops.contains { stop in
        // A stop may begin in what was there.
        let from = max(0, text.count - new - stop.count)
        return text.count >= stop.count
          && (from...text.count - stop.count).contains { text[$0...].starts(with: stop) }
      }
    }
    return answers
  }

  /// The text before the first of the texts that end it, one after the other.
  private func cut(_ text: String) -> String {
    stops.filter { !$0.isEmpty }.reduce(text) { text, stop in
      text.range(of: stop, options: .literal).map { String(text[..<$0.lowerBound]) } ?? text
    }
  }
}
