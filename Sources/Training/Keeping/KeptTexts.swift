// Sequences of files that a run knows beside its data: what the importance of weights is found on, or general text.
import Base
import Datasets
import Models
import Recipes
import Tokenizers

extension Recipe {
  /// What some files hold, read whole, as the run reads its own data.
  /// - Parameter setting: the key of the recipe that names them.
  /// - Throws: every mistake in the files at once.
  func keptTexts(
    _ files: [String], format: DataFormat, columns: DataColumns, setting: String, model: ModelDescription
  ) throws -> TokenSequences {
    var options = dataOptions
    options.sources = [DataSource(files: files, format: format, columns: columns)]
    options.validation = .none
    options.order = .mixed
    options.temperature = nil
    options.cache = nil
    options.readsWhole = true
    options.names = .recipe(files: setting)
    let dataset = try Dataset(options, encoder: model.encoder(try Tokenizer(folder: self.model)))
    try dataset.check(for: model)
    return dataset.train
  }
}
