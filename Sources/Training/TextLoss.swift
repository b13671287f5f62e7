// How well a model predicts one text, by itself.
import Datasets

extension TrainedModel {
  /// The sum of the losses of a text's tokens, in nats, and how many they are. It depends on the text alone: not on
  /// what was measured before it, or on the rank that measures.
  /// - Parameters:
  ///   - text: UTF-8; its end counts if the model has an end of text.
  ///   - sequenceLength: a longer text is read in parts of so many tokens.
  package func loss(of text: [UInt8], sequenceLength: Int) throws -> (sum: Double, count: Int) {
    let description = replica.description
    let length = min(sequenceLength, description.longestText)
    let tokens = description.encoder(tokenizer).document(text)
    try description.check(tokens)
    var sequences = TokenSequences(files: ["text"], longest: length)
    for start in stride(from: 0, to: tokens.count, by: length) {
      let part = tokens[start..<min(start + length, tokens.count)]
      sequences.append(part, firstTarget: 1, source: SampleSource(file: 0, line: 0))
    }
    var (sum, count) = (0.0, 0)
    var batch = Batch()
    for sequence in 0..<sequences.count {
      let microBatch = MicroBatch(sequences: [sequence], firstSample: 0)
      let targets = sequences.targetCount(of: [sequence])
      guard targets > 0 else { continue }
      replica.objective.fill(&batch, with: microBatch, of: sequences, mask: .document)
      sum += replica.loss(batch)
      count += targets
    }
    return (sum, count)
  }
}
