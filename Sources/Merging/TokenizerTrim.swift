// A tokenizer.json with some of its tokens: those that a text needs, so that it becomes the same tokens as before.
//
// Kept are the tokens that occur, all that are added, and those of one character or byte, of which any text can be made. Of
// a BPE also what kept tokens are merged of: a merge that was ever applied to the text then is one whose parts and whose
// result are there, and the others were never applied.
import Base

struct TokenizerTrim {
  /// Old ids in ascending order: the place of each is its new id.
  let kept: [Int]
  /// tokenizer.json with the new ids.
  let json: JSON
  private let places: [Int: Int]

  /// The new id of an old one; nil where it is gone.
  func place(of id: Int) -> Int? { places[id] }

  /// - Parameters:
  ///   - json: of tokenizer.json.
  ///   - used: the ids that occur.
  ///   - needed: ids that config.json names.
  /// - Throws: where the model is of another kind.
  init(_ json: JSON, used: Set<Int>, needed: Set<Int>, at file: String) throws {
    guard let model = json["model"] else { throw UserError(.data, "has no model", at: file) }
    let pieces = try Self.pieces(model, at: file)
    var keep = used.union(needed)
    for token in json["added_tokens"]?.elements ?? [] { if let id = token["id"]?.integer { keep.insert(id) } }
    for piece in [model["unk_token"]?.bytes].compactMap({ $0 }) {
      if let id = pieces.ids[piece] { keep.insert(id) }
    }
    if let unknown = model["unk_id"]?.integer { keep.insert(unknown) }
    for (piece, id) in pieces.ids where Self.isAtom(piece, model) { keep.insert(id) }
    let merges = Self.merges(model)
    // Merges stand behind those that they are made of.
    for merge in merges.reversed() {
      guard let whole = pieces.ids[merge.left + merge.right.dropFirst(merge.dropped)], keep.contains(whole)
      else { continue }
      for part in [merge.left, merge.right] { if let id = pieces.ids[part] { keep.insert(id) } }
    }
    // A token may be merged in several ways, whose parts come in any order.
    var size = -1
    while size != keep.count {
      size = keep.count
      for merge in merges {
        guard let whole = pieces.ids[merge.left + merge.right.dropFirst(merge.dropped)], keep.contains(whole)
        else { continue }
        for part in [merge.left, merge.right] { if let id = pieces.ids[part] { keep.insert(id) } }
      }
    }
    let sorted = keep.filter { $0 >= 0 }.sorted()
    kept = sorted
    places = Dictionary(uniqueKeysWithValues: sorted.enumerated().map { ($1, $0) })
    self.json = Self.rewritten(json, model, pieces, merges, places)
  }

  private struct Pieces {
    var ids: [[UInt8]: Int]
  }

  private struct Merge {
    let left: [UInt8]
    let right: [UInt8]
    /// Bytes of the right part that the result lacks: a prefix of continuing pieces.
    let dropped: Int
    let json: JSON
  }

  private static func pieces(_ model: JSON, at file: String) throws -> Pieces {
    if let members = model["vocab"]?.members {
      return Pieces(
        ids: Dictionary(
          members.compactMap { member in member.value.integer.map { (member.key, $0) } },
          uniquingKeysWith: { first, _ in first }))
    }
    if let elements = model["vocab"]?.elements {
      return Pieces(
        ids: Dictionary(
          elements.enumerated().compactMap { id, element in
            element.elements?.first?.bytes.map { ($0, id) }
          }, uniquingKeysWith: { first, _ in first }))
    }
    throw UserError(.usage, "has no vocabulary that can be trimmed", at: file)
  }

  /// One character, behind the prefix of continuing pieces, or one byte.
  private static func isAtom(_ piece: [UInt8], _ model: JSON) -> Bool {
    let text = String(decoding: piece, as: UTF8.self)
    if text.unicodeScalars.count == 1 { return true }
    if text.count == 6, text.hasPrefix("<0x"), text.hasSuffix(">") { return true }
    let prefix = model["continuing_subword_prefix"]?.text ?? ""
    return !prefix.isEmpty && text.hasPrefix(prefix) && text.dropFirst(prefix.count).unicodeScalars.count == 1
  }

