// command: a program of the user's, which gets a JSON object a line and answers a number a line.
import Base
import Foundation

/// One program for each rank, which lives as long as the run.
package final class CommandReward {
  private let program: LineProgram
  /// How often it is started again for the same answers.
  private static let retries = 2
  /// Tells the user in one line.
  private let note: (String) -> Void

  package init(_ command: String, timeout: Double, note: @escaping (String) -> Void) {
    program = LineProgram(command, timeout: timeout)
    self.note = note
  }

  /// - Throws: `UserError(.data)` if the program fails three times in a row.
  package func scores(of answers: [RewardedAnswer]) throws -> [Double] {
    guard !answers.isEmpty else { return [] }
    let lines = answers.map { Self.object($0).encoded() }.map { Array($0.utf8) }
    for attempt in 0...Self.retries {
      do throws(LineProgram.Failure) {
        return try numbers(lines)
      } catch {
        guard attempt < Self.retries else {
          throw UserError(
            .data, "the reward program \(error.words), after \(Self.retries) new starts", at: program.command,
            hint: "it must answer each line with one number")
        }
        note("\(program.command): the reward program \(error.words); it is started again")
      }
    }
    preconditionFailure("the last attempt returns or throws")
  }

  private func numbers(_ lines: [[UInt8]]) throws(LineProgram.Failure) -> [Double] {
    var numbers: [Double] = []
    for line in try program.answers(to: lines) {
      let text = String(decoding: line, as: UTF8.self).trimmed
      guard let number = Double(text), number.isFinite else {
        program.stop()
        throw LineProgram.Failure(words: "answered \(text.quoted), which is no number")
      }
      numbers.append(number)
    }
    return numbers
  }

  /// `prompt`, `completion`, `reference` where there is one, and the row's other columns.
  private static func object(_ answer: RewardedAnswer) -> JSON {
    var members = [
      JSON.Member(key: Array("prompt".utf8), value: .string(answer.prompt)),
      JSON.Member(key: Array("completion".utf8), value: .string(answer.completion)),
    ]
    if let reference = answer.reference {
      members.append(JSON.Member(key: Array("reference".utf8), value: .string(reference)))
    }
    let known = members.map(\.key)
    return .object(members + answer.row.filter { !known.contains($0.key) })
  }
}
