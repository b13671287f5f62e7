// A model folder whose projections are whole numbers of few bits, as transformers loads it by compressed-tensors.
import Base
import Checkpoints
import Foundation
import Graph
import Kernels
import Models
import Tensors

/// Projections are packed; embeddings, vectors and heads stay as they are.
package struct IntegerExport {
  /// The bits of a number, by what `--quantize` names.
  package static let types = [("int4", 4), ("int8", 8)]

  private let folder: MergedFolder
  private let packing: IntegerPacking
  package let notes: [String]

  /// - Parameters:
  ///   - adapter: an adapter folder that is folded in.
  ///   - output: a folder that is not there yet.
  ///   - bits: of a number.
  ///   - group: how many numbers of a row share a scale; nil for all of them.
  ///   - calibration: what the model reads of some text, by which matrices are rounded; nil to round each number by
  ///     itself.
  /// - Throws: everything that is wrong with the folders, before anything is written.
  package init(
    model: String, adapter: String?, output: String, bits: Int, group: Int?, threads: Int,
    calibration: (tap: InputTap, engine: Engine)? = nil
  ) throws {
    let problems = Problems()
    if access(output, F_OK) == 0 {
      problems.add(.usage, "exists already", at: output, hint: "set --output to a new folder")
    }
    let read = problems.collect { try ExportedModel(model, adapter: adapter, threads: threads) }
    try problems.throwIfAny()
    guard let read else { preconditionFailure("an error was collected") }
    let description = read.description
    try Self.check(description, model)
    let names = Self.packed(description)
    try Self.check(group, names.map { description.layout.parameters[$0].spec }, model)
    packing = IntegerPacking(
      PackedForm(bits: bits, group: group),
      modules: Set(
        names.map { String(description.layout.parameters[$0].spec.name.dropLast(".weight".count)) }),
      others: Self.kept(description), engine: try calibration?.engine ?? Engine(threads: threads),
      rounding: calibration.map { CalibratedRounding(tap: $0.tap, engine: $0.engine) })
    folder = try MergedFolder(
      read.weights, of: description, donor: model, packing: packing, path: output)
    notes = description.notes
  }

  private static func check(_ description: ModelDescription, _ model: String) throws {
    let family = type(of: description.family)
    guard !family.storesInputsFirst else {
      throw UserError(
        .usage,
        "models of type \(description.typeName) keep projections as Conv1D, of which compressed-tensors packs none",
        at: model, hint: "--gguf with --type q4_0 or q8_0 rounds them")
    }
    guard !family.readsSource else {
      throw UserError(
        .usage,
        "models of type \(description.typeName), which answer to texts, are not written as whole numbers",
        at: model)
    }
  }

  /// The parameters that are packed, as indices into the layout, in the order of the forward pass.
  private static func packed(_ description: ModelDescription) -> [Int] {
    let layout = description.layout
    return layout.forwardOrder.filter {
      let spec = layout.parameters[$0].spec
      return spec.isProjection && !spec.isHead && spec.shape.count == 2 && spec.name.hasSuffix(".weight")
        && spec.name != description.family.outputEmbedding
    }
  }

  /// Modules of torch's `Linear` that stay as they are.
  private static func kept(_ description: ModelDescription) -> [String] {
    let heads = description.parameters.filter { $0.isHead && $0.shape.count == 2 }.map(\.name)
    let head = type(of: description.family).head
    let all = heads + (description.head.hasVocabulary && !heads.contains(head) ? [head] : [])
    return all.filter { $0.hasSuffix(".weight") }.map { String($0.dropLast(".weight".count)) }
  }

  private static func check(_ group: Int?, _ specs: [ParameterSpec], _ model: String) throws {
    guard let group else { return }
    let others = specs.filter { $0.shape[1] % group != 0 }
    guard let first = others.first else { return }
    let fitting = [128, 64, 32, 16].first { size in specs.allSatisfy { $0.shape[1] % size == 0 } }
    let more = others.count == 1 ? "" : ", and \(others.count - 1) more like it,"
    throw UserError(
      .usage,
      "\(first.name) of \(model) has rows of \(first.shape[1]) numbers\(more) that groups of \(group) do not fill",
      at: "--group-size", hint: "\(fitting.map { "\($0), or " } ?? "")row for one scale in each row")
  }

  /// Writes the folder.
  /// - Parameter progress: called with the parameters that are written, and all.
  /// - Returns: the bytes of its tensors, how many matrices are packed, and what rounding by the calibration changed.
  /// - Throws: `UserError(.disk)`, and where a number is not finite; nothing is left then.
  package func run(progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }) throws -> (
    matrices: Int, bytes: Int, errors: [RoundingError]
  ) {
    do {
      try folder.write(progress: progress)
      try folder.publish()
    } catch {
      try? folder.abandon()
      throw error
    }
    return (packing.modules.count, folder.bytes, packing.errors)
  }
}

