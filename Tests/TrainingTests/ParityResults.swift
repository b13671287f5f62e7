// What comparisons with transformers found, for the table of docs/models.md: `launch/test --families` makes it.
import Foundation
import Models

enum ParityResults {
  enum Kind: String {
    /// The largest difference of a logit.
    case logits
    /// Of the loss, as a share of it.
    case loss
    /// The norm of the difference of a parameter's gradient, as a share of the gradient's norm.
    case gradients
  }

  /// Adds a line `model_type kind value` to the file that $SWIFTDP_PARITY names, if there is one.
  static func record(_ kind: Kind, of model: ModelDescription, _ value: Double) {
    guard let path = ProcessInfo.processInfo.environment["SWIFTDP_PARITY"] else { return }
    let line = Array("\(model.typeName) \(kind.rawValue) \(value)\n".utf8)
    let file = open(path, O_WRONLY | O_APPEND | O_CREAT, 0o644)
    precondition(file >= 0 && write(file, line, line.count) == line.count, "cannot write \(path)")
    close(file)
  }
}
