// Sentences of a .conll file: a word a line with its columns, and lines without a word between sentences.
import Base

/// Reads one sentence after another as an object of lists: `{"0": [words], "1": [ … ]}`, one for each column.
struct CoNLLReader {
  private let text: UnsafeBufferPointer<UInt8>
  private var place = 0
  private var line = 0

  init(text: UnsafeBufferPointer<UInt8>) {
    self.text = text
    if text.starts(with: [0xEF, 0xBB, 0xBF]) { place = 3 }
  }

  /// The next sentence; nil at the end.
  mutating func next() -> FileRow? {
    var columns: [[JSON]] = []
    var first = 0
    var mistake: RowMistake?
    var size = 0
    while place < text.count {
      line += 1
      let begin = place
      let end = text[begin...].firstIndex(of: 0x0A) ?? text.count
      place = min(end + 1, text.count)
      let fields = Self.fields(text[begin..<end])
      // CoNLL-2003 has a line of its own where a document begins.
      if fields.isEmpty || fields[0].elementsEqual("-DOCSTART-".utf8) {
        if columns.isEmpty && mistake == nil { continue }
        break
      }
      if columns.isEmpty {
        first = line
        columns = fields.map { _ in [] }
      }
      size += end - begin
      if size > DataFile.longestRow { mistake = DataFile.tooLong }
      guard mistake == nil else { continue }
      guard fields.count == columns.count else {
        mistake = RowMistake(
          "line \(line) has \(counted(fields.count, "column")), and the sentence begins with \(columns.count)",
          hint: "an empty line stands between sentences")
        continue
      }
      for (column, field) in fields.enumerated() {
        let text = Array(field)
        guard (try? UTF8Span(validating: text.span)) != nil else {
          mistake = RowMistake("line \(line) is not UTF-8", hint: "convert it to UTF-8")
          break
        }
        columns[column].append(.string(text))
      }
    }
    guard !columns.isEmpty else { return nil }
    if let mistake { return FileRow(line: first, json: .failure(mistake)) }
    let members = columns.enumerated().map { JSON.Member(key: Array(String($0).utf8), value: .array($1)) }
    return FileRow(line: first, json: .success(.object(members)))
  }

  /// The columns of a line: what stands between tabs, or where there are none, between spaces.
  private static func fields(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> [Slice<UnsafeBufferPointer<UInt8>>]
  {
    func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
    guard !line.allSatisfy(isBlank) else { return [] }
    let line = line.last == 0x0D ? line.dropLast() : line
    return line.contains(0x09)
      ? line.split(separator: 0x09, omittingEmptySubsequences: false) : line.split(separator: 0x20)
  }
}
