// The chat templates in a model's folder, where transformers 5 looks for them.
import Base
import Foundation

package struct FolderTemplates {
  package struct Source {
    package var name: String
    package var source: [UInt8]
    /// Where it was found.
    var path: String
  }

  package let sources: [Source]
  /// Where they were found.
  let path: String

  /// chat_template.jinja and additional_chat_templates/ come before the key `chat_template` of tokenizer_config.json.
  package init(folder: String) throws {
    let file = folder + "/chat_template.jinja"
    var sources: [Source] = []
    if FileManager.default.fileExists(atPath: file) {
      sources.append(Source(name: ChatTemplate.standard, source: try OpenFile.contents(file), path: file))
    }
    let more = folder + "/additional_chat_templates"
    for name in ((try? FileManager.default.contentsOfDirectory(atPath: more)) ?? []).sorted()
    where name.hasSuffix(".jinja") {
      sources.append(
        Source(
          name: String(name.dropLast(6)), source: try OpenFile.contents(more + "/" + name),
          path: more + "/" + name))
    }
    if !sources.isEmpty {
      self.sources = sources
      path = sources[0].path
      return
    }
    path = folder + "/tokenizer_config.json"
    guard FileManager.default.fileExists(atPath: path) else {
      self.sources = []
      return
    }
    self.sources = try Self.configured(try OpenFile.json(path)["chat_template"], at: path)
  }

  /// - Parameter json: one template, or a list of objects with `name` and `template`.
  private static func configured(_ json: JSON?, at path: String) throws -> [Source] {
    let place = path + ": chat_template"
    switch json {
    case nil, JSON.null?: return []
    case .string(let source)?: return [Source(name: ChatTemplate.standard, source: source, path: place)]
    case .array(let list)?:
      return try list.enumerated().map { number, entry in
        guard let name = entry["name"]?.text, let source = entry["template"]?.bytes else {
          throw UserError(.data, "is not an object with a name and a template", at: "\(place)[\(number)]")
        }
        return Source(name: name, source: source, path: "\(place) \"\(name)\"")
      }
    case .some(let other):
      throw UserError(.data, "is \(other.kind), where a text or a list is meant", at: place)
    }
  }
}
