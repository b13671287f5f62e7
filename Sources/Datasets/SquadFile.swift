// SQuAD's own files: questions within paragraphs within articles, in one object.
import Base

enum SquadFile {
  /// More than any file of SQuAD.
  private static let longest = 1 << 30
  private static let hint = "a .json file holds one list of objects; objects one a line are .jsonl"

  /// Whether a .json file holds an object, and no list.
  static func isOne(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    let body = text.starts(with: [0xEF, 0xBB, 0xBF]) ? text[3...] : text[...]
    return body.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
  }

  /// Calls `body` with every question as a row of its own, until it returns false. Rows are numbered, as many stand in
  /// one line.
  /// - Throws: `UserError` if the file is not SQuAD's.
  static func forEachQuestion(
    _ text: UnsafeBufferPointer<UInt8>, path: String, _ body: (FileRow) -> Bool
  ) throws {
    guard text.count <= longest else {
      throw UserError(
        .data, "one object of more than \(longest >> 30) GiB is not read", at: path,
        hint: "write a row a line, as .jsonl")
    }
    let start = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    let json: JSON
    do {
      json = try JSON.parse(UnsafeBufferPointer(rebasing: text[start...]), takesLargeNumbers: true)
    } catch {
      throw UserError(.data, "is not JSON: \(error)", at: path, hint: hint)
    }
    guard let articles = json["data"]?.elements else {
      throw UserError(
        .data, "holds one object and no list of rows, and a file of SQuAD has a list \"data\"",
        at: path,
        hint: hint)
    }
    var number = 0
    for article in articles {
      for paragraph in article["paragraphs"]?.elements ?? [] {
        for question in paragraph["qas"]?.elements ?? [] {
          number += 1
          let row = FileRow(
            line: number, json: .success(row(question, paragraph["context"] ?? .null, article["title"])))
          guard body(row) else { return }
        }
      }
    }
  }

  /// A question as Hugging Face has them.
  private static func row(_ question: JSON, _ context: JSON, _ title: JSON?) -> JSON {
    let answers = question["answers"]?.elements ?? []
    var members: [(String, JSON)] = []
    if let id = question["id"] { members.append(("id", id)) }
    if let title { members.append(("title", title)) }
    members += [
      ("question", question["question"] ?? .null), ("context", context),
      (
        "answers",
        .object(members: [
          ("text", .array(answers.map { $0["text"] ?? .null })),
          ("answer_start", .array(answers.map { $0["answer_start"] ?? .null })),
        ])
      ),
    ]
    return .object(members: members)
  }
}
