// A way of fine-tuning, as a recipe names it: it reads its settings, and makes the adaptation of a model.
import Base
import Graph
import Tensors

package protocol Method: Sendable {
  /// What a recipe calls it.
  static var name: String { get }
  init(_ settings: Section)
  /// What decides its results, to compare with when a run goes on.
  var settings: JSON { get }
  /// adapter_config.json of the adapter folder that a run leaves; nil where it leaves a whole model.
  /// - Parameter base: the model's folder as the user names it.
  func adapterConfig(of model: AdaptedModel, base: String) throws -> JSON?
  /// - Parameter model: what the method chooses from.
  /// - Throws: where its settings name nothing that the model has, with the nearest names.
  func adaptation(of model: AdaptedModel) throws -> any Adaptation
  /// Whether it trains a head and an embedding apart that the model has as one.
  func partsHead(of model: AdaptedModel) -> Bool
  /// Whether the weights of a base can hold what it adds.
  var foldsIntoBase: Bool { get }
  /// The same method with what only the run tells.
  /// - Throws: if the tokenizer lacks what its settings name.
  func settled(_ facts: MethodFacts) throws -> any Method
  /// The same method in a run of so many steps.
  /// - Throws: if its settings do not go with them.
  func settled(steps: Int) throws -> any Method
  /// What an adapter was made by, with what it does not say: how it is trained.
  /// - Parameter given: the method of the recipe.
  func trained(as given: any Method) -> any Method
  /// What a run leaves of an adapter, where that is less than it trains.
  /// - Parameters:
  ///   - config: its adapter_config.json.
  ///   - values: of a parameter.
  func left(
    of model: AdaptedModel, config: JSON, values: (_ parameter: String) -> [Float]
  ) throws -> (config: JSON, tensors: [DerivedTensor])
  /// The same method as one reads what it made, where that is less than it trains.
  var asRead: any Method { get }
  /// The positions of the model that it fills before every text.
  var virtualPositions: VirtualPositions { get }
  /// Whether a model that it begins with gives what its base gives.
  var beginsAsBase: Bool { get }
}

/// What settings of a method may need to know of a run.
package struct MethodFacts {
  /// The tokens of a text, with those that the tokenizer puts around it.
  let tokens: (String) throws -> [Int32]
  let vocabulary: Int
  let seed: UInt64

  package init(vocabulary: Int, seed: UInt64, tokens: @escaping (String) throws -> [Int32]) {
    self.tokens = tokens
    self.vocabulary = vocabulary
    self.seed = seed
  }
}

/// A tensor of an adapter's folder that follows from what is trained.
package struct DerivedTensor: Sendable {
  /// Of the parameter that it stands for, if it stands for one.
  package let name: String
  package let shape: [Int]
  package let values: [Float]

  package init(name: String, shape: [Int], values: [Float]) {
    precondition(shape.reduce(1, *) == values.count, "as many values as \(name) has")
    self.name = name
    self.shape = shape
    self.values = values
  }
}

extension Method {
  package func partsHead(of model: AdaptedModel) -> Bool { false }
  package var foldsIntoBase: Bool { true }
  package func adapterConfig(of model: AdaptedModel, base: String) throws -> JSON? { nil }
  package func settled(_ facts: MethodFacts) throws -> any Method { self }
  package func settled(steps: Int) throws -> any Method { self }
  package func trained(as given: any Method) -> any Method { self }
  package func left(
    of model: AdaptedModel, config: JSON, values: (_ parameter: String) -> [Float]
  ) throws -> (config: JSON, tensors: [DerivedTensor]) { (config, []) }
  package var asRead: any Method { self }
  package var virtualPositions: VirtualPositions { .none }
  package var beginsAsBase: Bool { false }
}

/// All methods that swiftdp knows: a new one is one file and one line here.
package let methods: [any Method.Type] = [
  FullMethod.self, LoRA.self, AdaLoRA.self, LastLayers.self, IA3.self, BitFit.self, LayerNorm.self,
  Features.self,
  BottleneckAdapters.self, PromptTuning.self, PrefixTuning.self, PTuning.self,
]

