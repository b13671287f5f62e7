// How llama.cpp calls the parts of a family. Another family is one more file, and one more line here.
import Base
import Models
import Tensors

/// What the angles of rotary positions are divided by, a number for each pair.
struct RotaryFactors: Sendable {
  /// Of the tensor, without its ending.
  let name: String
  let values: [Float]
}

protocol GGUFArchitecture: Sendable {
  /// The `model_type`s of config.json.
  static var families: [String] { get }
  /// llama.cpp's name of the architecture.
  static var name: String { get }

  init(_ description: ModelDescription) throws

  /// The keys behind the name of the architecture and a dot.
  var metadata: [(key: String, value: GGUFValue)] { get }
  /// The name of a parameter, without the ending that says weight or bias; nil if there is none.
  func name(of module: String) -> String?
  func form(of parameter: ParameterSpec) -> TensorForm
  /// Factors that llama.cpp divides the angles of rotary positions by; none where they are plain.
  var rotaryFactors: [RotaryFactors] { get }
  /// What a user of the file should know, a line each.
  var notes: [String] { get }
}

extension GGUFArchitecture {
  var rotaryFactors: [RotaryFactors] { [] }
  var notes: [String] { [] }
}

let ggufArchitectures: [any GGUFArchitecture.Type] = [
  LlamaGGUF.self, Qwen2GGUF.self, Qwen3GGUF.self, GemmaGGUF.self, Gemma2GGUF.self, Gemma3GGUF.self,
  Phi3GGUF.self, OLMo2GGUF.self, SmolLM3GGUF.self, GPT2GGUF.self, GPTNeoXGGUF.self,
]

/// The architecture of a model.
/// - Throws: `UserError(.usage)` where GGUF has no form of it that swiftdp writes.
func ggufArchitecture(of description: ModelDescription) throws -> any GGUFArchitecture {
  let all = ggufArchitectures.flatMap { $0.families }
  guard let architecture = ggufArchitectures.first(where: { $0.families.contains(description.typeName) })
  else {
    throw UserError(
      .usage, "models of type \"\(description.typeName)\" are not exported as GGUF", at: description.folder,
      hint: "these are: \(all.joined(separator: ", "))")
  }
  guard description.head == .languageModel else {
    throw UserError(
      .usage, "has no head that predicts the next token, and GGUF is for models that generate",
      at: description.folder)
  }
  return try architecture.init(description)
}