/// Makes the tensors of packed matrices, one after the other.
private final class IntegerPacking: ParameterPacking {
  private let form: PackedForm
  let modules: Set<String>
  private let others: [String]
  private let engine: Engine
  private let rounding: CalibratedRounding?
  private(set) var errors: [RoundingError] = []

  init(
    _ form: PackedForm, modules: Set<String>, others: [String], engine: Engine, rounding: CalibratedRounding?
  ) {
    (self.form, self.modules, self.others) = (form, modules, others)
    (self.engine, self.rounding) = (engine, rounding)
  }

  var settings: [(key: String, value: JSON)] { form.settings(ignoring: others) }

  private func module(of spec: ParameterSpec) -> String? {
    guard spec.name.hasSuffix(".weight") else { return nil }
    let module = String(spec.name.dropLast(".weight".count))
    return modules.contains(module) ? module : nil
  }

  func tensors(
    of spec: ParameterSpec, type: StoredType
  ) -> [(name: String, type: StoredType, shape: [Int])]? {
    module(of: spec).map {
      form.tensors($0, rows: spec.shape[0], columns: spec.shape[1], type: type)
    }
  }

  func pack(_ values: [Float], of spec: ParameterSpec, type: StoredType) throws -> [[UInt8]] {
    // From there on scales of F16 would be infinite.
    let limit: Float = type == .f16 ? 65520 : .infinity
    if let bad = values.first(where: { !(abs($0) < limit) }) {
      throw UserError(.data, "has \(bad), which has no scale of the type \(type.rawValue)", at: spec.name)
    }
    let (rows, columns) = (spec.shape[0], spec.shape[1])
    let grid = IntegerGrid(bits: form.bits, block: form.group ?? columns, type: type)
    let (numbers, levels): ([Float], [IntegerGrid.Levels])
    if let found = rounding?.rounded(spec.name, values, rows: rows, columns: columns, on: grid) {
      errors.append(found.error)
      (numbers, levels) = (found.values, found.levels)
    } else {
      (numbers, levels) = grid.nearest(values, rows: rows, columns: columns, engine)
    }
    let codes = numbers.indices.map { Int8(grid.code(numbers[$0], levels[$0 / grid.block])) }
    return [
      form.packed(codes, rows: rows, columns: columns),
      scaleBytes(levels, type),
      [rows, columns].flatMap { size in (0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } },
    ]
  }

  private func scaleBytes(_ scales: [Float], _ type: StoredType) -> [UInt8] {
    guard type.bits == 16 else { return scales.withUnsafeBytes { Array($0) } }
    return scales.withUnsafeBufferPointer { scales in
      let halves = [UInt16](unsafeUninitializedCapacity: scales.count) { buffer, count in
        count = scales.count
        if let base = buffer.baseAddress { FloatConversion.narrow(scales, to: type, into: base) }
      }
      return halves.withUnsafeBytes { Array($0) }
    }
  }
}