  private static func merges(_ model: JSON) -> [Merge] {
    let dropped = (model["continuing_subword_prefix"]?.bytes ?? []).count
    return (model["merges"]?.elements ?? []).compactMap { element in
      if let pair = element.elements, pair.count == 2, let left = pair[0].bytes, let right = pair[1].bytes {
        return Merge(left: left, right: right, dropped: dropped, json: element)
      }
      guard let bytes = element.bytes, let space = bytes.firstIndex(of: UInt8(ascii: " ")) else { return nil }
      return Merge(
        left: Array(bytes[..<space]), right: Array(bytes[(space + 1)...]), dropped: dropped, json: element)
    }
  }

  // MARK: writing

  private static func rewritten(
    _ json: JSON, _ model: JSON, _ pieces: Pieces, _ merges: [Merge], _ places: [Int: Int]
  ) -> JSON {
    func place(_ id: JSON) -> JSON? { id.integer.flatMap { places[$0] }.map { .integer($0) } }
    var settings: [(String, JSON)] = []
    if let members = model["vocab"]?.members {
      let left = members.compactMap { member in
        place(member.value).map { JSON.Member(key: member.key, value: $0) }
      }
      settings.append(("vocab", .object(left)))
    } else if let elements = model["vocab"]?.elements {
      let left = elements.enumerated().filter { places[$0.offset] != nil }.map(\.element)
      settings.append(("vocab", .array(left)))
    }
    if model["merges"]?.elements != nil {
      let left = merges.filter { merge in
        [merge.left, merge.right, merge.left + merge.right.dropFirst(merge.dropped)].allSatisfy {
          pieces.ids[$0].map { places[$0] != nil } ?? false
        }
      }
      settings.append(("merges", .array(left.map(\.json))))
    }
    if let unknown = model["unk_id"].flatMap(place) { settings.append(("unk_id", unknown)) }
    var top: [(String, JSON)] = [("model", replacing(model, settings))]
    if let added = json["added_tokens"]?.elements {
      top.append(
        (
          "added_tokens",
          .array(
            added.map { token in
              token["id"].flatMap(place).map { replacing(token, [("id", $0)]) } ?? token
            })
        ))
    }
    if let padding = json["padding"], let id = padding["pad_id"].flatMap(place) {
      top.append(("padding", replacing(padding, [("pad_id", id)])))
    }
    if let processor = json["post_processor"] {
      top.append(("post_processor", processed(processor, places)))
    }
    return replacing(json, top)
  }

  /// Ids in a post-processor: those of TemplateProcessing, of BertProcessing and its like, and of sequences.
  private static func processed(_ json: JSON, _ places: [Int: Int]) -> JSON {
    var settings: [(String, JSON)] = []
    if let parts = json["processors"]?.elements {
      settings.append(("processors", .array(parts.map { processed($0, places) })))
    }
    for key in ["sep", "cls"] {
      guard let pair = json[key]?.elements, pair.count == 2, let id = pair[1].integer.flatMap({ places[$0] })
      else {
        continue
      }
      settings.append((key, .array([pair[0], .integer(id)])))
    }
    if let special = json["special_tokens"]?.members {
      let members = special.map { member in
        let ids = (member.value["ids"]?.elements ?? []).map { id in
          id.integer.flatMap { places[$0] }.map { JSON.integer($0) } ?? id
        }
        return JSON.Member(key: member.key, value: replacing(member.value, [("ids", .array(ids))]))
      }
      settings.append(("special_tokens", .object(members)))
    }
    return replacing(json, settings)
  }

  /// The same object with other values, in their places.
  static func replacing(_ json: JSON, _ settings: [(String, JSON)]) -> JSON {
    guard let members = json.members else { return json }
    return .object(
      members.map { member in
        settings.first { member.key.elementsEqual($0.0.utf8) }.map {
          JSON.Member(key: member.key, value: $0.1)
        } ?? member
      })
  }
}
