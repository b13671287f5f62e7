// Files of tiktoken: a token in base64, a space and its rank, one a line. They say nothing of the splits and special
// tokens that belong to them; the family of the model does.
import Base
import Foundation

enum TiktokenFile {
  /// Whether a file that may be of any kind begins as such a file does.
  static func isOne(_ bytes: [UInt8]) -> Bool {
    let line = bytes.prefix(while: { $0 != 0x0A }).prefix(4096)
    return (try? token(line, 1, "")) != nil
  }

  /// The tokens in the order of their ranks; nil where a rank has none.
  static func tokens(_ bytes: [UInt8], path: String) throws -> [[UInt8]?] {
    var found: [(token: [UInt8], rank: Int)] = []
    for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated()
    where !line.isEmpty && line != [0x0D] {
      found.append(try token(line, index + 1, path))
    }
    guard let last = found.map(\.rank).max() else {
      throw UserError(.data, "the file has no tokens", at: path, hint: hint)
    }
    var tokens = [[UInt8]?](repeating: nil, count: last + 1)
    for (token, rank) in found {
      guard tokens[rank] == nil else {
        throw UserError(.data, "two tokens have the rank \(rank)", at: path, hint: hint)
      }
      tokens[rank] = token
    }
    return tokens
  }

  private static let hint = "the file may be damaged; copy it again"

  private static func token(_ line: ArraySlice<UInt8>, _ number: Int, _ path: String) throws(UserError) -> (
    [UInt8], Int
  ) {
    let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
    guard parts.count == 2, let data = Data(base64Encoded: Data(parts[0])), !data.isEmpty,
      let rank = Int(String(decoding: parts[1].last == 0x0D ? parts[1].dropLast() : parts[1], as: UTF8.self)),
      rank >= 0, rank < Vocabulary.largestCount
    else {
      throw UserError(
        .data, "a line must be a token in base64, a space and its rank", at: "\(path):\(number)", hint: hint)
    }
    return (Array(data), rank)
  }
}
