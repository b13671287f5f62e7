// Makes data sets of checkable questions: balanced over kinds, the same for the same seed, and with
// held-out questions that no training set of any seed contains.
import Base
import Foundation

/// One question of a data set.
package struct TaskRow: Hashable, Sendable {
  /// The name of its kind.
  package var task: String
  package var prompt: String
  /// The answer after one space, as tokenizers like to find a word.
  package var completion: String
}

package struct TaskGenerator: Sendable {
  package enum Part: UInt64, Sendable {
    case train, heldOut
  }

  /// One prompt in this many is held out.
  package static let heldOutOneIn: UInt32 = 5
  /// After this many draws without a new prompt, a kind counts as used up.
  static let patience = 5000

  package let seed: UInt64
  package let tasks: [any CheckableTask]

  package init(seed: UInt64, tasks: [any CheckableTask] = TaskCatalogue.all) {
    precondition(!tasks.isEmpty, "there must be a task to generate")
    self.seed = seed
    self.tasks = tasks
  }

  /// Whether a prompt is held out. Its bytes alone decide, not a seed.
  package static func isHeldOut(_ prompt: String) -> Bool {
    // Philox mixes the hash, whose low bits mix badly.
    Philox(seed: FNV1a(prompt.utf8).value).words(.zero)[0] % heldOutOneIn == 0
  }

  /// Rows that cycle through the kinds, so that every range of rows is balanced.
  ///
  /// A kind that has no new questions left starts to repeat them in the train part, where they are then seen more
  /// often. The held-out part has every question once.
  /// - Throws: `UserError` if a kind has too few held-out questions.
  package func rows(count: Int, part: Part) throws -> [TaskRow] {
    precondition(count >= 0, "a number of rows is not negative")
    var kinds: [[TaskRow]] = []
    for (index, task) in tasks.enumerated() {
      let share = count / tasks.count + (index < count % tasks.count ? 1 : 0)
      var rows: [TaskRow] = []
      var seen: Set<String> = []
      // The kind's place in the tag keeps a kind's questions as they are when another kind is added.
      var random = PhiloxStream(
        seed: seed, stream: 0x5441_534B << 32 | part.rawValue << 16 | UInt64(index))
      var vain = 0
      while rows.count < share {
        let example = task.example(using: &random)
        guard Self.isHeldOut(example.prompt) == (part == .heldOut) else { continue }
        if seen.contains(example.prompt), vain < Self.patience {
          vain += 1
          continue
        }
        guard part == .train || !seen.contains(example.prompt) else {
          throw UserError(
            .usage, "the kind \(task.name) has only \(rows.count) held-out questions, not \(share)",
            hint: "ask for at most \(rows.count * tasks.count) rows")
        }
        if seen.insert(example.prompt).inserted { vain = 0 }
        rows.append(TaskRow(task: task.name, prompt: example.prompt, completion: " " + example.answer))
      }
      kinds.append(rows)
    }
    return (0..<count).map { kinds[$0 % tasks.count][$0 / tasks.count] }
  }

  /// Writes rows as `{"prompt": …, "completion": …}`, one per line; an existing file is replaced whole.
  package static func write(_ rows: [TaskRow], to path: String) throws {
    try write(
      rows.map { JSON.object(["prompt": .string($0.prompt), "completion": .string($0.completion)]) },
      to: path)
  }

  /// The same as `{"prompt": …, "chosen": …, "rejected": …}`: what is rejected is the next other answer, most often to a
  /// question of another kind. Rows that all have one answer are left out.
  /// - Returns: how many there are.
  package static func writePairs(_ rows: [TaskRow], to path: String) throws -> Int {
    let pairs = rows.indices.compactMap { place -> JSON? in
      let row = rows[place]
      let others = [rows[(place + 1)...], rows[..<place]].joined()
      guard let other = others.first(where: { $0.completion != row.completion }) else { return nil }
      return JSON.object([
        "prompt": .string(row.prompt), "chosen": .string(row.completion),
        "rejected": .string(other.completion),
      ])
    }
    try write(pairs, to: path)
    return pairs.count
  }

  /// The same as `{"source": …, "target": …}`.
  package static func writeTranslations(_ rows: [TaskRow], to path: String) throws {
    try write(
      rows.map {
        JSON.object(["source": .string($0.prompt), "target": .string(String($0.completion.dropFirst()))])
      },
      to: path)
  }

  private static func write(_ rows: [JSON], to path: String) throws {
    let text = rows.map { $0.encoded() + "\n" }.joined()
    let unfinished = path + ".part"
    guard let file = fopen(unfinished, "w") else { throw UserError.disk("cannot be written", unfinished) }
    let bytes = Array(text.utf8)
    let written = fwrite(bytes, 1, bytes.count, file)
    // Buffered bytes may only fail to reach the disk on closing.
    guard fclose(file) == 0, written == bytes.count else {
      throw UserError.disk("cannot be written", unfinished)
    }
    guard rename(unfinished, path) == 0 else { throw UserError.disk("cannot be written", path) }
  }
}
