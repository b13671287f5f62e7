// A model as its folder describes it: family, parameters, special tokens, and config.json to write back.
import Base
import Foundation
import Graph
import Tensors

/// The description of one model, without its weights.
package struct ModelDescription: Sendable {
  package let family: any ModelFamily
  /// All parameters in the order of their first use in the forward pass.
  package let parameters: [ParameterSpec]
  /// Tokens that end a text; the first is the one appended to training texts. Empty where there is none.
  package let endOfText: [Int32]
  package let config: JSON

  /// - Parameter folder: a Hugging Face model folder; only its config.json is read.
  /// - Throws: every mistake in the file at once.
  package init(folder: String) throws {
    if let mistake = UserError.noModelFolder(folder) { throw mistake }
    let file = folder + "/config.json"
    if access(file, F_OK) != 0, errno == ENOENT {
      // The output of a run has one.
      let isAbove = access("\(folder)/model/config.json", F_OK) == 0
      throw UserError(
        .data, "holds no model: it has no config.json", at: folder,
        hint: isAbove ? "is \(folder)/model meant?" : "")
    }
    try self.init(config: try OpenFile.json(file), file: file)
  }

  package init(config: JSON, file: String) throws {
    let problems = Problems()
    let section = Section(config, file: file, code: .data, problems: problems)
    let type = section.text("model_type")
    guard let familyType = modelFamilies.first(where: { $0.modelType == type }) else {
      try problems.throwIfAny()
      throw UserError(
        .data, "models of type \"\(type)\" are not supported", at: "\(file): model_type",
        hint: "supported: \(modelFamilies.map { $0.modelType }.joined(separator: ", "))")
    }
    let family = familyType.init(section)
    try problems.throwIfAny()
    self.family = family
    self.config = config
    parameters = Graph.parameters { Self.record(family, on: $0) }
    let ends = config["eos_token_id"].map { $0.elements ?? [$0] } ?? []
    endOfText = ends.compactMap { $0.integer }.filter { (0..<family.vocabulary).contains($0) }.map(Int32.init)
  }

  /// Records the forward pass with its head.
  package func record(on graph: Graph) { Self.record(family, on: graph) }

  private static func record(_ family: any ModelFamily, on graph: Graph) {
    graph.languageModelHead(
      family.forward(graph), weight: family.outputEmbedding, vocabulary: family.vocabulary)
  }

  /// `model_type` of config.json.
  package var typeName: String { type(of: family).modelType }

  /// config.json with the element type of the weights that are written beside it.
  package func config(elementType: String) -> JSON {
    let keys = ["torch_dtype", "dtype"]
    let members = (config.members ?? []).filter { !keys.contains(String(decoding: $0.key, as: UTF8.self)) }
    return .object(
      members + [JSON.Member(key: Array("torch_dtype".utf8), value: .string(elementType))])
  }

  /// Names under which a checkpoint may hold a parameter, the usual one first.
  package func names(of parameter: String) -> [String] {
    let prefix = type(of: family).basePrefix
    return parameter.hasPrefix(prefix) ? [parameter, String(parameter.dropFirst(prefix.count))] : [parameter]
  }

  /// Whether a tensor of a checkpoint may be passed over: a copy of a tied weight, or a constant.
  package func ignores(_ tensor: String) -> Bool {
    tensor == "lm_head.weight" || type(of: family).ignoredSuffixes.contains { tensor.hasSuffix($0) }
  }
}
