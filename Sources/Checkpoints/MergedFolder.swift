// Writes a merged model as a Hugging Face folder, one tensor in memory at a time.
import Base
import Models
import Tensors

package struct MergedFolder {
  private let folder: DirectoryPublish
  /// Where it is until it is published.
  package var staging: String { folder.staging }
  private let weights: MergedWeights
  private let companions: CompanionFiles
  private let plan: SafetensorsPlan
  /// The element types of the tensors, which are those of the base.
  package let types: [StoredType]

  private static let maximumShardBytes = 2 << 30

  /// - Parameter base: the folder whose types, config.json and companions it takes.
  /// - Throws: what is wrong with the base.
  package init(_ weights: MergedWeights, base: String, path: String) throws {
    folder = DirectoryPublish(path)
    self.weights = weights
    companions = try CompanionFiles(of: base)
    let files = try HuggingFaceWeights(folder: base)
    let layout = weights.description.layout
    var types: [String: StoredType] = [:]
    for (name, parameter) in try files.sources(weights.description, layout: layout, mayLack: \.isHead) {
      let type = files.type(of: name) ?? .f32
      types[parameter.spec.name] = type == .f64 ? .f32 : type
    }
    let specs = layout.forwardOrder.map { layout.parameters[$0].spec }
    plan = try SafetensorsPlan(
      tensors: specs.map { (name: $0.name, type: types[$0.name] ?? .f32, shape: $0.shape) },
      maximumShardBytes: Self.maximumShardBytes)
    self.types = specs.map { types[$0.name] ?? .f32 }
  }

  /// Writes everything into the staging folder.
  /// - Throws: `UserError(.disk)`, and where a number is not finite in the type of its tensor.
  package func write() throws {
    try folder.begin()
    let writer = SafetensorsWriter(plan, in: folder.staging)
    try writer.create()
    let layout = weights.description.layout
    for index in layout.forwardOrder {
      let spec = layout.parameters[index].spec
      let memory = FlatMemory(count: spec.count, label: "merging")
      let values = UnsafeMutableBufferPointer(start: memory.base, count: spec.count)
      try weights.read(index, 0..<spec.count, into: values)
      try check(spec.name, UnsafeBufferPointer(values))
      try writer.write(name: spec.name, elementRange: 0..<spec.count, from: UnsafeBufferPointer(values))
    }
    try writer.finish()
    let files = SmallFiles(in: folder.staging)
    try files.write(plan.index.encoded(indented: true) + "\n", plan.indexName)
    try files.write(weights.description.config.encoded(indented: true) + "\n", "config.json")
    try files.write(companions)
    let written = zip(plan.files, writer.written).map {
      Manifest.File(name: $0.name, bytes: $0.size, checksum: $1.checksum)
    }
    try files.write(Manifest(files.entries + written).encoded, Manifest.fileName)
    try files.sync()
  }

  private func check(_ name: String, _ values: UnsafeBufferPointer<Float>) throws {
    let type = plan.place(of: name)?.type ?? .f32
    // From there on F16 rounds to infinity.
    let limit: Float = type == .f16 ? 65520 : .infinity
    guard let bad = values.first(where: { !(abs($0) < limit) }) else { return }
    throw UserError(
      .data, "has \(bad) after merging, which is beyond \(type.rawValue)", at: name,
      hint: type == .f16 && bad.isFinite ? "save the base in another type first" : "check the adapter")
  }

  /// Gives the folder its name.
  package func publish() throws { try folder.publish() }

  /// Removes what was written.
  package func abandon() throws { try folder.abandon() }
}
