// The reader of task files, as `evaluate --tasks` takes them.
import Base
import Evaluation
import Foundation

extension HostileReader {
  private static let row = JSON.object([
    "question": .string("what \"is\" <é>?\n"), "choices": .array([.string("a"), .string("b")]),
    "answer": .integer(1), "label": .string("b"), "nested": .object(["x": .number(1.5)]),
  ])
  private static let answers = [
    "The answer is 42.\n#### 1,234", "", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "(B) é",
  ]

  /// The bytes as a file of a task or a group; a row and some answers go through what it says.
  static func readTasks(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    let path = folder + "/task.yaml"
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let set = try TaskSet([path])
    var refusal: (any Error)?
    for task in set.tasks.prefix(8) {
      do { _ = try task.trial(of: row, answers: answers) } catch {
        try Refusal.check(error)
        refusal = refusal ?? error
      }
    }
    if let refusal { throw refusal }
  }
}
