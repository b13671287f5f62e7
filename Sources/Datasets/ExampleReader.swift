// Reads a list of files row by row, decides their formats, and remembers every mistake on the way.
import Base

/// The examples of some files, and what is wrong with the files.
struct ExampleReader {
  /// This many bad rows of a file are reported one by one.
  static let rowsTold = 5

  /// Takes an example. Its source counts files from 0.
  /// - Parameter failed: whether there was a mistake before: files are checked to their end, but results are not used.
  typealias Take = (
    _ example: Example, _ source: SampleSource, _ failed: Bool, _ summary: inout FileSummary
  ) throws(RowMistake) -> Void

  private let source: DataSource
  private let names: DataSettingNames
  private let wishes: FormatWishes
  private(set) var files: [FileSummary] = []
  private(set) var mistakes: [UserError] = []
  /// Called with each row before its example is taken.
  var watch: ((JSON, SampleSource) -> Void)?
  /// Rows that cannot be used; not all of them are reported one by one.
  private(set) var badRows = 0

  /// - Parameters:
  ///   - names: of the settings, for messages.
  ///   - wishes: what the task wants of rows.
  init(_ source: DataSource, names: DataSettingNames, wishes: FormatWishes) {
    self.wishes = wishes
    self.source = source
    self.names = names
  }

  mutating func read(_ take: Take) {
    for (index, path) in source.files.enumerated() {
      let told = mistakes.count
      do {
        let file = try DataFile(path)
        let result = Result { try read(file, index: index, take) }
        do {
          try file.check()
        } catch {
          // In that case the mistakes in the rows are not the user's.
          mistakes.removeLast(mistakes.count - told)
          throw error
        }
        try result.get()
      } catch let error as UserError {
        mistakes.append(error)
      } catch {
        mistakes.append(UserError(.data, "\(error)", at: path))
      }
    }
  }

  private mutating func read(_ file: DataFile, index: Int, _ take: Take) throws {
    if file.kind == .text {
      guard let summary = try readText(of: file, index: index, take) else { return }
      return try finish(summary)
    }
    let bad = mistakes.count
    let summary = try readRows(of: file, index: index, in: .whole, format: try format(ofTable: file), take)
    if mistakes.count > bad { return }
    guard let summary else {
      if source.choice != .all { return }
      throw UserError(.data, "the file has no rows", at: file.path)
    }
    try finish(summary)
  }

  /// Reads one piece of a file.
  /// - Parameters:
  ///   - file: opened; who calls it checks it afterwards.
  ///   - known: the format of its rows, where another piece has told it.
  /// - Returns: what was found; nil if the piece has no rows.
  /// - Throws: `UserError` if the file cannot be read. Mistakes in rows are among `mistakes`.
  mutating func read(
    _ file: DataFile, index: Int, in piece: FilePiece, format known: (any RowFormat)?, _ take: Take
  ) throws -> FileSummary? {
    if file.kind == .text { return try readText(of: file, index: index, take) }
    return try readRows(of: file, index: index, in: piece, format: known, take)
  }

  /// The format that all pieces of a file have: what the settings say, or its columns or its first row.
  /// - Returns: nil if the file has no rows, or if its first one has a mistake.
  /// - Throws: `UserError` if the file is none for its settings.
  func format(of file: DataFile) throws -> (any RowFormat)? {
    if file.kind == .text { return nil }
    if let format = try format(ofTable: file) { return format }
    var found: (any RowFormat)?
    try file.forEachRow(
      hasNames: !source.columns.areNumbered, columns: columnsRead(of: file, nil)
    ) { row in
      guard let json = try? row.json.get(), source.choice.takes(json) else {
        return (try? row.json.get()) != nil
      }
      found = try? decided(nil, by: DataRow(json: json, columns: source.columns))
      return false
    }
    return found
  }

  /// - Throws: `UserError` if a .txt file is none for its settings.
  /// - Returns: whether it is to be read.
  func takesText(of file: DataFile) throws -> Bool {
    let format = source.decidedFormat
    guard source.choice.takesTexts else { return false }
    guard format == .auto || format == .text else {
      throw UserError(
        .data, "a .txt file is plain text, not \(format.rawValue)", at: file.path,
        hint: "use .jsonl, .json, .tsv, .csv or .parquet, or \(names.autoFormat)")
    }
    return true
  }

