// The fixtures that Tests/Fixtures/make_tokenizer_fixtures.py wrote, and the real files that they refer to.
import Base
import Foundation
import Tokenizers

enum TokenizerFixtures {
  static let root = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  static let data = root + "/../shared/data"

  /// Whether tests of real files run. On CI they always do, and fail if the files are missing.
  static let hasData =
    ProcessInfo.processInfo.environment["CI"] == "true" || FileManager.default.fileExists(atPath: data)

  static let realNames = ["gpt2", "stories260K", "bert-base-uncased", "all-MiniLM-L6-v2", "t5"]

  static let goldens = Result { try OpenFile.json(root + "/Tests/Fixtures/tokenizers.json") }
  static let corpora = Result { try OpenFile.json(root + "/Tests/Fixtures/corpus_hashes.json") }

  /// The names under a key of the goldens, in the order of the file.
  static func names(_ key: String) -> [String] {
    ((try? goldens.get())?[key]?.members ?? []).map { String(decoding: $0.key, as: UTF8.self) }
  }

  /// A synthetic tokenizer, whose parts and model are stored separately in the fixture.
  static func synthetic(_ name: String) throws -> (tokenizer: Tokenizer, expected: JSON) {
    let goldens = try goldens.get()
    let expected = try require(goldens["tokenizers"]?[name])
    let model = try require(goldens["models"]?[try require(expected["model"]?.text)])
    var members = try require(expected["file"]?.members)
    members.append(JSON.Member(key: Array("model".utf8), value: model))
    return (try Tokenizer(json: .object(members), path: name), expected)
  }

  static func real(_ name: String) throws -> (tokenizer: Tokenizer, expected: JSON) {
    let expected = try require(try goldens.get()["real"]?[name])
    return (try Tokenizer(file: data + "/" + (try require(expected["file"]?.text))), expected)
  }

  /// A whole real file.
  static func bytes(_ path: String) throws -> [UInt8] {
    let file = try MappedFile(data + "/" + path)
    return withExtendedLifetime(file) { Array(file.bytes) }
  }

  static func texts() throws -> [String] {
    try require(try goldens.get()["texts"]?.elements).map { try require($0.text) }
  }

  static func require<T>(_ value: T?) throws -> T {
    guard let value else { throw UserError(.software, "the fixture lacks a value") }
    return value
  }
}

extension FNV1a {
  /// Takes in a list of ids and its end, as the script of the fixtures does.
  mutating func mix(ids: [Int32]) { for id in ids + [-1] { mix(UInt64(UInt32(bitPattern: id))) } }
}

extension JSON {
  /// A list of ids.
  var ids: [Int32] { (elements ?? []).compactMap { $0.integer.map(Int32.init) } }
}
