// What a run with several tasks leaves: the trunk once, each head beside it, and a folder for each task that
// transformers loads as a model of its own and that shares the trunk's files.
import Base
import Foundation
import Models
import Tensors

/// The files of a model with several heads.
///
/// The folder itself is a model of the first task: its index names the files of the trunk and of that head.
/// `heads/NAME/` is one for each task; its files of weights are further names (hard links) of those above it.
package struct HeadFiles: Sendable {
  package static let folder = "heads"

  private struct Task: Sendable {
    let description: ModelDescription
    /// Of `stems`.
    let files: [Int]
  }

  /// Of the names of the files, that of the trunk first.
  let stems: [String]
  /// By parameter: its file, and its name there.
  private let places: [String: (file: Int, tensor: String)]
  private let tasks: [Task]

  /// - Parameter description: with a head for each task.
  package init(_ description: ModelDescription) {
    let each = description.eachTask
    var owners: [String: [Int]] = [:]
    for (task, model) in each.enumerated() {
      for spec in model.activeParameters { owners[spec.name, default: []].append(task) }
    }
    // What all tasks read is the trunk, what one reads its head; two of three may share a head.
    let groups = Set(owners.values).sorted {
      $0.count == $1.count ? $0.lexicographicallyPrecedes($1) : $0.count > $1.count
    }
    let all = Array(each.indices)
    let sets = [all] + groups.filter { $0 != all }
    stems = sets.map { set in
      set == all ? "trunk" : "head-" + set.map { description.taskHeads[$0].name }.joined(separator: "+")
    }
    places = owners.reduce(into: [:]) { places, owned in
      places[owned.key] = (sets.firstIndex(of: owned.value) ?? 0, description.nameInTask(owned.key))
    }
    tasks = each.enumerated().map { task, model in
      Task(description: model, files: sets.indices.filter { sets[$0].contains(task) })
    }
  }

  func file(of parameter: String) -> Int { places[parameter]?.file ?? 0 }
  func tensor(of parameter: String) -> String { places[parameter]?.tensor ?? parameter }

  /// Which tensor of a task's model lies in which file.
  private func index(_ plans: [SafetensorsPlan], of task: Int) -> String {
    let own = tasks[task].files.map { plans[$0] }
    let maps = own.flatMap { $0.index["weight_map"]?.members ?? [] }
    return JSON.object([
      "metadata": .object(["total_size": .integer(own.reduce(0) { $0 + $1.totalSize })]),
      "weight_map": .object(maps),
    ]).encoded(indented: true) + "\n"
  }

  /// The names of the tasks of a model, sorted; none where it has one task.
  package static func tasks(in model: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(model)/\(folder)")) ?? []
    return names.filter { access(path(of: $0, in: model) + "/config.json", F_OK) == 0 }.sorted()
  }

  /// The folder of a task.
  package static func path(of task: String, in model: String) -> String { "\(model)/\(folder)/\(task)" }

  private static let indexName = "model.safetensors.index.json"

  /// Writes the index of the first task.
  func write(_ plans: [SafetensorsPlan], _ files: SmallFiles) throws {
    try files.write(index(plans, of: 0), Self.indexName)
  }

  /// Makes the folder of each task, once all files of weights are written.
  /// - Parameters:
  ///   - entries: what the manifest of the whole folder says of them.
  ///   - type: of the weights, as config.json has it.
  /// - Throws: `UserError(.disk)`.
  func publish(
    _ plans: [SafetensorsPlan], entries: [Manifest.File], companions: CompanionFiles, type: String,
    in staging: String
  ) throws {
    for (number, task) in tasks.enumerated() {
      let folder = Self.path(of: task.description.taskHeads[number].name, in: staging)
      try makeFolders(folder)
      let files = SmallFiles(in: folder)
      try files.write(index(plans, of: number), Self.indexName)
      try files.write(
        task.description.config(elementType: type).encoded(indented: true) + "\n", "config.json")
      try files.write(companions.without("README.md"))
      let names = Set(task.files.flatMap { plans[$0].files.map(\.name) })
      for name in names.sorted() { try share("\(staging)/\(name)", as: "\(folder)/\(name)") }
      let linked = entries.filter { names.contains($0.name) }
      try files.write(Manifest(files.entries + linked).encoded, Manifest.fileName)
      try files.sync()
      try DurableFile.sync(folder: folder)
    }
    try DurableFile.sync(folder: "\(staging)/\(Self.folder)")
  }

  /// Another name of a file, or a copy of it on a file system without hard links.
  private func share(_ file: String, as name: String) throws {
    if link(file, name) == 0 { return }
    do { try FileManager.default.copyItem(atPath: file, toPath: name) } catch {
      throw UserError(.disk, "cannot be copied: \(systemReason(error))", at: name)
    }
  }
}
