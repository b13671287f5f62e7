// A model as its folder describes it: family, parameters, special tokens, and config.json to write back.
import Base
import Foundation
import Graph
import Tensors

/// The description of one model, without its weights.
package struct ModelDescription: Sendable {
  package let family: any ModelFamily
  package internal(set) var head: Head
  /// The heads of a run with several tasks, and which of them is recorded; empty for one.
  package internal(set) var taskHeads: [TaskHead] = []
  package internal(set) var activeHead = 0
  /// Whether a value head stands beside it, as in a run that learns what answers will earn.
  package private(set) var hasValues = false
  /// Whether that is another head than the folder's.
  package internal(set) var hasNewHead = false
  /// Parameters of the head that the folder lacks, which begin at random. Every method trains them.
  package var newParameters: [String] = []
  /// All parameters in the order of their first use in the forward pass.
  package private(set) var parameters: [ParameterSpec]
  /// How it is fine-tuned.
  package private(set) var adaptation: any Adaptation = FullFineTuning()
  /// Tokens of config.json that end a text; the first is the one appended to training texts. Empty where there is none.
  package let endOfText: [Int32]
  /// Tokens that end a generated text: those of generation_config.json, or of config.json if there is no such file,
  /// as in transformers.
  package let endOfGeneration: [Int32]
  /// The token that answers to sources begin with; nil for models that read no sources.
  package let answerStart: Int32?
  package internal(set) var config: JSON
  /// The folder or file that it comes from, for messages.
  package let folder: String
  /// Whether a folder that holds no head has it as the embedding.
  private var headMayBeEmbedding = false
  /// What the user should know about how the folder was read, a line each.
  package var notes: [String] {
    guard !newParameters.isEmpty else { return folderNotes }
    let names = newParameters.joined(separator: ", ")
    let verb = newParameters.count == 1 ? "begins" : "begin"
    return folderNotes + ["\(folder): \(names) \(verb) at random, as the folder has none for this task"]
  }
  private let folderNotes: [String]

  /// - Parameter folder: a Hugging Face model folder; only its config.json and generation_config.json are read.
  /// - Throws: every mistake in the files at once.
  package init(folder: String) throws {
    if let mistake = UserError.noModelFolder(folder) { throw mistake }
    let file = folder + "/config.json"
    if access(file, F_OK) != 0, errno == ENOENT {
      // The output of a run contains a model folder.
      let isAbove = access("\(folder)/model/config.json", F_OK) == 0
      throw UserError(
        .data, "holds no model: it has no config.json", at: folder,
        hint: isAbove ? "is \(folder)/model meant?" : "")
    }
    let problems = Problems()
    let generation = folder + "/generation_config.json"
    let ends =
      access(generation, F_OK) == 0
      ? problems.collect { try Self.ends(ofGeneration: try OpenFile.json(generation), file: generation) }
      : nil
    let model = problems.collect {
      try ModelDescription(
        config: try OpenFile.json(file), file: file, folder: folder, endOfGeneration: ends)
    }
    try problems.throwIfAny()
    guard let model else { preconditionFailure("an error was collected") }
    self = model
  }

  /// - Parameters:
  ///   - file: the name of the configuration in messages.
  ///   - folder: the name of the model in messages; the same by default.
  ///   - head: by default the one that the configuration names.
  ///   - endOfGeneration: ids, possibly beyond the vocabulary; by default those of the configuration.
  package init(
    config: JSON, file: String, folder: String? = nil, head: Head? = nil, endOfGeneration: [Int]? = nil,
    notes: [String] = []
  ) throws {
    let problems = Problems()
    let section = ModelConfig(config, file: file, problems: problems)
    let type = section.text("model_type")
    guard let familyType = modelFamilies.first(where: { $0.modelType == type }) else {
      try problems.throwIfAny()
      let types = modelFamilies.map { $0.modelType }
      throw UserError(
        .data, "models of type \"\(type)\" are not supported", at: "\(file): model_type",
        hint: nearest(to: type, among: types).map { "did you mean \($0)?" }
          ?? "supported: \(types.joined(separator: ", "))")
    }
    let family = familyType.init(section)
    let ends = section.integers("eos_token_id", default: familyType.endOfText.map { [$0] } ?? [])
    // As in transformers, where config.json does not name it.
    let start =
      section.isGiven("decoder_start_token_id") && !section.isNull("decoder_start_token_id")
      ? section.integer("decoder_start_token_id", default: 0, in: 0...family.vocabulary - 1)
      : familyType.usualAnswerStart
    let ownHead = Head(section, of: familyType)
    try problems.throwIfAny()
    self.family = family
    self.head = head ?? ownHead
    // It says how the folder's files are packed, and what is written is not.
    self.config =
      config.members.map { .object($0.filter { $0.key != Array("quantization_config".utf8) }) } ?? config
    answerStart = familyType.readsSource ? Int32(start) : nil
    self.folder = folder ?? file
    folderNotes = notes
    parameters = Graph.parameters { [head = self.head] in Self.record(family, head, on: $0) }
    // A token that the model does not know never occurs in a text.
    func known(_ ids: [Int]) -> [Int32] {
      ids.filter { (0..<family.vocabulary).contains($0) }.map(Int32.init)
    }
    endOfText = known(ends)
    self.endOfGeneration = known(endOfGeneration ?? ends)
  }

  /// `eos_token_id` of generation_config.json; an empty list if it is absent or null.
  private static func ends(ofGeneration json: JSON, file: String) throws -> [Int] {
    let problems = Problems()
    let ends = ModelConfig(json, file: file, problems: problems).integers("eos_token_id", default: [])
    try problems.throwIfAny()
    return ends
  }

  /// The same model with a head of its own.
  /// - Parameter note: the reason, for the user.
  package func untied(note: String) throws -> ModelDescription {
    try ModelDescription(
      config: replacing([("tie_word_embeddings", .bool(false))]), file: folder + "/config.json",
      folder: folder, endOfGeneration: endOfGeneration.map(Int.init), notes: folderNotes + [note])
  }

  /// The same model with another head.
  /// - Throws: if the family has none of that kind.
  package func with(_ head: Head) throws -> ModelDescription {
    if head == self.head { return self }
    let type = type(of: family)
    guard type.heads.contains(head.kind) else { throw lacks(head.kind) }
    var settings = head.settings(of: type)
    // transformers looks for the last token before the padding.
    if case .labels = head, type.isCausal, let end = endOfText.first, config["pad_token_id"]?.integer == nil {
      settings.append(("pad_token_id", .integer(Int(end))))
    }
    var other = try ModelDescription(
      config: replacing(settings), file: folder + "/config.json", folder: folder, head: head,
      endOfGeneration: endOfGeneration.map(Int.init), notes: folderNotes)
    other.hasNewHead = true
    return other
  }

  /// The same model with other values of config.json, which change none of its parameters.
  func overriding(_ settings: [(key: String, value: JSON)]) throws -> ModelDescription {
    var other = try ModelDescription(
      config: replacing(settings), file: folder + "/config.json", folder: folder, head: head,
      endOfGeneration: endOfGeneration.map(Int.init), notes: folderNotes)
    other.hasNewHead = hasNewHead
    other.newParameters = newParameters
    other.headMayBeEmbedding = headMayBeEmbedding
    return other
  }

  private func lacks(_ kind: Head.Kind) -> UserError {
    let type = type(of: family)
    let heads = type.heads.filter { $0 != .none }.map { head in
      "…" + (head == .languageModel && type.readsSource ? "ForConditionalGeneration" : head.rawValue)
    }
    let what = kind == .languageModel ? "predict no next token" : "have no head of the kind …\(kind.rawValue)"
    return UserError(
      .usage, "models of type \(typeName) \(what)", at: folder,
      hint: "choose another task: they have \(heads.joined(separator: ", "))")
  }

  /// The same model with a head of its own that a folder need not hold: it is then read from the embedding.
  package func withHeadOfItsOwn() throws -> ModelDescription {
    var parted = try untied(
      note: "\(type(of: family).head) and \(type(of: family).embedding) are one in \(folder), and part here, "
        + "as in PEFT")
    parted.headMayBeEmbedding = true
    return parted
  }

  /// The shape of a batch of the model, whose sources, if it reads any, are as long as its sequences; of several
  /// adapters each has one.
  package func shape(sequences: Int, length: Int) -> BatchShape {
    BatchShape(
      sequences: max(sequences, adaptation.members.count), length: length,
      sourceLength: type(of: family).readsSource ? length : 0)
  }

  /// Records the forward pass with its head: the logits.
  package func record(on graph: Graph) {
    prepare(graph)
    Self.record(family, head, hasValues: hasValues, on: graph)
  }

  private static func record(
    _ family: any ModelFamily, _ head: Head, hasValues: Bool = false, on graph: Graph
  ) {
    _ = head.record(family.forward(graph), of: family, on: graph, hasValues: hasValues)
  }

  /// The same model with a value head beside its language-model head.
  package func withValues() -> ModelDescription {
    var other = self
    other.hasValues = true
    return other.adapted(by: adaptation)
  }

  /// The same model as a method fine-tunes it.
  package func adapted(by adaptation: any Adaptation) -> ModelDescription {
    var adapted = self
    adapted.adaptation = adaptation
    adapted.parameters = Graph.parameters(adaptation) { recordAll(on: $0) }
    return adapted
  }

  /// The same model with other properties of its parameters.
  package func setting(_ change: (inout ParameterSpec) -> Void) -> ModelDescription {
    var other = self
    for index in parameters.indices { change(&other.parameters[index]) }
    return other
  }

  /// The positions that are filled before every text.
  package var virtualPositions: VirtualPositions { adaptation.prompt?.positions ?? .none }

  /// How many numbers each vector of its prompt has; 0 without one.
  package var promptColumns: Int {
    switch adaptation.prompt?.place {
    case .keysAndValues(let layers, let columns): layers * 2 * columns
    case .embeddings: parameters.first { $0.name == type(of: family).embedding }?.shape.last ?? 0
    case nil: 0
    }
  }

  /// The longest text that it can read.
  package var longestText: Int { family.maximumLength - virtualPositions.count }
  /// Columns of keys and values of its widest attention.
  package var keyColumns: Int {
    Graph.attentions { _ = family.forward($0) }.map { 2 * $0.keyHeads * $0.headWidth }.max() ?? 0
  }

  /// How many numbers the hidden state of a token has.
  package var width: Int {
    var width = 0
    _ = Graph.parameters { width = family.forward($0).columns }
    return width
  }

  /// All parameters on a line, the trained ones first.
  package var layout: ParameterLayout { ParameterLayout(specs: parameters) }

  /// What the line of trained parameters is kept in, for a model of that type: what a method adds is fp32, as in PEFT.
  package func trainedType(_ type: ElementType) -> ElementType {
    parameters.contains(where: \.isAdded) ? .float32 : type
  }

  /// `model_type` of config.json.
  package var typeName: String { type(of: family).modelType }

  /// config.json with the element type of the weights that are written beside it.
  package func config(elementType: String) -> JSON {
    replacing([("torch_dtype", .string(elementType))], removing: ["dtype"])
  }

  /// config.json with other values under some keys, and without others.
  package func replacing(_ settings: [(key: String, value: JSON)], removing: [String] = []) -> JSON {
    let keys = Set(settings.map(\.key) + removing)
    let members = (config.members ?? []).filter { !keys.contains(String(decoding: $0.key, as: UTF8.self)) }
    return .object(members + settings.map { JSON.Member(key: Array($0.key.utf8), value: $0.value) })
  }
}

