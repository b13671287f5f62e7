// A model with the rows of its embedding and head that a text needs, and the tokenizer that goes with them.
import Base
import Checkpoints
import Foundation
import Graph
import Models
import Tensors

package struct VocabularyTrim {
  package struct Outcome: Sendable {
    package let before: Int
    package let left: Int
    package let parameters: Int
  }

  private let folder: MergedFolder
  private let before: Int
  private let left: Int
  private let parameters: Int

  /// - Parameters:
  ///   - used: the ids that occur in the text.
  /// - Throws: everything that is wrong with the folder, before anything is written.
  package init(model path: String, used: Set<Int>, output: String) throws {
    let file = path + "/tokenizer.json"
    guard access(file, F_OK) == 0 else {
      throw UserError(.usage, "has no tokenizer.json, whose vocabulary can be trimmed", at: path)
    }
    let description = try ModelDescription.stored(in: path).adapted(by: NoFineTuning())
    let vocabulary = description.family.vocabulary
    let keys = (description.config.members ?? []).filter { Self.namesToken($0) }
    let named = keys.flatMap { $0.value.elements ?? [$0.value] }.compactMap(\.integer)
    let trim = try TokenizerTrim(
      try OpenFile.json(file), used: used, needed: Set(named.filter { (0..<vocabulary).contains($0) }),
      at: file)
    guard let last = trim.kept.last, last < vocabulary else {
      throw UserError(.data, "has tokens that the model does not know", at: file)
    }
    let settings = Self.settings(description.config, trim) + [("vocab_size", JSON.integer(trim.kept.count))]
    let small = try ModelDescription(
      config: description.replacing(settings), file: path + "/config.json", folder: path,
      head: description.head
    ).adapted(by: NoFineTuning())
    let layout = description.layout
    let reader = try FolderWeights(folder: path, description, layout: layout)
    var folder = try MergedFolder(
      TrimmedRows(small.layout, of: layout, reader, kept: trim.kept), of: small, donor: path,
      donorDescription: description, path: output)
    folder.companions = try Self.companions(of: path, trim)
    (self.folder, before, left) = (folder, vocabulary, trim.kept.count)
    parameters = layout.count - small.layout.count
  }

  /// Keys such as `eos_token_id`.
  private static func namesToken(_ member: JSON.Member) -> Bool {
    String(decoding: member.key, as: UTF8.self).hasSuffix("_token_id")
  }

  private static func settings(_ config: JSON, _ trim: TokenizerTrim) -> [(key: String, value: JSON)] {
    (config.members ?? []).filter(namesToken).compactMap { member in
      func moved(_ id: JSON) -> JSON { id.integer.flatMap(trim.place).map { .integer($0) } ?? id }
      let value = member.value.elements.map { JSON.array($0.map(moved)) } ?? moved(member.value)
      return (String(decoding: member.key, as: UTF8.self), value)
    }
  }

  /// The tokenizer in one form alone: files of other forms would hold all tokens.
  private static func companions(of path: String, _ trim: TokenizerTrim) throws -> CompanionFiles {
    var left = CompanionFiles()
    for (name, bytes) in try CompanionFiles(of: path).files {
      switch name {
      case "tokenizer.json":
        left.add([(name, Array((trim.json.encoded(indented: true) + "\n").utf8))])
      case "chat_template.jinja", "special_tokens_map.json": left.add([(name, bytes)])
      case "tokenizer_config.json":
        let json = try JSON.parse(bytes)
        let decoder = (json["added_tokens_decoder"]?.members ?? []).compactMap { member -> JSON.Member? in
          guard let id = Int(String(decoding: member.key, as: UTF8.self)), let place = trim.place(of: id)
          else {
            return nil
          }
          return JSON.Member(key: Array(String(place).utf8), value: member.value)
        }
        let changed = TokenizerTrim.replacing(json, [("added_tokens_decoder", .object(decoder))])
        left.add([(name, Array((changed.encoded(indented: true) + "\n").utf8))])
      case "generation_config.json":
        let json = try JSON.parse(bytes)
        let changed = TokenizerTrim.replacing(json, settings(json, trim).map { ($0.key, $0.value) })
        left.add([(name, Array((changed.encoded(indented: true) + "\n").utf8))])
      default: break
      }
    }
    return left
  }

  /// Writes the folder.
  package func run() throws -> Outcome {
    do {
      try folder.write()
      try folder.publish()
    } catch {
      try? folder.abandon()
      throw error
    }
    return Outcome(before: before, left: left, parameters: parameters)
  }
}

/// Some rows of tables that have one for each token, and all else as it is.
private struct TrimmedRows: WeightReader {
  private let layout: ParameterLayout
  private let whole: ParameterLayout
  private let reader: any WeightReader
  private let kept: [Int]

  init(_ layout: ParameterLayout, of whole: ParameterLayout, _ reader: any WeightReader, kept: [Int]) {
    (self.layout, self.whole, self.reader, self.kept) = (layout, whole, reader, kept)
  }

  /// - Parameter elements: all of the parameter.
  func read(
    _ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>
  ) throws {
    let spec = layout.parameters[parameter].spec
    precondition(elements == 0..<spec.count, "tables are read whole")
    guard let source = whole.index(of: spec.name) else { preconditionFailure("\(spec.name) is of the model") }
    if whole.parameters[source].spec.shape == spec.shape {
      return try reader.read(source, elements, into: target)
    }
    let columns = spec.count / spec.shape[0]
    for (row, old) in kept.enumerated() {
      try reader.read(
        source, old * columns..<(old + 1) * columns,
        into: UnsafeMutableBufferPointer(rebasing: target[row * columns..<(row + 1) * columns]))
    }
  }
}
