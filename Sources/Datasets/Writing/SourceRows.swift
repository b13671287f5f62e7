// The rows of data files as they stand there, with their places.
import Base

/// A row of a data file.
package struct SourceRow {
  /// An object.
  package let json: JSON
  /// The row's own text, if it is one line of JSON: its numbers may be longer than any type of ours.
  package var line: [UInt8]?
  /// Which of the files it is from, from 0.
  package var file = 0
  /// The line where it begins, or the number of a row of Parquet, from 1.
  package var number = 0
}

/// Reads the rows of files one behind the other.
package struct SourceRows {
  package let files: [String]

  package init(_ files: [String]) { self.files = files }

  /// What messages call a file.
  package func name(of file: Int) -> String {
    StandardInput.isNamed(files[file]) ? "standard input" : files[file]
  }

  /// - Parameter body: may throw a `RowMistake` about its row.
  /// - Throws: `UserError` for the first file or row that cannot be read, and what `body` throws.
  package func read(_ body: (SourceRow) throws -> Void) throws {
    for (index, path) in files.enumerated() {
      let file = try DataFile(path)
      var failure: (any Error)?
      let result = Result {
        try file.forEachRow { row in
          do {
            let json = DataColumns().named(try row.json.get(), isCoNLL: file.kind == .words)
            guard json.members != nil else { throw RowMistake.noObject(json) }
            // A file of JSON lines may have a carriage return at the end of each.
            var line = file.kind == .jsonLines ? file.text(of: row) : nil
            if line?.last == 0x0D { line?.removeLast() }
            try body(SourceRow(json: json, line: line, file: index, number: row.line))
          } catch {
            failure = (error as? RowMistake)?.at("\(name(of: index)):\(row.line)") ?? error
          }
          return failure == nil
        }
      }
      // An error about zeros that were read is not an error of the file.
      try file.check()
      try result.get()
      if let failure { throw failure }
    }
  }
}
