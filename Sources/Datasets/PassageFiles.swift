// Passages to search in: rows with an id, a text, and whatever else they say.
import Base

package struct Passage: Equatable, Sendable {
  /// What tells it from all others; of a row, a text or a whole number, and of a .txt file its name.
  package let id: String
  /// UTF-8.
  package let text: [UInt8]
  /// The other keys of the row.
  package let metadata: [JSON.Member]
  /// Where it stands, for messages.
  package let place: String
}

/// What the passages of some files are together.
package struct PassageCensus: Equatable, Sendable {
  package var count = 0
  /// A hash over all ids, texts and metadata in their order: 16 hexadecimal digits.
  package var fingerprint = ""
}

package struct PassageFiles: Sendable {
  package let files: [String]

  package init(_ files: [String]) { self.files = files }

  /// Looks through all passages.
  /// - Parameter check: what else may be wrong with a passage; it says what.
  /// - Throws: `UserErrors` with the first mistakes of all files: rows that are no passages, and ids that stand twice.
  package func census(_ check: (Passage) -> String? = { _ in nil }) throws -> PassageCensus {
    var census = PassageCensus()
    var hash = FNV1a()
    var places: [String: String] = [:]
    var mistakes: [UserError] = []
    try forEachRow { row, place in
      do throws(RowMistake) {
        let passage = try row(place).get()
        if let first = places.updateValue(place, forKey: passage.id) {
          throw RowMistake("has the id \(passage.id.quoted), which \(first) has too")
        }
        if let wrong = check(passage) { throw RowMistake(wrong) }
        census.count += 1
        for part in [Array(passage.id.utf8), passage.text, Array(passage.metadataText.utf8)] {
          for byte in part { hash.mix(UInt64(byte)) }
          hash.mix(256)
        }
      } catch { mistakes.append(error.at(place)) }
      return true
    }
    try PromptFile.refuse(mistakes, in: files.joined(separator: ", "))
    guard census.count > 0 else {
      throw UserError(.data, "holds no passages", at: files.joined(separator: ", "))
    }
    census.fingerprint = hash.digits
    return census
  }

  /// - Throws: `UserError` for the first file or row that cannot be read, and what `body` throws.
  package func read(_ body: (Passage) throws -> Void) throws {
    var failure: (any Error)?
    try forEachRow { row, place in
      do {
        try body(try row(place).get())
      } catch { failure = (error as? RowMistake)?.at(place) ?? error }
      return failure == nil
    }
    if let failure { throw failure }
  }

  private func forEachRow(_ body: ((String) -> Result<Passage, RowMistake>, String) -> Bool) throws {
    for path in files {
      let file = try DataFile(path)
      if file.kind == .text {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let text = try file.text()
        try file.check()
        guard body({ Passage.checked(id: name, text: text, metadata: [], place: $0) }, path) else { return }
        continue
      }
      var goesOn = true
      let result = Result {
        try file.forEachRow { row in
          goesOn = body({ Passage.row(row.json, place: $0) }, "\(path):\(row.line)")
          return goesOn
        }
      }
      // An error about zeros that were read is not an error of the file.
      try file.check()
      try result.get()
      guard goesOn else { return }
    }
  }
}

extension Passage {
  /// The metadata as one line of JSON.
  package var metadataText: String { JSON.object(metadata).encoded() }

  fileprivate static func row(_ json: Result<JSON, RowMistake>, place: String) -> Result<Passage, RowMistake>
  {
    json.flatMap { json in
      guard let members = json.members else { return .failure(.noObject(json)) }
      let metadata = members.filter { ![Array("id".utf8), Array("text".utf8)].contains($0.key) }
      guard let id = json["id"]?.text ?? json["id"]?.integer.map(String.init) else {
        return .failure(
          RowMistake(
            json["id"].map { "\"id\" is \($0.kind), where a text or a whole number is meant" }
              ?? "has no \"id\"",
            hint: "a passage is {\"id\": …, \"text\": …}, with any other keys"))
      }
      guard let text = json["text"]?.bytes else {
        return .failure(
          RowMistake(
            json["text"].map { "\"text\" must be a string, but is \($0.kind)" } ?? "has no \"text\"",
            hint: "a passage is {\"id\": …, \"text\": …}, with any other keys"))
      }
      return checked(id: id, text: text, metadata: metadata, place: place)
    }
  }

  fileprivate static func checked(
    id: String, text: [UInt8], metadata: [JSON.Member], place: String
  ) -> Result<Passage, RowMistake> {
    guard !id.isEmpty else { return .failure(RowMistake("has an empty \"id\"")) }
    // Where a database keeps texts, a zero byte ends them.
    guard !text.contains(0), !id.utf8.contains(0) else {
      return .failure(RowMistake("holds a zero byte", hint: "swiftdp data prepare cleans texts"))
    }
    guard text.contains(where: { $0 > 0x20 }) else { return .failure(RowMistake("has an empty \"text\"")) }
    return .success(Passage(id: id, text: text, metadata: metadata, place: place))
  }
}
