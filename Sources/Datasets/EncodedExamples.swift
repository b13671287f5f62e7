// The rows of data one by one, each with the sequences that training makes of it: for programs that look at data.
import Base

/// A row, and what it is encoded to.
package struct EncodedExample {
  package let example: Example
  /// Its file counts over all files of its part.
  package let source: SampleSource
  /// `file:line`, or the file where it is the whole of it.
  package let place: String
  /// What was counted of this row alone.
  package let counts: FileSummary
  /// What it is trained as, before texts are joined and rows packed: cut to the length of a sequence, unless it will be
  /// joined. None where it is empty or refused.
  package let sequences: TokenSequences
  /// Why it cannot be trained on; nil where it can.
  package let refusal: RowMistake?
  /// Of a chat, the first answer that its template writes in another way once messages stand behind it, from 0.
  package let changedTurn: Int?
}

/// What data is used for.
package enum DataPart: Sendable {
  case training
  /// Files of their own; what is held out of the files of training is among the rows of training here.
  case validation
}

/// The rows of a recipe's data.
package struct EncodedExamples {
  private let options: DataOptions
  private let labels: Labels?
  private let encoder: DocumentEncoder

  /// - Parameters:
  ///   - options: with `choices` where rows have some, as those of a `Dataset` are.
  ///   - labels: of a classification, in order; nil for other data, and where they are not known.
  package init(_ options: DataOptions, labels: [String]?, encoder: DocumentEncoder) {
    self.options = options
    self.labels = labels.map { Labels($0) }
    self.encoder = encoder
  }

  /// How many rows could not be read as their format says, and what messages say about them and their files.
  package struct Unreadable {
    package var rows = 0
    package var mistakes: [UserError] = []

    package init() {}
  }

  /// Encodes rows, in the order of the files. Nothing is kept of a row, so that memory does not grow with them.
  /// - Parameter isChosen: whether a row is wanted.
  /// - Returns: rows that are none of their format.
  package func forEach(
    of part: DataPart, where isChosen: (SampleSource) -> Bool = { _ in true },
    _ body: (EncodedExample) -> Void
  ) -> Unreadable {
    var options = options
    if part == .validation { options.readsWhole = true }
    let sources = sources(of: part)
    let files = sources.flatMap(\.files)
    var unreadable = Unreadable()
    var firstFile = 0
    for source in sources {
      var loader = FileLoader(source, among: files, options: options, labels: labels, encoder: encoder)
      var reader = ExampleReader(source, names: options.names, wishes: options.wishes)
      reader.read { example, place, _, summary in
        summary.rows += 1
        var place = place
        place.file += Int32(clamping: firstFile)
        guard isChosen(place) else { return }
        var counts = FileSummary(path: summary.path, format: summary.format)
        var refusal: RowMistake?
        do throws(RowMistake) { try loader.add(example, from: place, failed: false, to: &counts) } catch {
          refusal = error
        }
        let sequences = loader.takeAdded()
        var changedTurn: Int?
        if case .chat(let conversation) = example, refusal == nil {
          changedTurn = (try? loader.chatEncoder())?.changedTurn(of: conversation)
        }
        body(
          EncodedExample(
            example: example, source: place, place: sequences.name(of: place), counts: counts,
            sequences: sequences, refusal: refusal, changedTurn: changedTurn))
      }
      unreadable.rows += reader.badRows
      unreadable.mistakes += reader.mistakes
      firstFile += source.files.count
    }
    return unreadable
  }

  private func sources(of part: DataPart) -> [DataSource] {
    part == .training ? options.sources : [options.validationFiles].compactMap { $0 }
  }
}
