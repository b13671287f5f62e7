// What a run with several adapters on one base leaves: a folder for each, as PEFT reads it and as a run of its own leaves
// it.
import Base
import Foundation
import Graph

/// The folders of several adapters: `adapters/NAME/` with adapter_config.json and adapter_model.safetensors.
package struct AdapterFiles: Sendable {
  package static let folder = AdapterMember.folder

  private let names: [String]
  private let forms: [WeightsForm]

  /// - Parameter configs: adapter_config.json of each adapter.
  package init(_ configs: [(name: String, config: JSON)]) {
    names = configs.map(\.name)
    forms = configs.map { .adapter(config: $0.config) }
  }

  /// Of the names of the files of weights.
  var stems: [String] { zip(names, forms).map { "\(Self.path(of: $0, in: ""))\($1.stems[0])" } }

  /// Of a parameter that an adapter has.
  func file(of parameter: String) -> Int {
    AdapterMember.parts(of: parameter).flatMap { part in names.firstIndex { $0 == part.adapter } } ?? 0
  }

  func tensor(of parameter: String) -> String {
    forms[file(of: parameter)].tensor(of: AdapterMember.parts(of: parameter)?.name ?? parameter)
  }

  /// The folder of an adapter, with a slash behind it.
  package static func path(of adapter: String, in model: String) -> String {
    "\(model.isEmpty ? "" : model + "/")\(folder)/\(adapter)/"
  }

  /// Makes the folders, before any weights are written.
  func begin(in staging: String) throws {
    for name in names { try makeFolders(Self.path(of: name, in: staging)) }
  }

  /// Writes what stands beside the weights, once these are written.
  /// - Parameter entries: what the manifest of the whole folder says of the weights.
  /// - Throws: `UserError(.disk)`.
  func publish(
    _ plans: [SafetensorsPlan], entries: [Manifest.File], companions: CompanionFiles, in staging: String
  ) throws {
    for ((name, form), plan) in zip(zip(names, forms), plans) {
      guard case .adapter(let config) = form else { continue }
      let folder = Self.path(of: name, in: "")
      func own(_ file: String) -> String { String(file.dropFirst(folder.count)) }
      let files = SmallFiles(in: "\(staging)/\(folder)")
      try files.write(config.encoded(indented: true) + "\n", WeightsForm.adapterConfig)
      try files.write(
        plan.index(naming: own).encoded(indented: true) + "\n", own(plan.indexName))
      try files.write(companions.without("README.md"))
      let weights = Set(plan.files.map(\.name))
      let written = entries.filter { weights.contains($0.name) }.map {
        Manifest.File(name: own($0.name), bytes: $0.bytes, checksum: $0.checksum)
      }
      try files.write(Manifest(files.entries + written).encoded, Manifest.fileName)
      try files.sync()
      try DurableFile.sync(folder: "\(staging)/\(folder)")
    }
    try DurableFile.sync(folder: "\(staging)/\(Self.folder)")
  }
}
