// What a model gives for the sequences of a data set, over all ranks.
import Collectives
import Datasets
import Generation
import Objectives
import Tokenizers

/// - Parameters:
///   - rows: of the sequences.
///   - microBatchSize: samples of one forward pass.
///   - findsMistakes: whether the objective will be asked for the mistakes.
///   - asked: which outputs to keep, if not those that the objective needs.
///   - reference: what answers are compared with.
///   - progress: called with the number of micro-batches that are measured, and all.
/// - Returns: loss and outputs, in the order of the sequences, known to all ranks. Collective.
/// - Throws: if rows cannot be read again.
package func measure(
  _ sequences: TokenSequences, rows: RowTexts?, replica: Replica, ranks: Ranks, microBatchSize: Int,
  mask: PackingMask, findsMistakes: Bool = false, form asked: OutputForm? = nil, reference: Reference? = nil,
  progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
) throws -> Evaluated {
  let objective = replica.objective
  let form = asked ?? (findsMistakes ? objective.mistakeOutputs : objective.outputs)
  let microBatches = MicroBatch.cut(
    Array(0..<sequences.count), size: microBatchSize * sequences.rowsPerSample)
  let units = objective.units(of: microBatches, in: sequences, .none)
  let number = numberOfStep(
    0, microBatches, of: sequences, units: units, replica: replica, reference: reference, mask: mask, ranks)
  var sums = MicroBatchSums(counts: objective.counts, ranks: ranks)
  var own: [Double] = []
  var batch = Batch()
  for index in stride(from: ranks.rank, to: microBatches.count, by: ranks.count) {
    progress(index, microBatches.count)
    ranks.board?.tell(.validation)
    objective.fill(&batch, with: microBatches[index], of: sequences, mask: mask)
    if let number { batch.setAnswers(AnswerNumbers.ofStep) { _ in number } }
    reference?.fill(&batch)
    let loss = replica.loss(batch)
    sums.append(loss: loss, counts: replica.counts)
    append(replica.outputs, of: batch, behind: sequences.virtual.rows, form, to: &own)
  }
  sums.gather(microBatches: microBatches.count)
  let readsRows = findsMistakes || type(of: objective).readsRows
  let examples = readsRows ? try ranks.together { try rows?.examples(of: sequences) } ?? [:] : [:]
  let answers = try rows.map {
    try answered(examples, of: sequences, rows: $0, replica: replica, ranks: ranks)
  }
  var evaluated = Evaluated(
    sequences, sums: sums.total(microBatches: microBatches.count, units: units),
    outputs: form == .none ? [] : gathered(own, of: sequences, microBatches, form, ranks),
    form: form, rows: rows, examples: examples, answers: answers ?? [])
  if let loss = objective.loss(of: evaluated, replica.engine) { evaluated.sums.loss = loss }
  return evaluated
}

/// What the model writes for the rows of some sequences, if its objective has it write. Collective.
private func answered(
  _ examples: [SampleSource: Example], of sequences: TokenSequences, rows: RowTexts, replica: Replica,
  ranks: Ranks
) throws -> [RowAnswer] {
  guard let settings = replica.objective.answering, let tokenizer = settings.tokenizer else { return [] }
  // A row may lie in several sequences, and a sequence may hold several rows.
  let places = sequences.rowPlaces
  let (asked, prompts) = try ranks.together {
    let asked = places.compactMap { examples[$0] }
    let prompts = try zip(places, asked).map { place, example in
      let prompt = try rows.prompt(of: example)
      try replica.description.check(prompt: prompt, at: sequences.name(of: place))
      return prompt
    }
    return (asked, prompts)
  }
  var answers = Answers(of: replica, ranks: ranks, longest: settings.longest)
  if settings.beams > 1 {
    answers.search = BeamSearch(beams: settings.beams, lengthPenalty: settings.lengthPenalty)
  }
  answers.progress = { _, _, _ in ranks.board?.tell(.validation) }
  let isText = replica.description.answerStart != nil
  return zip(zip(asked, prompts), try answers(to: prompts)).map { row, tokens in
    RowAnswer(row.0, text: tokenizer.text(of: tokens, after: isText ? [] : row.1))
  }
}

/// Adds the outputs of a micro-batch, without those of virtual tokens and padding.
private func append(
  _ outputs: [Double], of batch: Batch, behind virtual: Int, _ form: OutputForm, to all: inout [Double]
) {
  guard form != .none else { return }
  let width = outputs.count / batch.rows
  for row in 0..<batch.rows {
    let each = form == .perToken ? width / batch.length : 0
    let end = form == .perToken ? each * Int(batch.lengths[row]) : width
    all.append(contentsOf: outputs[row * width + each * virtual..<row * width + end])
  }
}

/// The outputs of all ranks in the order of the sequences: rank i has micro-batches i, i + N, i + 2N, …
func gathered(
  _ own: [Double], of sequences: TokenSequences, _ microBatches: [MicroBatch], _ form: OutputForm,
  _ ranks: Ranks
) -> [Double] {
  let all = ranks.gather(own)
  let pieces = microBatches.map { microBatch in
    form == .perToken
      ? microBatch.sequences.reduce(0) { $0 + sequences.length(of: $1) } : microBatch.sequences.count
  }
  let width = all.reduce(0) { $0 + $1.count } / max(1, pieces.reduce(0, +))
  var starts = [Int](repeating: 0, count: ranks.count)
  return microBatches.indices.flatMap { index in
    let rank = index % ranks.count
    let count = pieces[index] * width
    defer { starts[rank] += count }
    return all[rank][starts[rank]..<starts[rank] + count]
  }
}
