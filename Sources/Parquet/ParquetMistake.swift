// Why a Parquet file cannot be used; who reads it adds the file and the row.

package struct ParquetMistake: Error, Equatable {
  package var what: String
  package var hint: String

  init(_ what: String, hint: String = "") {
    self.what = what
    self.hint = hint
  }

  static func damaged(_ what: String) -> ParquetMistake {
    ParquetMistake("is damaged: \(what)", hint: "was it copied or downloaded whole?")
  }
}
