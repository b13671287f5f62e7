// A model folder as one GGUF file for llama.cpp and what is built on it.
import Base
import Checkpoints
import Foundation
import Graph
import Kernels
import Models
import Tensors

/// What `convert_hf_to_gguf.py` of llama.cpp makes of a folder, with the same names, metadata and order of numbers.
package struct ModelExport {
  /// The types that a file may have, as `--type` names them.
  package static var types: [String] { ggufTypes.map { $0.name } }

  private let file: NewFile
  private let weights: any WeightReader
  private let layout: ParameterLayout
  private let architecture: any GGUFArchitecture
  private let metadata: [(key: String, value: GGUFValue)]
  private let tensors: [Source]
  /// What decides how matrices are rounded; nil to round each number by itself.
  private let rounding: CalibratedRounding?
  package let notes: [String]

  /// Where the numbers of a tensor come from.
  private struct Source {
    /// Of the layout; nil where the numbers are given.
    var parameter: Int?
    var given: [Float] = []
    var form: TensorForm
    var tensor: GGUFTensor
  }

  /// - Parameters:
  ///   - adapter: an adapter folder that is folded in.
  ///   - type: one of `types`.
  ///   - calibration: what the model reads of some text, by which its matrices of Q4_0 are rounded.
  /// - Throws: everything that is wrong with the folders, before anything is written.
  package init(
    model: String, adapter: String?, output: String, type name: String, threads: Int,
    calibration: (tap: InputTap, engine: Engine)? = nil
  ) throws {
    rounding = calibration.map { CalibratedRounding(tap: $0.tap, engine: $0.engine) }
    let problems = Problems()
    let type = problems.collect { try ggufType(name, among: ggufTypes) }
    let file = problems.collect { try NewFile(output, at: "--gguf") }
    let read = problems.collect { try ExportedModel(model, adapter: adapter, threads: threads) }
    let tokens = read.flatMap { read in
      problems.collect { try GGUFTokenizer(folder: model, read.description).metadata }
    }
    let architecture = read.flatMap { read in problems.collect { try ggufArchitecture(of: read.description) }
    }
    try problems.throwIfAny()
    guard let type, let file, let read, let tokens, let architecture else {
      preconditionFailure("an error was collected")
    }
    (self.file, weights, self.architecture) = (file, read.weights, architecture)
    layout = read.description.layout
    tensors = try Self.tensors(layout, architecture, type)
    metadata = Self.metadata(of: model, architecture, type, tokens)
    notes = read.description.notes + architecture.notes + Self.notes(tensors, type)
  }

  private static func metadata(
    of model: String, _ architecture: any GGUFArchitecture, _ type: any GGUFType.Type,
    _ tokens: [(key: String, value: GGUFValue)]
  ) -> [(key: String, value: GGUFValue)] {
    let name = Swift.type(of: architecture).name
    // The version of ggml's blocks, which all its readers ask for.
    let quantizationVersion: UInt32 = 2
    let general: [(key: String, value: GGUFValue)] = [
      ("general.architecture", .text(name)), ("general.type", .text("model")),
      ("general.name", .text(URL(fileURLWithPath: model).lastPathComponent)),
      ("general.file_type", .unsigned(type.fileNumber)),
      ("general.quantization_version", .unsigned(quantizationVersion)),
    ]
    return general + architecture.metadata.map { ("\(name).\($0.key)", $0.value) }
      + tokens.map { ("tokenizer.\($0.key)", $0.value) }
  }

  private static func tensors(
    _ layout: ParameterLayout, _ architecture: any GGUFArchitecture, _ type: any GGUFType.Type
  ) throws -> [Source] {
    let names = layout.forwardOrder.map { layout.parameters[$0].spec.name }
    let hasHead = names.contains { architecture.name(of: String($0.dropLast(".weight".count))) == "output" }
    let factors = architecture.rotaryFactors.map { factors in
      Source(
        given: factors.values, form: .same,
        tensor: GGUFTensor(name: factors.name + ".weight", shape: [factors.values.count], type: F32.self))
    }
    return try factors
      + layout.forwardOrder.map { index in
        let spec = layout.parameters[index].spec
        let dot = spec.name.lastIndex(of: ".") ?? spec.name.endIndex
        guard let name = architecture.name(of: String(spec.name[..<dot])) else {
          throw UserError(.usage, "has no name in GGUF", at: spec.name)
        }
        let form = architecture.form(of: spec)
        let shape = form == .turned ? spec.shape.reversed() : spec.shape
        let isHead = name == (hasHead ? "output" : "token_embd")
        let tensor = GGUFTensor(
          name: name + spec.name[dot...], shape: shape,
          type: type.chosen(shape: shape, isHead: isHead, isPositions: name == "position_embd"))
        return Source(parameter: index, form: form, tensor: tensor)
      }
  }

  private static func notes(_ tensors: [Source], _ type: any GGUFType.Type) -> [String] {
    let others = tensors.filter {
      $0.tensor.shape.count > 1 && $0.tensor.shape.last! % type.block.numbers != 0
    }
    guard !others.isEmpty else { return [] }
    return [
      "\(counted(others.count, "matrix", "matrices")) have rows that blocks of \(type.block.numbers) numbers do not fill, "
        + "and are kept as \(others.map { $0.tensor.type.name }.max() ?? "f16")"
    ]
  }

  /// Writes the file.
  /// - Parameter progress: called with the tensors that are written, and all.
  /// - Returns: the bytes of its tensors, and how many those are.
  /// - Throws: `UserError(.disk)`, and where a number is not finite in the type of its tensor.
  package func run(progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }) throws -> (
    tensors: Int, bytes: Int, errors: [RoundingError]
  ) {
    var errors: [RoundingError] = []
    try GGUFFile(metadata, tensors.map(\.tensor)).write(to: file, progress: progress) { place in
      let source = tensors[place]
      guard let parameter = source.parameter else { return source.given }
      let spec = layout.parameters[parameter].spec
      let values = try [Float](unsafeUninitializedCapacity: spec.count) { buffer, count in
        try weights.read(
          parameter, 0..<spec.count, into: UnsafeMutableBufferPointer(rebasing: buffer[..<spec.count]))
        count = spec.count
      }
      try source.tensor.type.check(values, of: spec.name)
      let arranged = source.form.arranged(values, spec.shape)
      let shape = source.tensor.shape
      guard source.tensor.type.number == Q4_0.number, shape.count == 2,
        let found = rounding?.rounded(
          spec.name, arranged, rows: shape[0], columns: shape[1], on: Q4_0Grid())
      else { return arranged }
      errors.append(found.error)
      return found.values
    }
    return (tensors.count, tensors.reduce(0) { $0 + $1.tensor.bytes }, errors)
  }
}
