// What the tests of this module share: a folder with a tokenizer of bytes, rows that nothing is wrong with, and the
// inspection of some files.
import Base
import Datasets
import Foundation
import Inspection
import Testing
import Tokenizers

enum Project {
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  static func shared(_ path: String) -> String { root + "/../shared/data/" + path }
  /// A user's clone does not have them, but CI must.
  static let hasSharedData =
    FileManager.default.fileExists(atPath: shared("README.md"))
    || ProcessInfo.processInfo.environment["CI"] == "true"
}

/// A folder of a model, without a model, that is removed after the test.
final class Folder {
  let path: String
  static let end: Int32 = 256
  static let turnEnd: Int32 = 261

  /// Bytes are tokens, but for ` t`; a text begins with `<s>`.
  init() throws {
    path = FileManager.default.temporaryDirectory.path + "/inspection-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    let base = try JSON.parse(
      String(contentsOfFile: Project.root + "/Sources/swiftdp/Shipped/base/tokenizer.json", encoding: .utf8))
    let names = ["<|endoftext|>", "<s>", "<pad>", "<|im_start|>", "<|im_end|>"]
    let added = names.enumerated().map { place, name in
      """
      {"id": \(place == 0 ? 256 : 257 + place), "content": "\(name)", "single_word": false, "lstrip": false, \
      "rstrip": false, "normalized": false, "special": true}
      """
    }
    let post = """
      {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, \
      {"Sequence": {"id": "A", "type_id": 0}}], "pair": [{"Sequence": {"id": "A", "type_id": 0}}, \
      {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [258], "tokens": ["<s>"]}}}
      """
    var members = base.members ?? []
    for place in members.indices {
      switch String(decoding: members[place].key, as: UTF8.self) {
      case "added_tokens": members[place].value = .array(try added.map { try JSON.parse($0) })
      case "post_processor": members[place].value = try JSON.parse(post)
      case "model":
        var model = members[place].value.members ?? []
        for place in model.indices {
          switch String(decoding: model[place].key, as: UTF8.self) {
          case "vocab":
            let vocabulary = model[place].value.members ?? []
            model[place].value = .object(
              vocabulary + [JSON.Member(key: Array("Ġt".utf8), value: .integer(257))])
          case "merges": model[place].value = .array([.array([.string("Ġ"), .string("t")])])
          default: break
          }
        }
        members[place].value = .object(model)
      default: break
      }
    }
    try write("tokenizer.json", JSON.object(members).encoded())
    try write(
      "tokenizer_config.json",
      "{\"eos_token\": \"<|endoftext|>\", \"bos_token\": \"<s>\", \"unk_token\": \"[UNK]\"}")
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ name: String, _ text: String) throws -> String {
    let file = path + "/" + name
    try text.write(toFile: file, atomically: true, encoding: .utf8)
    return file
  }

  /// Rows as a .jsonl file.
  func rows(_ name: String, _ rows: [JSON]) throws -> String {
    try write(name, rows.map { $0.encoded() + "\n" }.joined())
  }
}

/// How data is inspected in a test.
struct Setting {
  var template: String? = "chatml"
  var loss = ChatLoss.answers
  var validation: [JSON] = []
  var against: [JSON] = []
  var format = DataFormat.auto
  var labels: [String]?
  var length = 4096
  var packing = false
  var stops: [Int32] = [Folder.end, Folder.turnEnd]
  var padding: Int32?
  var tokenizer: String?

  /// What all checks find in some rows.
  func inspect(_ rows: [JSON]) throws -> InspectionReport {
    let folder = try Folder()
    var options = DataOptions(
      train: [try folder.rows("rows.jsonl", rows)], format: format, labels: labels, packing: packing,
      sequenceLength: length, seed: 1)
    if !validation.isEmpty { options.validation = .files([try folder.rows("validation.jsonl", validation)]) }
    options.chats = ChatOptions(
      template: try template.map { try $0.contains("{%") ? folder.write("own.jinja", $0) : $0 },
      folder: folder.path, loss: loss)
    let tokenizer =
      try tokenizer.map { try Tokenizer(file: folder.write("own.json", $0)) }
      ?? Tokenizer(folder: folder.path)
    let encoder = DocumentEncoder(encoding: tokenizer, endOfText: self.tokenizer == nil ? Folder.end : nil)
    let dataset = try? Dataset(options, encoder: encoder)
    var facts = InspectionFacts(
      dataset?.options ?? options, labels: labels ?? dataset?.labels, encoder: encoder, tokenizer: tokenizer,
      folder: folder.path, endsOfGeneration: stops, padding: padding)
    if !against.isEmpty { facts.evaluation = try EvaluationSet([try folder.rows("against.jsonl", against)]) }
    return Inspection(facts, dataset: dataset).run()
  }
}

/// English of a kind that never says the same twice.
struct Words {
  private static let all = """
    the of and to is that it for was with as be this are by not have from they which you at or an river stone window \
    garden winter summer letter teacher market bridge forest island candle basket mirror pepper silver copper wooden \
    quiet narrow ancient gentle hungry patient curious broken distant heavy northern follow gather borrow deliver \
    imagine promise remember measure repair whisper travel harvest polish examine kitchen engine ladder pocket \
    blanket saddle hammer feather lantern barrel anchor meadow valley harbor cottage thunder shadow morning evening
    """.split(whereSeparator: { $0 == " " || $0 == "\n" }).map(String.init)
  private var state: UInt64

  init(seed: UInt64 = 1) { state = seed }

  mutating func text(_ count: Int) -> String {
    (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Self.all[Int(state >> 33) % Self.all.count]
    }.joined(separator: " ")
  }
}

func row(_ members: KeyValuePairs<String, JSON>) -> JSON { .object(members) }

/// Rows that nothing is wrong with.
enum Clean {
  static let count = 80

  static var completions: [JSON] {
    var words = Words()
    return (0..<count).map { _ in
      row(["prompt": .string(words.text(15) + "?"), "completion": .string(" " + words.text(25) + ".")])
    }
  }

  static func chat(_ turns: [(role: String, text: String)]) -> JSON {
    row([
      "messages": .array(
        turns.map { row(["role": .string($0.role), "content": .string($0.text)]) })
    ])
  }

  static var chats: [JSON] {
    var words = Words(seed: 2)
    return (0..<count).map { _ in
      chat([
        ("user", words.text(12)), ("assistant", words.text(20)), ("user", words.text(12)),
        ("assistant", words.text(20)),
      ])
    }
  }

  static func labelled(_ labels: [String] = ["no", "yes"]) -> [JSON] {
    var words = Words(seed: 3)
    return (0..<count).map { number in
      row(["text": .string(words.text(25)), "label": .string(labels[number % labels.count])])
    }
  }
}

extension InspectionReport {
  var names: [String] { findings.map(\.name).sorted() }
  func finding(_ name: String) -> Finding? { findings.first { $0.name == name } }
}
