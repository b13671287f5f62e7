// The readers of files that anybody may have written, each behind one entry that takes bytes.
import Base
import Checkpoints
import Datasets
import Foundation
import Models
import Parquet
import Recipes
import Tokenizers

/// A kind of file, and how swiftdp reads it.
package enum HostileReader: String, CaseIterable {
  case safetensors, index, tokenizer, sentencepiece, template, rows, parquet, compressed, config, recipe,
    adapter, tasks, retrieval

  /// Reads the bytes as swiftdp reads such a file.
  /// - Parameter folder: takes files that later calls overwrite.
  /// - Throws: what the reader throws; `Finding` where it accepts what it must not.
  package func read(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    switch self {
    case .safetensors: try Self.readSafetensors(bytes, in: folder)
    case .index: try Self.readIndex(bytes, in: folder)
    case .tokenizer: try Self.readTokenizer(bytes, in: folder)
    case .sentencepiece: try Self.readSentencePiece(bytes, in: folder)
    case .template: try Self.readTemplate(bytes, in: folder)
    case .rows: try Self.readRows(bytes, in: folder)
    case .parquet: try Self.readParquet(bytes, in: folder)
    case .compressed: try Self.readCompressed(bytes, in: folder)
    case .config:
      for name in ["config.json", "generation_config.json"] { _ = try Self.write(bytes, name, in: folder) }
      _ = try ModelDescription(folder: folder)
    case .recipe: _ = try Recipe(file: Self.write(bytes, "recipe.yaml", in: folder), assignments: [])
    case .adapter: try Self.readAdapter(bytes, in: folder)
    case .tasks: try Self.readTasks(bytes, in: folder)
    case .retrieval: try Self.readRetrieval(bytes, in: folder)
    }
  }

  /// The adapter_config.json of an adapter on a small model.
  private static func readAdapter(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    _ = try write(bytes, "adapter_config.json", in: folder)
    let config = JSON.object([
      "model_type": .string("llama"), "vocab_size": .integer(9), "hidden_size": .integer(8),
      "intermediate_size": .integer(8), "num_hidden_layers": .integer(2), "num_attention_heads": .integer(2),
    ])
    let adapted = try ModelDescription(config: config, file: "config.json").adapted(
      by: adapterMethod(in: folder))
    guard adapted.parameters.contains(where: \.trains) else { throw Finding("nothing is trained") }
  }

  private static func write(
    _ bytes: UnsafeRawBufferPointer, _ name: String, in folder: String
  ) throws -> String {
    let path = folder + "/" + name
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    return path
  }

  /// Every tensor must lie in the file, and be readable from end to end.
  private static func readSafetensors(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    let file = try SafetensorsFile(write(bytes, "tensors.safetensors", in: folder))
    for entry in file.header.entries {
      let read = try file.withBytes(of: entry.name) { $0.reduce(into: 0) { $0 &+= Int($1) } }
      guard read != nil, file.header.dataStart + entry.bytes.upperBound <= bytes.count else {
        throw Finding("the tensor \(entry.name) does not lie in the file")
      }
      if entry.type.isInteger { _ = try file.integers(entry.name) }
      guard entry.type.isFloat else { continue }
      let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: entry.count)
      defer { values.deallocate() }
      try file.read(entry.name, into: values, range: 0..<entry.count)
    }
    if let entry = file.header.entries.first, entry.type.isFloat {
      do {
        var one: Float = 0
        try withUnsafeMutablePointer(to: &one) {
          try file.read(
            entry.name, into: UnsafeMutableBufferPointer(start: $0, count: 1),
            range: entry.count..<entry.count + 1)
        }
        throw Finding("an element behind the last is read")
      } catch is UserError {}
    }
  }

  /// The index beside one file that it may name, `a.safetensors`, which holds the tensors `a` and `b`.
  private static func readIndex(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    if !FileManager.default.fileExists(atPath: folder + "/a.safetensors") {
      let header = try SafetensorsHeader(tensors: [("a", .f32, [1]), ("b", .f32, [1])], metadata: [:])
      let shard = header.encoded() + [UInt8](repeating: 0, count: 8)
      _ = try shard.withUnsafeBytes { try write($0, "a.safetensors", in: folder) }
    }
    _ = try write(bytes, "model.safetensors.index.json", in: folder)
    let weights = try HuggingFaceWeights(folder: folder)
    guard weights.names.allSatisfy({ weights.shape(of: $0) == [1] }) else {
      throw Finding("the index holds \(weights.names)")
    }
  }

  /// The text after a line `%%TEXT%%` is encoded and decoded.
  private static func readTokenizer(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    let all = Data(bytes)
    let mark = all.range(of: Data("\n%%TEXT%%\n".utf8))
    let json = all[..<(mark?.lowerBound ?? all.endIndex)]
    let path = folder + "/tokenizer.json"
    do {
      _ = try Tokenizer(tiktoken: Array(all), family: "llama", path: folder + "/tokenizer.model")
    } catch {
      try Refusal.check(error)
    }
    try json.write(to: URL(fileURLWithPath: path))
    try check(try Tokenizer(file: path), mark.map { Array(all[$0.upperBound...]) })
  }

  /// The bytes as a model of each family; those after a line `%%SETTINGS%%` are its tokenizer_config.json. If all refuse,
  /// the first refusal is thrown.
  private static func readSentencePiece(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    let all = Data(bytes)
    let mark = all.range(of: Data("\n%%SETTINGS%%\n".utf8))
    func write(_ bytes: Data, _ name: String) throws {
      try bytes.write(to: URL(fileURLWithPath: folder + "/" + name))
    }
    try write(all[..<(mark?.lowerBound ?? all.endIndex)], "tokenizer.model")
    try write(mark.map { all[$0.upperBound...] } ?? Data("{}".utf8), "tokenizer_config.json")
    var refusal: (any Error)?
    var accepted = false
    for family in ["t5", "xlm-roberta", "deberta-v2", "llama", "mistral", "gemma"] {
      try write(Data("{\"model_type\":\"\(family)\"}".utf8), "config.json")
      do {
        try check(try Tokenizer(folder: folder), nil)
        accepted = true
      } catch {
        try Refusal.check(error)
        refusal = refusal ?? error
      }
    }
    if let refusal, !accepted { throw refusal }
  }

  /// - Parameter text: one that is encoded beside the others.
  private static func check(_ tokenizer: Tokenizer, _ text: [UInt8]?) throws {
    let texts = [[], Array("Hello, world! 12 été 你好\n  x <s></s> ▁a".utf8)] + (text.map { [$0] } ?? [])
    for text in texts {
      let ids = tokenizer.encode(text, addSpecialTokens: true)
      guard ids.allSatisfy({ $0 >= 0 && Int($0) < tokenizer.vocabularySize }) else {
        throw Finding("an id lies outside the vocabulary")
      }
      _ = tokenizer.decode(ids, skipSpecialTokens: true)
      _ = tokenizer.decode([-1, .max, .min] + ids.reversed(), skipSpecialTokens: false)
      try Self.checkPlaces(of: text, tokenizer)
      for pair in [nil, texts[1]] {
        // A file need not have a template of pairs.
        guard let cut = try? tokenizer.encode(text, pair: pair, longest: 8) else { continue }
        let special = try tokenizer.specialTokenCount(pair: pair != nil)
        guard cut.tokens.count <= max(8, special), cut.zeroTypes <= cut.tokens.count else {
          throw Finding("a pair has \(cut.tokens.count) tokens and \(cut.zeroTypes) zeros")
        }
      }
    }
  }

  /// Tokens stand for parts of the text; windows and words have the tokens that the text has.
  private static func checkPlaces(of text: [UInt8], _ tokenizer: Tokenizer) throws {
    let placed = tokenizer.encodeWithPlaces(text)
    guard placed.tokens == tokenizer.encode(text, addSpecialTokens: false),
      placed.places.count == placed.tokens.count, placed.places.allSatisfy({ $0.upperBound <= text.count })
    else { throw Finding("the places of the tokens are \(placed.places)") }
    _ = try? tokenizer.encode(words: text.split(separator: 0x20).map { Array($0) }, longest: 8)
    guard
      let windows = try? tokenizer.windows(question: [0x61], text: text, longest: 12, stride: 2, at: "")
    else { return }
    guard
      windows.allSatisfy({ $0.places.count == $0.textTokens.count && $0.encoded.tokens.count <= 12 })
        || windows.count == 1
    else { throw Finding("there are \(windows.count) windows that do not fit") }
  }

  private static let columns = DataColumns(["text": .number(0), "label": .number(1)])

  /// The bytes as lines, as a list, as tables and as plain text, in formats of rows. If all of them refuse, the first refusal is
  /// thrown.
  private static func readRows(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    var refusal: (any Error)?
    var accepted = false
    for (name, format) in [
      ("rows.jsonl", DataFormat.auto), ("rows.json", .auto), ("text.txt", .auto), ("rows.jsonl", .text),
      ("rows.jsonl", .completion), ("rows.json", .alpaca), ("rows.csv", .auto), ("rows.tsv", .classification),
      ("rows.csv", .classification), ("rows.jsonl", .preference), ("rows.csv", .preference),
    ] {
      let path = try write(bytes, name, in: folder)
      do {
        let options = DataOptions(
          train: [path], format: format, columns: format == .classification ? Self.columns : DataColumns(),
          packing: format != .completion && !format.isLabelled, sequenceLength: 8, seed: 1)
        _ = try Dataset(options, encoder: DocumentEncoder(encoding: BytesAsTokens(), endOfText: 256))
        accepted = true
      } catch {
        try Refusal.check(error)
        refusal = refusal ?? error
      }
    }
    do {
      try readPrompts(try write(bytes, "prompts.jsonl", in: folder))
      accepted = true
    } catch {
      try Refusal.check(error)
      refusal = refusal ?? error
    }
    if let refusal, !accepted { throw refusal }
  }

  /// The first rows of a Parquet file of any kind. Nulls and repeated values take no bytes of a file, so that a small one
  /// may have any number of rows.
  private static func readParquet(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    do {
      let file = try ParquetFile(bytes)
      let names = file.columns
      try file.forEachRow(longest: 1 << 16) { number, json in
        guard json.members?.map(\.key) == names else { throw Finding("row \(number) is \(json.encoded())") }
        guard (try? JSON.parse(json.encoded())) != nil else { throw Finding("row \(number) is no JSON") }
        return number < 200
      }
    } catch let mistake as ParquetMistake {
      throw UserError(.data, mistake.what, at: "rows.parquet", hint: mistake.hint)
    } catch is ParquetRowTooLong {
      throw UserError(.data, "a row is too long", at: "rows.parquet")
    }
  }

  /// The bytes as compressed lines. If both forms refuse, the first refusal is thrown.
  private static func readCompressed(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
    var refusal: (any Error)?
    for ending in ["gz", "zst"] {
      let path = try write(bytes, "rows.jsonl.\(ending)", in: folder)
      do {
        _ = try Dataset(
          DataOptions(train: [path], packing: false, sequenceLength: 8, seed: 1),
          encoder: DocumentEncoder(encoding: BytesAsTokens(), endOfText: 256))
        return
      } catch {
        try Refusal.check(error)
        refusal = refusal ?? error
      }
    }
    if let refusal { throw refusal }
  }

  /// Every row with its answer is one line of JSON that holds it.
  private static func readPrompts(_ path: String) throws {
    let answer = "\"}\n\u{0}é"
    for row in try PromptFile(path).rows {
      let line = row.answered(answer, ids: [1])
      guard let json = try? JSON.parse(line), json["prompt"]?.bytes == row.prompt,
        json["completion"]?.text == answer, json["ids"] == .array([.integer(1)]), !line.contains("\n")
      else { throw Finding("a row becomes \(line)") }
    }
  }
}

/// A token for each byte: the tokenizer has an entry of its own.
private struct BytesAsTokens: TextEncoding {
  func encode(_ text: [UInt8], addSpecialTokens: Bool) -> [Int32] { text.map(Int32.init) }
}
