// --recall of commands that sort vectors into lists.
import ArgumentParser

extension ParsableArguments {
  /// - Throws: where it is no share.
  func check(recall: Double?) throws {
    guard let recall, !(recall > 0 && recall <= 1) else { return }
    throw ValidationError("--recall must be above 0, and 1 at most")
  }
}