  /// The text of a .txt file.
  /// - Returns: nil if it is not to be read.
  private func readText(of file: DataFile, index: Int, _ take: Take) throws -> FileSummary? {
    guard try takesText(of: file) else { return nil }
    var summary = FileSummary(path: file.path, format: .text)
    let text = try file.text()
    do throws(RowMistake) {
      try take(.document(text), SampleSource(file: index, line: 0), !mistakes.isEmpty, &summary)
    } catch { throw error.at(file.path) }
    return summary
  }

  /// The format of a file, where the settings or the names of a table's columns tell it.
  private func format(ofTable file: DataFile) throws -> (any RowFormat)? {
    let columns = source.columns
    guard file.hasNumbers || !columns.areNumbered else {
      throw UserError(
        .data, "its columns have names, and \(names.columns) gives numbers", at: file.path,
        hint: "numbers are for .tsv, .csv and .conll files")
    }
    let format = source.decidedFormat.rows?.with(wishes)
    guard let first = file.columns(hasNames: !columns.areNumbered) else { return format }
    do throws(RowMistake) {
      // The names of a table must be there before any row is looked at.
      let row = DataRow(json: try first.json.get(), columns: columns, isOfNames: true)
      let found = try decided(format, by: row)
      _ = try found.example(row)
      return found
    } catch { throw error.at("\(file.path):\(first.line)") }
  }

  /// - Returns: what was found; nil if there are no rows, or if the first one has a mistake.
  private mutating func readRows(
    of file: DataFile, index: Int, in piece: FilePiece, format known: (any RowFormat)?, _ take: Take
  ) throws -> FileSummary? {
    let (path, columns) = (file.path, source.columns)
    var rows = known
    var summary = rows.map { FileSummary(path: path, format: DataFormat($0)) }
    var bad = 0
    var number = 0
    try file.forEachRow(
      hasNames: !columns.areNumbered, columns: columnsRead(of: file, rows), in: piece
    ) { row in
      defer { number += 1 }
      do throws(RowMistake) {
        let json = try row.json.get()
        guard source.choice.takes(json) else { return true }
        let data = DataRow(json: json, columns: columns)
        let format = try decided(rows, by: data)
        rows = format
        var found = summary ?? FileSummary(path: path, format: DataFormat(format))
        let example = try format.example(data)
        let place = SampleSource(file: index, line: row.line, row: number)
        watch?(json, place)
        try take(example, place, !mistakes.isEmpty, &found)
        summary = found
      } catch {
        bad += 1
        badRows += 1
        if bad <= Self.rowsTold { mistakes.append(error.at("\(path):\(row.line)")) }
        // Without a first row that fits, the format of the others is not known.
        if summary == nil { return false }
      }
      return true
    }
    if bad > Self.rowsTold {
      let more = bad - Self.rowsTold
      mistakes.append(
        UserError(.data, "and \(counted(more, "more row")) that cannot be used", at: path))
    }
    return summary
  }

  /// The columns of a .parquet file that its format reads; nil for all, as messages about a row that does not fit name
  /// what it has.
  private func columnsRead(of file: DataFile, _ format: (any RowFormat)?) -> Set<String>? {
    func keys(_ formats: [any RowFormat]) -> Set<String> {
      Set(formats.flatMap(\.columns).map { source.columns.key($0) })
    }
    // Other columns may hold what no row of text can, such as images.
    guard let first = file.firstParquetRow(columns: keys(format.map { [$0] } ?? DataFormat.list)) else {
      return nil
    }
    let row = DataRow(json: first, columns: source.columns)
    guard let format = try? decided(format, by: row), (try? format.example(row)) != nil else { return nil }
    return keys([format])
  }

  private func decided(
    _ format: (any RowFormat)?, by row: DataRow
  ) throws(RowMistake) -> any RowFormat {
    if let format { return format }
    return try DataFormat.detect(row, setting: names.format)
  }

  private mutating func finish(_ summary: FileSummary) throws {
    guard summary.rows > 0 || !mistakes.isEmpty else {
      let reason = summary.emptyRows > 0 ? "all rows of the file are empty" : "the file has no rows"
      throw UserError(.data, reason, at: summary.path)
    }
    files.append(summary)
  }
}
