// Parts of a tokenizer.json, for tokenizers whose own files say less than that.
import Base

enum TokenizerJSON {
  static func list(_ type: String, _ key: String, _ parts: [JSON]) -> JSON {
    .object(members: [("type", .string(type)), (key, .array(parts))])
  }

  static func normalizers(_ parts: [JSON]) -> JSON { list("Sequence", "normalizers", parts) }
  static func preTokenizers(_ parts: [JSON]) -> JSON { list("Sequence", "pretokenizers", parts) }
  static func decoders(_ parts: [JSON]) -> JSON { list("Sequence", "decoders", parts) }

  /// A part without settings.
  static func plain(_ type: String) -> JSON { .object(["type": .string(type)]) }

  /// A text, or a regular expression.
  static func pattern(text: String) -> JSON { .object(["String": .string(text)]) }
  static func pattern(regex: String) -> JSON { .object(["Regex": .string(regex)]) }

  static func replace(_ pattern: JSON, by content: String) -> JSON {
    .object(["type": .string("Replace"), "pattern": pattern, "content": .string(content)])
  }

  static func split(_ pattern: JSON, _ behavior: SplitBehavior) -> JSON {
    .object([
      "type": .string("Split"), "pattern": pattern, "behavior": .string(behavior.rawValue),
      "invert": .bool(false),
    ])
  }

  static func metaspace(_ scheme: MetaspaceSettings.Prepend, splits: Bool = true) -> JSON {
    .object([
      "type": .string("Metaspace"), "replacement": .string("▁"), "prepend_scheme": .string(scheme.rawValue),
      "split": .bool(splits),
    ])
  }

  /// One place of a template: a special token, or the next text.
  enum Place {
    case token(AddedToken, type: Int)
    case text(type: Int)
  }

  /// The special tokens around a text, and around two.
  static func template(_ single: [Place], pair: [Place]) -> JSON {
    var special: [JSON.Member] = []
    func parts(_ places: [Place]) -> JSON {
      var names = ["A", "B"].makeIterator()
      return .array(
        places.map { place in
          switch place {
          case .token(let token, let type):
            if !special.contains(where: { $0.key == token.content }) {
              let ids = JSON.object([
                "id": .string(token.content), "ids": .array([.integer(Int(token.id))]),
                "tokens": .array([.string(token.content)]),
              ])
              special.append(JSON.Member(key: token.content, value: ids))
            }
            return .object([
              "SpecialToken": .object(["id": .string(token.content), "type_id": .integer(type)])
            ])
          case .text(let type):
            let name = names.next() ?? ""
            return .object(["Sequence": .object(["id": .string(name), "type_id": .integer(type)])])
          }
        })
    }
    return .object(members: [
      ("type", .string("TemplateProcessing")), ("single", parts(single)), ("pair", parts(pair)),
      ("special_tokens", .object(special)),
    ])
  }
}