/// What a method sees of a model.
package struct AdaptedModel: Sendable {
  /// In the order of their first use in the forward pass.
  package var parameters: [ParameterSpec]
  /// The projection onto the vocabulary or the labels; the input's table where the two are tied.
  package var outputEmbedding: String
  /// The parameter of a head of its own, whether the model has one or not.
  package var head: String
  /// Whether the output embedding is the input's table too.
  package var isTied: Bool
  /// Whether projections are stored [inputs, outputs], as GPT-2's.
  package var storesInputsFirst: Bool
  /// PEFT's name for what the model is for; empty where it has none.
  package var taskType: String
  /// The head that methods train as a whole; nil for the vocabulary's.
  package var headModule: String?
  /// `model_type` of config.json.
  package var typeName: String
  /// The class of transformers that `architectures` of config.json names; empty where it names none.
  package var className = ""
  /// How names begin of what is not a head's; empty where that does not tell.
  package var basePrefix = ""
  /// The parts of its layers, in the order of the forward pass.
  package var parts: [LayerPart] = []
  /// Parameters that begin at random, so that every method trains them.
  package var newParameters: Set<String> = []
  /// Whether it reads a source beside the text that it writes, and whether a token sees only those before it.
  package var readsSource: Bool
  package var isCausal: Bool
  /// The width of its layers, as PEFT finds it in config.json.
  package var width: Int
  /// The attentions to the text's own tokens, in their order.
  package var attentions: [AttentionForm]

  package init(
    parameters: [ParameterSpec], outputEmbedding: String, head: String, isTied: Bool, storesInputsFirst: Bool,
    taskType: String = "CAUSAL_LM", headModule: String? = nil, newParameters: [String] = [],
    typeName: String, readsSource: Bool, isCausal: Bool, width: Int, attentions: [AttentionForm]
  ) {
    self.readsSource = readsSource
    self.isCausal = isCausal
    self.width = width
    self.attentions = attentions
    self.head = head
    self.parameters = parameters
    self.outputEmbedding = outputEmbedding
    self.isTied = isTied
    self.storesInputsFirst = storesInputsFirst
    self.taskType = taskType
    self.headModule = headModule
    self.newParameters = Set(newParameters)
    self.typeName = typeName
  }

  /// The projections between the values of layers, without `.weight`.
  var projections: [String] {
    let saved = modulesAlwaysSaved
    return parameters.filter { $0.isProjection && $0.name != outputEmbedding }.map { module(of: $0.name) }
      .filter { !saved.contains($0) }
  }

  /// Modules that are trained as a whole beside low-rank terms, whatever the settings say: what is new, and the head
  /// of a task, as PEFT has it.
  var modulesAlwaysSaved: Set<String> {
    let newModules = Set(newParameters.map(module))
    guard let headModule else { return newModules }
    let modules = parameters.map { module(of: $0.name) }
    return newModules.union(modules.filter { $0 == headModule || $0.hasPrefix(headModule + ".") })
  }

  /// The parameters of these modules.
  var alwaysTrained: Set<String> { parameters(of: modulesAlwaysSaved) }

  func parameters(of modules: some Sequence<String>) -> Set<String> {
    let modules = Set(modules)
    return Set(parameters.map(\.name).filter { modules.contains(module(of: $0)) })
  }

  /// The layers of all stacks.
  var layerCount: Int { (parts.map(\.layer).max() ?? -1) + 1 }

  /// A parameter's name without its last part, as PEFT names modules.
  func module(of parameter: String) -> String {
    parameter.lastIndex(of: ".").map { String(parameter[..<$0]) } ?? parameter
  }

  /// The number of the layer that a parameter belongs to; nil outside of layers.
  package static func layer(of parameter: String) -> Int? {
    parameter.split(separator: ".").compactMap { Int($0) }.first
  }
}

/// `method:` of a recipe: a name, or a mapping with a name and settings.
package struct MethodRecipe: Sendable {
  package var method: any Method

  package init(_ top: Section) {
    let given = top.raw("method")
    let section = given?.members != nil ? top.section("method") : nil
    // `freeze` or `train` alone are settings of full fine-tuning.
    let isFull = section.map { $0.has("freeze") || $0.has("train") } ?? false
    let name =
      section?.text("name", default: isFull ? FullMethod.name : nil)
      ?? top.text("method", default: FullMethod.name)
    guard let type = methods.first(where: { $0.name == name }) else {
      let names = methods.map { $0.name }
      if !(name.isEmpty && section != nil) {
        (section ?? top).fail(
          section == nil ? "method" : "name", "is \"\(name)\", which is no method of swiftdp",
          hint: nearest(to: name, among: names).map { "did you mean \($0)?" }
            ?? "there are \(names.joined(separator: ", "))")
      }
      method = FullMethod()
      return
    }
    // A name alone is the whole method with its defaults.
    method = type.init(
      section ?? Section(nil, file: nil, path: "method", code: .usage, problems: top.problems))
  }
}
