// What the ending of a name says about a data file.
import Base
import Compression

package enum DataFileKind: String, CaseIterable, Sendable {
  case text = "txt"
  case jsonLines = "jsonl"
  case json = "json"
  case tabs = "tsv"
  case commas = "csv"
  case words = "conll"
  case parquet = "parquet"

  /// All endings, for messages.
  static let endings =
    ".txt, .jsonl, .json, .tsv, .csv, .conll or .parquet, perhaps with .gz or .zst behind it"

  /// The kind, and how the whole file is compressed; nil for endings that are not known.
  package static func of(_ path: String) -> (kind: DataFileKind, form: CompressedForm?)? {
    let name = path.split(separator: "/").last ?? ""
    var parts = name.lowercased().split(separator: ".", omittingEmptySubsequences: false).dropFirst()
    let form = parts.last.flatMap { CompressedForm(rawValue: String($0)) }
    if form != nil { parts.removeLast() }
    return parts.last.flatMap { DataFileKind(rawValue: String($0)) }.map { ($0, form) }
  }

  /// The same.
  /// - Throws: `UserError` where the ending is not known.
  package static func checked(_ path: String) throws -> (kind: DataFileKind, form: CompressedForm?) {
    guard let known = of(path) else {
      throw UserError(.data, "the ending of the name is not known", at: path, hint: "use \(endings)")
    }
    return known
  }

  /// What bytes without a name are: Parquet, a JSON list, JSON lines, or else text.
  static func seen(in bytes: UnsafeRawBufferPointer) -> DataFileKind {
    if bytes.starts(with: "PAR1".utf8) { return .parquet }
    let text = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    return switch text.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) {
    case UInt8(ascii: "["): .json
    case UInt8(ascii: "{"): .jsonLines
    default: .text
    }
  }
}

extension CompressedForm {
  /// How bytes without a name are compressed; nil where they are not.
  static func seen(in bytes: UnsafeRawBufferPointer) -> CompressedForm? {
    if bytes.starts(with: [0x1F, 0x8B]) { return .gzip }
    return bytes.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) ? .zstd : nil
  }
}
