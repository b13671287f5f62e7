// Questions whose answers are parts of a text, as SQuAD has them.
import Base
import Foundation

/// `{"question": …, "context": …, "answers": {"text": [ … ], "answer_start": [ … ]}}`, or SQuAD's own .json file. Starts
/// count characters. A question without an answer has empty lists.
struct QuestionAnsweringFormat: RowFormat {
  let name = "question_answering"
  var needsLabel = true
  var keys: String {
    needsLabel ? "\"question\", \"context\" and \"answers\"" : "\"question\" and \"context\""
  }
  let columns = ["question", "context", "answers"]
  let isLabelled = true

  func with(_ wishes: FormatWishes) -> Self {
    var format = self
    format.needsLabel = wishes.needsLabels
    return format
  }

  func fits(_ row: DataRow) -> Bool { row.has("question") && row.has("context") }

  func example(_ row: DataRow) throws(RowMistake) -> Example {
    let question = try filled("question", row)
    let context = try filled("context", row)
    guard needsLabel else {
      return .question(Question(question: question, context: context, answers: nil))
    }
    let given = try row.value("answers", self)
    let texts = given["text"]?.elements ?? []
    let starts = given["answer_start"]?.elements ?? []
    guard given["text"]?.elements != nil, given["answer_start"]?.elements != nil, texts.count == starts.count
    else {
      throw RowMistake(
        "\(row.spelling("answers")) must hold \"text\" and \"answer_start\", two lists of one length")
    }
    let offsets = CharacterOffsets(context)
    var answers: [Question.Answer] = []
    for (text, start) in zip(texts, starts) {
      guard let text = text.bytes, let start = start.integer else {
        throw RowMistake("\(row.spelling("answers")) must hold texts and whole numbers")
      }
      guard let first = offsets.byte(of: start), context[first...].starts(with: text), !text.isEmpty else {
        throw RowMistake(
          "the answer \(String(decoding: text, as: UTF8.self).printable(60).quoted) does not stand in the context at "
            + "character \(start)", hint: "answer_start counts characters from 0")
      }
      answers.append(Question.Answer(text: text, bytes: first..<first + text.count))
    }
    return .question(Question(question: question, context: context, answers: answers))
  }
}

/// Where the characters of a text, as Unicode counts them, begin.
package struct CharacterOffsets {
  private let starts: [Int]

  package init(_ text: [UInt8]) {
    // Every byte but those that continue a character begins one.
    starts = text.indices.filter { text[$0] & 0xC0 != 0x80 } + [text.count]
  }

  func byte(of character: Int) -> Int? { starts.indices.contains(character) ? starts[character] : nil }

  /// The character that a byte belongs to, or begins behind the text.
  package func character(of byte: Int) -> Int {
    var (low, high) = (0, starts.count)
    while low < high {
      let middle = (low + high) / 2
      if starts[middle] < byte { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
