// Makes tokens of one piece of a file, and writes them as parts of a cache.
import Base

/// A piece of a file that a cache holds as a chain of parts: 0, 1, … up to one that says that it is the last.
package struct CachePiece: Sendable {
  /// Which of the loaders of a reading reads it, and which of the files of its source it is of.
  let loader: Int
  let file: Int
  let path: String
  let stamp: FileStamp
  let piece: FilePiece
  let key: CacheKey
  /// Where its parts lie.
  package let folder: String
  /// About how much there is to do: the bytes of text.
  package let work: Int

  package func path(ofPart number: Int) -> String { folder + "/" + TokenPart.name(piece, number) }

  /// The parts that are there, from the first on.
  /// - Parameter verifies: whether to look at every byte of them.
  /// - Returns: the parts up to one that is missing or damaged, and what is wrong with that.
  /// - Throws: `UserError` if a part cannot be read.
  func parts(verifies: Bool = false) throws -> (parts: [TokenPart], damage: CacheDamage?) {
    var parts: [TokenPart] = []
    do {
      while parts.last?.facts.isLast != true {
        guard let part = try TokenPart.open(path(ofPart: parts.count), key: key) else { break }
        if verifies { try part.verify() }
        parts.append(part)
      }
    } catch let damage as CacheDamage { return (parts, damage) }
    return (parts, nil)
  }
}

package struct PiecePreparation: Sendable {
  /// The tokens of a part: what a thread has in memory, and what is read again after a run was killed.
  static let tokensOfPart = 8 << 20

  package enum Outcome: Sendable {
    /// All parts are there.
    case done
    /// The file has mistakes, which `mistakes` of the reading finds in their order. Beside that, why it could not be read, if
    /// it could not.
    case hasMistakes(UserError?)
  }

  let reading: DatasetReading
  package var tokensOfPart = Self.tokensOfPart

  /// Makes the parts that are missing. Several threads may do that for pieces of their own.
  /// - Parameters:
  ///   - verifies: whether to look at every byte of the parts that are there.
  ///   - noted: told of damaged parts, a line each.
  /// - Throws: `UserError` where a file has changed since it was looked at, or a part cannot be written.
  package func run(
    _ piece: CachePiece, verifies: Bool = false, noted: (String) -> Void = { _ in }
  ) throws -> Outcome {
    let (parts, damage) = try piece.parts(verifies: verifies)
    if let damage { noted(damage.words) }
    if parts.last?.facts.isLast == true { return .done }
    do {
      let file = try DataFile(piece.path)
      let before = try FileStamp(piece.path)
      let result = Result { try make(piece, of: file, behind: parts) }
      try file.check()
      guard before.isSame(as: piece.stamp), try FileStamp(piece.path) == before else {
        throw UserError(.tryAgain, "was changed while it was read", at: piece.path, hint: "start again")
      }
      try result.get()
    } catch is FileLoader.HasMistakes {
      return .hasMistakes(nil)
    } catch let error as UserError where error.code == .data {
      return .hasMistakes(error)
    }
    return .done
  }

  private func make(_ piece: CachePiece, of file: DataFile, behind parts: [TokenPart]) throws {
    var loader = reading.loaders[piece.loader]
    let format = try loader.format(of: file)
    var number = parts.count
    var rows = parts.last?.facts.rows ?? 0
    let rest = try loader.read(
      file, index: piece.file, in: piece.piece, format: format, skipping: rows
    ) { loader, count, summary in
      rows = count
      guard loader.tokenCount >= tokensOfPart else { return }
      try write(
        PartFacts(summary: summary, rows: rows), of: &loader, to: piece.path(ofPart: number), piece.key)
      summary = FileSummary(path: "", format: summary.format)
      number += 1
    }
    let nothing = FileSummary(path: "", format: format.map { DataFormat($0) } ?? .auto)
    var facts = PartFacts(summary: rest ?? nothing, rows: rows, isLast: true)
    if case .groups = piece.piece { facts.lines = rows } else { facts.lines = file.lines(in: piece.piece) }
    try write(facts, of: &loader, to: piece.path(ofPart: number), piece.key)
  }

  /// Writes what a loader has read, and takes it away.
  private func write(
    _ facts: PartFacts, of loader: inout FileLoader, to path: String, _ key: CacheKey
  ) throws {
    var facts = facts
    facts.areDocuments = loader.documents.count > 0
    facts.hasChats = loader.hasChats
    // A run that goes on here has not seen the rows before.
    facts.shape = loader.rows.count > 0 ? RowShape(loader.rows) : nil
    try TokenPart(facts: facts, sequences: facts.areDocuments ? loader.documents : loader.rows)
      .write(to: path, key: key)
    loader.forget()
  }
}
