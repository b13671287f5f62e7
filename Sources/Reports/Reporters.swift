// Who writes what `training.report_to` names.
import Recipes
import Training

extension ReportTarget {
  /// A new observer that writes into the output folder of a run. None of them ends a run.
  /// - Parameter note: tells the user in one line what cannot be written.
  package func observer(output: String, host: String, note: @escaping (String) -> Void) -> any Observer {
    switch self {
    case .tensorboard: TensorBoardLog(output: output, host: host, note: note)
    case .csv: CSVLog(output: output, note: note)
    case .prometheus: PrometheusFile(output: output, note: note)
    }
  }
}
