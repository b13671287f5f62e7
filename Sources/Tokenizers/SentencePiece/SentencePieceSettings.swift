// What the small files beside a SentencePiece model say of its special tokens: tokenizer_config.json, and where that
// lists no added tokens, special_tokens_map.json and added_tokens.json of older folders.
import Base
import Foundation

struct SentencePieceSettings {
  /// tokenizer_config.json; null where there is none.
  let config: FilePart
  /// special_tokens_map.json where it counts; null otherwise.
  private let map: FilePart
  /// The tokens that the files list with their ids, in the order of the ids.
  private(set) var listed: [AddedToken] = []

  /// - Parameter folder: a Hugging Face folder.
  init(folder: String) throws {
    func read(_ name: String) throws -> FilePart {
      let path = folder + "/" + name
      let exists = FileManager.default.fileExists(atPath: path)
      return FilePart(json: exists ? try OpenFile.json(path) : .null, path: path, place: "")
    }
    try self.init(
      config: try read("tokenizer_config.json"), map: try read("special_tokens_map.json"),
      added: try read("added_tokens.json"))
  }

  init(config: FilePart, map: FilePart, added: FilePart) throws {
    for part in [config, map, added] where part.json.members == nil && !part.json.isNull {
      throw part.wrong("an object")
    }
    self.config = config
    let decoder = config.part("added_tokens_decoder")
    self.map = decoder == nil ? map : FilePart(json: .null, path: map.path, place: "")
    listed = try (decoder.map { try Self.decoder($0) } ?? tokens(of: added)).sorted { $0.id < $1.id }
  }

  /// The tokens of an object of ids and tokens.
  private static func decoder(_ decoder: FilePart) throws -> [AddedToken] {
    guard let members = decoder.json.members else { throw decoder.wrong("an object of ids and tokens") }
    return try members.map { member in
      let name = String(decoding: member.key, as: UTF8.self)
      let part = FilePart(json: member.value, path: decoder.path, place: "\(decoder.place).\(name)")
      guard let id = Int32(name), id >= 0, id < Vocabulary.largestCount else {
        throw part.error("\"\(name)\" is not an id from 0 to \(Vocabulary.largestCount - 1)")
      }
      guard part.json.members != nil else { throw part.wrong("an object") }
      var token = try AddedToken(listed: part)
      token.id = id
      return token
    }
  }

  /// The tokens of an object of tokens and ids; those are special that a file names so.
  private func tokens(of added: FilePart) throws -> [AddedToken] {
    var special = try Self.specialKeys.compactMap { try token($0, default: nil)?.content }
    special += (try extraTokens() ?? []).map(\.content)
    return try (added.json.members ?? []).map { member in
      let part = FilePart(
        json: member.value, path: added.path, place: String(decoding: member.key, as: UTF8.self))
      return AddedToken(try part.id(), member.key, isSpecial: special.contains(member.key))
    }
  }

  static let specialKeys = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// A named special token such as `eos_token`; nil where a file says null.
  /// - Parameter own: the family's.
  func token(_ key: String, default own: String?) throws -> AddedToken? {
    for part in [map, config] {
      guard let value = part.json[key] else { continue }
      guard !value.isNull else { return nil }
      return try AddedToken(listed: FilePart(json: value, path: part.path, place: key), isSpecial: true)
    }
    return own.map { AddedToken(-1, Array($0.utf8), isSpecial: true) }
  }

  /// Special tokens with names that only one model knows, such as `image_token`.
  func tokensOfTheModel() throws -> [AddedToken] {
    let named = (config.json.members ?? []).filter { member in
      member.key.suffix(6).elementsEqual("_token".utf8) && member.value.bytes != nil
        && !Self.specialKeys.contains(String(decoding: member.key, as: UTF8.self))
    }
    let extra = config.json["extra_special_tokens"]?.members ?? []
    return try (named + extra).map { member in
      let place = String(decoding: member.key, as: UTF8.self)
      return try AddedToken(
        listed: FilePart(json: member.value, path: config.path, place: place), isSpecial: true)
    }
  }

  /// Special tokens without names; nil where the file has no list of them, not even an empty one.
  func extraTokens() throws -> [AddedToken]? {
    let keys = ["extra_special_tokens", "additional_special_tokens"]
    let present = keys.compactMap { key in
      config.json[key].map { FilePart(json: $0, path: config.path, place: key) }
    }.filter { $0.json.members == nil }
    guard let list = present.first(where: { $0.json.elements?.isEmpty == false }) ?? present.first else {
      return nil
    }
    guard !list.json.isNull else { return [] }
    return try list.elements().map { try AddedToken(listed: $0, isSpecial: true) }
  }
}

extension SentencePieceSettings {
  /// Whether every part of a text between special tokens gets a space in front, and not the first alone.
  func isLegacy(default value: Bool) throws -> Bool {
    guard let legacy = config.json["legacy"] else { return value }
    return legacy.isNull ? false : try config.bool("legacy", default: value)
  }

  /// The same settings, with listed tokens that are looked for before the text becomes normal.
  func lookingForTokensInRawText() -> SentencePieceSettings {
    var settings = self
    for index in listed.indices { settings.listed[index].normalized = false }
    return settings
  }
}

extension AddedToken {
  /// - Parameter id: -1 where it is not known yet.
  init(_ id: Int32, _ content: [UInt8], isSpecial: Bool) {
    self.init(
      id: id, content: content, singleWord: false, stripsLeft: false, stripsRight: false,
      normalized: !isSpecial, special: isSpecial, pattern: [])
  }

  /// A token as these files write it: its text, or an object.
  /// - Parameter isSpecial: whatever the object says.
  init(listed part: FilePart, isSpecial: Bool = false) throws {
    if let text = part.json.bytes {
      self.init(-1, text, isSpecial: isSpecial)
      return
    }
    guard part.json.members != nil else { throw part.wrong("a token") }
    let special = try isSpecial || part.bool("special", default: false)
    self.init(
      id: -1, content: try part.required("content").bytes(),
      singleWord: try part.bool("single_word", default: false),
      stripsLeft: try part.bool("lstrip", default: false),
      stripsRight: try part.bool("rstrip", default: false),
      normalized: try part.bool("normalized", default: !special), special: special, pattern: [])
  }

  var json: JSON {
    .object([
      "id": .integer(Int(id)), "content": .string(content), "single_word": .bool(singleWord),
      "lstrip": .bool(stripsLeft), "rstrip": .bool(stripsRight), "normalized": .bool(normalized),
      "special": .bool(special),
    ])
  }
}