extension ModelDescription {
  /// Names under which a checkpoint may hold a parameter, the usual one first.
  package func names(of parameter: String) -> [String] {
    if let names = namesOfTaskHead(parameter) { return names }
    let prefix = type(of: family).basePrefix
    var names = [parameter]
    if parameter.hasPrefix(prefix) { names.append(String(parameter.dropFirst(prefix.count))) }
    // The first BERT calls the parts of its norms so.
    if parameter.contains("LayerNorm.") {
      names += names.map {
        $0.replacing("LayerNorm.weight", with: "LayerNorm.gamma").replacing(
          "LayerNorm.bias", with: "LayerNorm.beta")
      }
    }
    if let other = type(of: family).otherNames[parameter] { names.append(other) }
    // `save_model` of safetensors keeps only one name of a tensor that has two: the first in alphabetical order.
    if head.hasVocabulary, family.tied, parameter == type(of: family).embedding {
      names.append(type(of: family).head)
    }
    if headMayBeEmbedding, parameter == type(of: family).head {
      names += self.names(of: type(of: family).embedding)
    }
    return names
  }

  /// Whether a tensor of a checkpoint may be ignored: a copy of a tied weight, a constant, or part of another head.
  package func ignores(_ tensor: String) -> Bool {
    let type = type(of: family)
    return tensor.hasPrefix(TaskHead.prefix) || family.tied && tensor == type.head
      || type.ignoredSuffixes.contains { tensor.hasSuffix($0) }
      || (hasNewHead || head != .languageModel) && type.headPrefixes.contains { tensor.hasPrefix($0) }
  }

  /// Checks the ids of a text before the model sees them: the tables have no rows for other ids.
  /// - Throws: if an id is not in the model's vocabulary.
  package func check(_ ids: some Sequence<Int32>) throws {
    // A negative id is a large one when read without its sign.
    let largest = ids.lazy.map { UInt32(bitPattern: $0) }.max() ?? 0
    guard Int(largest) >= family.vocabulary else { return }
    throw UserError(
      .data,
      "gives the token \(Int32(bitPattern: largest)), but the model knows tokens 0 to \(family.vocabulary - 1)",
      at: folder + "/tokenizer.json", hint: "is it the tokenizer of this model?")
  }
}
