// What the tests of this module share: a byte tokenizer, temporary files, and the place of the real data.
import Base
import Datasets
import Foundation
import Testing
import Tokenizers

/// Bytes as tokens; 256 begins a text and 257 ends it.
struct ByteEncoding: TextEncoding {
  static let begin: Int32 = 256
  static let end: Int32 = 257
  var addsBegin = false
  var addsEnd = false
  /// Two bytes that become one token, 300.
  var merge: [UInt8] = []
  /// Whether long texts may be cut.
  var cuts = false

  var textCuts: TextCuts? {
    cuts ? TextCuts(before: addsBegin ? [Self.begin] : [], after: addsEnd ? [Self.end] : []) : nil
  }

  func encode(_ text: [UInt8], addSpecialTokens: Bool) -> [Int32] {
    var tokens: [Int32] = addSpecialTokens && addsBegin ? [Self.begin] : []
    var index = 0
    while index < text.count {
      if !merge.isEmpty, text[index...].starts(with: merge) {
        tokens.append(300)
        index += merge.count
      } else {
        tokens.append(Int32(text[index]))
        index += 1
      }
    }
    if addSpecialTokens, addsEnd { tokens.append(Self.end) }
    return tokens
  }

  func encodeWithPlaces(_ text: [UInt8]) -> PlacedTokens {
    var placed = PlacedTokens(tokens: encode(text, addSpecialTokens: false))
    var start = 0
    placed.places = placed.tokens.map { token in
      let count = token == 300 ? merge.count : 1
      defer { start += count }
      return start..<start + count
    }
    return placed
  }
}

extension DocumentEncoder {
  static func bytes(begin: Bool = false, end: Bool = true, merge: String = "") -> DocumentEncoder {
    DocumentEncoder(
      encoding: ByteEncoding(addsBegin: begin, merge: Array(merge.utf8)),
      endOfText: end ? ByteEncoding.end : nil)
  }
}

/// Tokens as text: printable ones as they are, `<` begins and `>` ends a text, `#` is any other.
func spelled(_ tokens: some Swift.Sequence<Int32>) -> String {
  String(
    tokens.map { token -> Character in
      switch token {
      case ByteEncoding.begin: "<"
      case ByteEncoding.end: ">"
      case Batch.noTarget: "."
      case Batch.paddingToken: "_"
      case 0x20..<0x7F: Character(Unicode.Scalar(UInt8(token)))
      default: "#"
      }
    })
}

/// A folder that is removed after the test.
final class Folder {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("datasets-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

  func write(_ name: String, _ bytes: [UInt8]) throws -> String {
    let file = path + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  /// The errors of loading files, one per line, without the folder's name.
  func errors(_ options: DataOptions, encoder: DocumentEncoder = .bytes()) -> String {
    do {
      _ = try Dataset(options, encoder: encoder)
      return "no error"
    } catch {
      return "\(error)".replacingOccurrences(of: path + "/", with: "")
    }
  }
}

extension DataOptions {
  /// Options as most tests want them.
  static func of(
    _ train: [String], validation: ValidationSource = .none, format: DataFormat = .auto,
    columns: DataColumns = DataColumns(), labels: [String]? = nil, packing: Bool = false,
    mask: PackingMask = .none, length: Int = 64, seed: UInt64 = 1,
    readsWhole: Bool = false, names: DataSettingNames = .recipe
  ) -> DataOptions {
    DataOptions(
      train: train, validation: validation, format: format, columns: columns, labels: labels,
      packing: packing, packingMask: mask, sequenceLength: length, seed: seed, readsWhole: readsWhole,
      names: names)
  }
}

extension TokenSequences {
  /// Every sequence's tokens, spelled.
  var allSpelled: [String] { (0..<count).map { spelled(tokens[tokenRange(of: $0)]) } }

  func batch(of sequences: [Int], mask: PackingMask = .none) -> Batch {
    batch(MicroBatch(sequences: sequences, firstSample: 0), mask: mask)
  }
}

/// The real files beside the project; a user's clone does not have them, but CI must.
enum RealData {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("shared/data").path
  static let present =
    FileManager.default.fileExists(atPath: folder) || ProcessInfo.processInfo.environment["CI"] == "true"
  static let missing: Comment = "../shared/data is not beside this package"
}
