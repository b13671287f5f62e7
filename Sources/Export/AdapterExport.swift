// An adapter of PEFT as a GGUF file of its own, which llama.cpp adds to a base that it has loaded (`--lora`).
import Adapters
import Base
import Checkpoints
import Foundation
import Graph
import Kernels
import Models
import Tensors

/// What `convert_lora_to_gguf.py` of llama.cpp makes of a folder, with the same names, metadata and order of numbers. It writes
/// one alpha for all terms: B is multiplied by what is left of another scale, such as that of `use_rslora`, `alpha_pattern` and
/// the singular values of AdaLoRA.
package struct AdapterExport {
  /// The types that the converter knows.
  private static let types: [any GGUFType.Type] = [F32.self, F16.self, BF16.self, Q8_0.self]

  private let file: NewFile
  private let reader: AdaptedWeights
  private let layout: ParameterLayout
  private let metadata: [(key: String, value: GGUFValue)]
  private let matrices: [Matrix]

  /// A or B of a term.
  private struct Matrix {
    /// Of the layout.
    var parameter: Int
    var shape: [Int]
    /// What it is multiplied by, and the singular values that its columns have too.
    var factor: Float = 1
    var values: Int?
    var form = TensorForm.same
    var tensor: GGUFTensor
  }

  /// - Parameters:
  ///   - adapter: a folder of PEFT.
  ///   - base: nil for the folder that adapter_config.json names.
  ///   - type: f32, f16, bf16 or q8_0.
  /// - Throws: everything that is wrong with the folders, before anything is written.
  package init(adapter: String, base: String?, output: String, type name: String, threads: Int) throws {
    let problems = Problems()
    let type = problems.collect { try ggufType(name, among: Self.types) }
    let file = problems.collect { try NewFile(output, at: "--gguf") }
    let read = problems.collect { try Self.read(adapter, base: base, threads: threads) }
    try problems.throwIfAny()
    guard let type, let file, let read else { preconditionFailure("an error was collected") }
    (self.file, reader, layout) = (file, read.weights, read.description.layout)
    let architecture = read.architecture
    matrices = try Self.matrices(read.description, architecture, alpha: read.alpha, type, adapter)
    metadata = [
      ("general.architecture", .text(Swift.type(of: architecture).name)), ("general.type", .text("adapter")),
      ("adapter.type", .text("lora")),
      ("general.name", .text(URL(fileURLWithPath: adapter).lastPathComponent)),
      ("adapter.lora.alpha", .float(Float(read.alpha))), ("general.quantization_version", .unsigned(2)),
    ]
  }

  private static func read(
    _ adapter: String, base: String?, threads: Int
  ) throws -> (
    description: ModelDescription, weights: AdaptedWeights, architecture: any GGUFArchitecture, alpha: Double
  ) {
    let method = try adapterMethod(in: adapter)
    let config = try OpenFile.json(adapter + "/" + WeightsForm.adapterConfig)
    let named = config["base_model_name_or_path"]?.text ?? ""
    if let missing = UserError.noModelFolder(base ?? named, at: base == nil ? adapter : "--base") {
      throw base == nil
        ? UserError(
          .usage, "is an adapter of \(named.quoted), which is not there", at: adapter,
          hint: "--base says where that model is") : missing
    }
    let folder = base ?? named
    let description = try ModelDescription.stored(in: folder, adapter: adapter)
    let architecture = try ggufArchitecture(of: description)
    let weights = try AdaptedWeights(
      description, base: folder, adapter: adapter, engine: try Engine(threads: threads))
    let others = description.layout.parameters.filter {
      $0.spec.isOfAdapter && !isOfTerm($0.spec.name)
    }
    let wrong: String? =
      if !method.foldsIntoBase {
        "adds no low-rank terms"
      } else if weights.changesBase {
        "stands on a base of its own (init)"
      } else if let other = others.first {
        "holds \(other.spec.name), which is no low-rank term"
      } else {
        nil
      }
    if let wrong {
      throw UserError(
        .usage, wrong + ", and GGUF has no form of it", at: adapter,
        hint: "with --model the adapter is folded into the model")
    }
    return (description, weights, architecture, config["lora_alpha"]?.double ?? 8)
  }

  private static func isOfTerm(_ name: String) -> Bool {
    [".lora_A", ".lora_B", ".lora_E"].contains { name.hasSuffix($0) || name.hasSuffix($0 + ".weight") }
  }

  private static func matrices(
    _ description: ModelDescription, _ architecture: any GGUFArchitecture, alpha: Double,
    _ type: any GGUFType.Type, _ adapter: String
  ) throws -> [Matrix] {
    let layout = description.layout
    let isTransposed = Swift.type(of: description.family).storesInputsFirst
    var matrices: [Matrix] = []
    for index in layout.forwardOrder where layout.parameters[index].spec.isProjection {
      let spec = layout.parameters[index].spec
      let module = String(spec.name.dropLast(".weight".count))
      let (outputs, inputs) = isTransposed ? (spec.shape[1], spec.shape[0]) : (spec.shape[0], spec.shape[1])
      guard let term = description.adaptation.lowRank(at: module, inputs: inputs, outputs: outputs) else {
        continue
      }
      let names = term.names(module)
      guard let name = architecture.name(of: module), let a = layout.index(of: names.a),
        let b = layout.index(of: names.b)
      else { throw UserError(.usage, "has no name in GGUF", at: "\(adapter): \(module)") }
      guard !term.hasMagnitude else {
        throw UserError(
          .usage, "has magnitudes (DoRA), and GGUF has no form of them", at: adapter,
          hint: "with --model the adapter is folded into the model")
      }
      // llama.cpp multiplies by alpha / rank, or by nothing where alpha is 0.
      let usual = alpha == 0 ? 1 : Float(alpha / Double(term.rank))
      func matrix(_ place: Int, _ ending: String, _ shape: [Int]) -> Matrix {
        Matrix(
          parameter: place, shape: shape,
          tensor: GGUFTensor(name: name + ".weight" + ending, shape: shape, type: type.chosen(shape: shape)))
      }
      matrices.append(matrix(a, ".lora_a", [term.rank, inputs]))
      var ofOutputs = matrix(b, ".lora_b", [outputs, term.rank])
      ofOutputs.factor = term.scale == usual ? 1 : term.scale / usual
      ofOutputs.values = names.values.flatMap { layout.index(of: $0) }
      ofOutputs.form = architecture.form(of: spec).ofOutputs
      matrices.append(ofOutputs)
    }
    guard !matrices.isEmpty else {
      throw UserError(.usage, "adds no low-rank terms, and GGUF has no form of it", at: adapter)
    }
    return matrices
  }

  /// Writes the file.
  /// - Parameter progress: called with the tensors that are written, and all.
  /// - Returns: the bytes of its tensors, and how many those are.
  /// - Throws: `UserError(.disk)`, and where a number is not finite in the type of its tensor.
  package func run(progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }) throws -> (
    tensors: Int, bytes: Int
  ) {
    try GGUFFile(metadata, matrices.map(\.tensor)).write(to: file, progress: progress) { place in
      let matrix = matrices[place]
      var numbers = try floats(matrix.parameter, count: matrix.shape.reduce(1, *))
      let rank = matrix.shape[1]
      let values = try matrix.values.map { try floats($0, count: rank) }
      if matrix.factor != 1 || values != nil {
        for place in numbers.indices { numbers[place] *= matrix.factor * (values?[place % rank] ?? 1) }
      }
      try matrix.tensor.type.check(numbers, of: layout.parameters[matrix.parameter].spec.name)
      return matrix.form.arranged(numbers, matrix.shape)
    }
    return (matrices.count, matrices.reduce(0) { $0 + $1.tensor.bytes })
  }

  private func floats(_ parameter: Int, count: Int) throws -> [Float] {
    try [Float](unsafeUninitializedCapacity: count) { buffer, filled in
      try reader.read(parameter, 0..<count, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
      filled = count
    }
  }
}
