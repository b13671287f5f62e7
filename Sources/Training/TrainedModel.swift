// A model folder, loaded to be read from: for generation and evaluation.
import Adapters
import Base
import Checkpoints
import Datasets
import Kernels
import Models
import Planning
import Tensors
import Tokenizers

package struct TrainedModel {
  package let folder: String
  package let replica: Replica
  package let tokenizer: Tokenizer

  /// - Parameters:
  ///   - folder: a Hugging Face model folder, a checkpoint, or the output of a run.
  ///   - adapter: a PEFT folder whose base it is.
  package init(folder: String, adapter: String? = nil, threads: Int) throws {
    self.folder = folder
    var description = try ModelDescription.stored(in: folder)
    try description.checkFits(folder: folder, copies: 1)
    if let adapter {
      description = try description.adapted(by: LoRA(adapter: adapter))
    }
    tokenizer = try Tokenizer(file: folder + "/tokenizer.json")
    replica = Replica(description, engine: try Engine(threads: threads))
    let reader: any WeightReader =
      if let adapter {
        try AdaptedWeights(description, base: folder, adapter: adapter, engine: replica.engine)
      } else {
        try FolderWeights(folder: folder, description, layout: replica.store.layout)
      }
    try replica.fill(from: reader)
  }

  /// The answer to a prompt as one text, without the end-of-text token.
  package func answer(_ prompt: String, maximum: Int, sampling: Sampling = Sampling()) throws -> String {
    try replica.answer(prompt, tokenizer: tokenizer, maximum: maximum, sampling: sampling)
  }
}

extension Replica {
  package func answer(
    _ prompt: String, tokenizer: Tokenizer, maximum: Int, sampling: Sampling = Sampling()
  ) throws -> String {
    var ids: [Int32] = []
    try generate(tokenizer.encode(prompt, addSpecialTokens: true), maximum: maximum, sampling: sampling) {
      ids.append($0)
      return true
    }
    return tokenizer.decode(ids, skipSpecialTokens: true)
  }
}

extension TrainedModel {
  /// Some files, read with the model's tokenizer and checked against its vocabulary.
  package func read(_ options: DataOptions) throws -> Dataset {
    let description = replica.description
    let dataset = try Dataset(
      options, encoder: DocumentEncoder(encoding: tokenizer, endOfText: description.endOfText.first))
    try dataset.check(for: description)
    return dataset
  }
}
