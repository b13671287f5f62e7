// What a run says about its data before it starts.
import Datasets

package struct RunDataSummary: Sendable {
  package var files: [FileSummary]
  package var train: SequencesSummary
  package var validation: SequencesSummary?
  package var droppedTokens: Int

  init(_ summary: DataSummary) {
    files = summary.trainFiles.files + (summary.validationFiles?.files ?? [])
    train = summary.train
    validation = summary.validation
    droppedTokens = summary.trainFiles.droppedTokens + (summary.validationFiles?.droppedTokens ?? 0)
  }
}
