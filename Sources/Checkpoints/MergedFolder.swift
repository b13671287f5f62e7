// Writes a model that was made of others as a Hugging Face folder, one tensor in memory at a time.
import Base
import Models
import Tensors

/// What stands in a folder in the place of some parameters.
package protocol ParameterPacking {
  /// What config.json says of it.
  var settings: [(key: String, value: JSON)] { get }
  /// The tensors that a parameter becomes; nil where it stays as it is.
  /// - Parameter type: what it would be stored as.
  func tensors(
    of spec: ParameterSpec, type: StoredType
  ) -> [(name: String, type: StoredType, shape: [Int])]?
  /// The bytes of these tensors, in their order.
  func pack(_ values: [Float], of spec: ParameterSpec, type: StoredType) throws -> [[UInt8]]
}

package struct MergedFolder {
  private let folder: DirectoryPublish
  /// Where it is until it is published.
  package var staging: String { folder.staging }
  private let weights: any WeightReader
  private let description: ModelDescription
  /// What it holds beside weights and config.json.
  package var companions: CompanionFiles
  private let plan: SafetensorsPlan
  private let packing: (any ParameterPacking)?
  /// Bytes of all tensors.
  package var bytes: Int { plan.totalSize }
  /// The element types of the tensors, which are those of the base.
  package let types: [StoredType]

  private static let maximumShardBytes = 2 << 30

  /// - Parameters:
  ///   - weights: of `description`.
  ///   - type: what numbers are stored as; nil for the types that the donor has.
  ///   - donor: the folder whose types and companions it takes.
  ///   - donorDescription: of the donor, where that has other layers.
  ///   - packing: what some parameters become.
  /// - Throws: what is wrong with the donor.
  package init(
    _ weights: any WeightReader, of description: ModelDescription, type: StoredType? = nil, donor: String,
    donorDescription: ModelDescription? = nil, packing: (any ParameterPacking)? = nil, path: String
  ) throws {
    self.packing = packing
    folder = DirectoryPublish(path)
    self.weights = weights
    self.description = description
    companions = try CompanionFiles(of: donor)
    let files = try HuggingFaceWeights(folder: donor)
    let own = donorDescription ?? description
    var types: [String: StoredType] = [:]
    for (name, parameter) in try files.sources(own, layout: own.layout, mayLack: \.isHead) {
      let type = files.type(of: name) ?? .f32
      types[parameter.spec.name] = type == .f64 ? .f32 : type
    }
    // Layers that the donor lacks have the type of its last one.
    let usual = own.layout.forwardOrder.last.flatMap { types[own.layout.parameters[$0].spec.name] } ?? .f32
    let layout = description.layout
    let specs = layout.forwardOrder.map { layout.parameters[$0].spec }
    self.types = specs.map { type ?? types[$0.name] ?? usual }
    plan = try SafetensorsPlan(
      tensors: zip(specs, self.types).flatMap { spec, type in
        packing?.tensors(of: spec, type: type) ?? [(name: spec.name, type: type, shape: spec.shape)]
      },
      maximumShardBytes: Self.maximumShardBytes)
  }

  /// Writes everything into the staging folder.
  /// - Throws: `UserError(.disk)`, and where a number is not finite in the type of its tensor.
  package func write(progress: (_ done: Int, _ all: Int) -> Void = { _, _ in }) throws {
    try folder.begin()
    let writer = SafetensorsWriter(plan, in: folder.staging)
    try writer.create()
    let layout = description.layout
    for (done, index) in layout.forwardOrder.enumerated() {
      progress(done, layout.forwardOrder.count)
      let spec = layout.parameters[index].spec
      let memory = FlatMemory(count: spec.count, label: "merging")
      let values = UnsafeMutableBufferPointer(start: memory.base, count: spec.count)
      try weights.read(index, 0..<spec.count, into: values)
      if let packing, let tensors = packing.tensors(of: spec, type: types[done]) {
        let parts = try packing.pack(Array(values), of: spec, type: types[done])
        for (tensor, bytes) in zip(tensors, parts) {
          try bytes.withUnsafeBytes { try writer.write(name: tensor.name, from: 0, bytes: $0) }
        }
        continue
      }
      try check(spec.name, UnsafeBufferPointer(values))
      try writer.write(name: spec.name, elementRange: 0..<spec.count, from: UnsafeBufferPointer(values))
    }
    try writer.finish()
    let files = SmallFiles(in: folder.staging)
    try files.write(plan.index.encoded(indented: true) + "\n", plan.indexName)
    let config = description.replacing(packing?.settings ?? [])
    try files.write(config.encoded(indented: true) + "\n", "config.json")
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
      hint: type == .f16 && bad.isFinite ? "save it in another type" : "check what is merged")
  }

  /// Gives the folder its name.
  package func publish() throws { try folder.publish() }

  /// Removes what was written.
  package func abandon() throws { try folder.abandon() }
}
