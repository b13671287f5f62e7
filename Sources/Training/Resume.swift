// Whether a run resumes, and from which checkpoint.
import Base
import Checkpoints
import Collectives
import Foundation
import Models
import Recipes

/// Where a run resumes, and what the user should know about the search for it.
struct ResumePoint {
  /// A checkpoint; nil to begin anew.
  var path: String?
  var notes: [String] = []
  /// Checkpoints that were passed over.
  var damaged: Set<String> = []
}

extension CheckpointFolder {
  /// The checkpoint that a run resumes from: the newest that is complete and correct, or the one that is asked for.
  /// Only the first rank looks for checkpoints, since ranks may see different folders for a while on network file
  /// systems; all of them read its files. Collective.
  /// - Throws: if the recipe asks for none but there are some, which would get mixed with those of a new run; and if
  ///   the one that is asked for is damaged.
  func start(_ resume: CheckpointRecipe.Resume, over ranks: Ranks) throws -> ResumePoint {
    let found = try ranks.together { ranks.isFirst ? try candidates(resume) : [] }
    var point = ResumePoint()
    for number in 0..<ranks.broadcast(found.count) {
      let path = ranks.broadcast(ranks.isFirst ? found[number] : "")
      let (fault, isOld) = Self.check(path, over: ranks)
      if let fault {
        guard resume == .auto else {
          throw ranks.isFirst ? UserError(fault.code, fault.text) : Ranks.StoppedElsewhere(code: fault.code)
        }
        point.damaged.insert(path)
        point.notes.append("\(path) is passed over: \(fault.text)")
        continue
      }
      if isOld { point.notes.append("\(path) is from before there were checksums: not checked") }
      point.path = path
      return point
    }
    if !point.damaged.isEmpty { point.notes.append("no checkpoint is whole: the run begins anew") }
    return point
  }

  /// The kernels of the run that one goes on from, as its newest checkpoint names them; nil if none does. It is known
  /// before any library is opened, and before the numbers of a checkpoint are checked. For the first rank alone.
  package func kernels(_ resume: CheckpointRecipe.Resume) -> String? {
    let paths =
      switch resume {
      case .auto: all.reversed().map(\.path)
      case .none: [String]()
      case .folder(let folder): [folder]
      }
    for path in paths {
      if let name = (try? TrainingState(folder: path))?.kernels { return name }
    }
    return nil
  }

  /// Newest first.
  private func candidates(_ resume: CheckpointRecipe.Resume) throws -> [String] {
    switch resume {
    case .auto:
      try DirectoryPublish.removeStale(in: path)
      return all.reversed().map(\.path)
    case .none:
      guard let last = complete.last else { return [] }
      throw UserError(
        .usage, "is none, but \(last.path) is there from an earlier run", at: "checkpoint.resume",
        hint: "set output to a new folder, or remove \(path)")
    case .folder(let folder): return [folder]
    }
  }

  /// What is wrong with a checkpoint, and whether it is older than manifests. Collective.
  private static func check(_ path: String, over ranks: Ranks) -> (fault: Ranks.Fault?, isOld: Bool) {
    let opened = Result {
      guard ranks.isFirst else { return "" }
      if Manifest.isIn(path) { return try Manifest(folder: path).encoded }
      // If a manifest is missing that should be there, this reports it.
      if try TrainingState(folder: path).hasManifest { _ = try Manifest(folder: path) }
      _ = try CheckpointSummary(folder: path)
      return ""
    }
    if let fault = ranks.firstFault(opened.error) { return (fault, false) }
    let text = ranks.broadcast((try? opened.get()) ?? "")
    // Another host may have written it a moment ago.
    if !ranks.isFirst { SharedPath(path).wait() }
    guard !text.isEmpty else { return (nil, true) }
    let parsed = Result { try Manifest(Array(text.utf8), at: path) }
    if let fault = ranks.firstFault(parsed.error) { return (fault, false) }
    return ((try? parsed.get())?.fault(in: path, over: ranks), false)
  }
}

extension TrainingState {
  /// - Throws: if the run was further than this one is to go: its weights are not those after `steps` steps.
  func checkStep(within steps: Int, folder: String) throws {
    guard step > steps else { return }
    throw UserError(
      .usage, "is of step \(step), but the run ends at step \(steps)", at: folder,
      hint: "ask for more steps, or set output to a new folder")
  }

  /// - Throws: every condition that differs, since the run would not continue with exactly the samples that it has
  ///   not seen yet.
  func check(_ now: [JSON.Member], folder: String) throws {
    let problems = Problems()
    let hint = "undo the change, or begin a new run with model: \(folder) and another output"
    let changed = now.filter { condition in
      conditions.first { $0.key == condition.key }?.value != condition.value
    }
    let gone = conditions.filter { condition in !now.contains { $0.key == condition.key } }
    // The seed decides which data is held out, so another seed is one mistake, not two.
    // Another optimizer has other states.
    func isChanged(_ key: String) -> Bool { changed.contains { $0.key.elementsEqual(key.utf8) } }
    for condition in changed {
      let name = String(decoding: condition.key, as: UTF8.self)
      if name == "data", isChanged("training.seed") { continue }
      if name == "optimizer.states", isChanged("optimizer.name") { continue }
      let then = conditions.first { $0.key == condition.key }?.value
      let what =
        name == "data"
        ? "the training data or its tokens are not those of the checkpoint"
        : "\(name) is \(condition.value.encoded()) now and was \(then?.encoded() ?? "unset") in the checkpoint"
      problems.add(.usage, what, at: folder, hint: hint)
    }
    for condition in gone {
      problems.add(
        .usage,
        "\(String(decoding: condition.key, as: UTF8.self)) is unset now and was "
          + "\(condition.value.encoded()) in the checkpoint", at: folder, hint: hint)
    }
    try problems.throwIfAny()
  }
}

extension ModelDescription {
  /// - Throws: if the parameters of a checkpoint's config.json are not those of the recipe's model.
  func checkSame(as model: ModelDescription, folder: String) throws {
    guard typeName == model.typeName else {
      throw UserError(
        .data, "is of type \(typeName), but the recipe's model is of type \(model.typeName)", at: folder,
        hint: "set model to the model of this run, or output to a new folder")
    }
    let here = parameters.map { "\($0.name) \($0.shape)" }
    let there = model.activeParameters.filter { !$0.isAdded }.map { "\($0.name) \($0.shape)" }
    guard here == there else {
      let first = zip(here, there).first { $0 != $1 }
      let detail =
        first.map { "\($0.0) against \($0.1)" } ?? "\(here.count) parameters against \(there.count)"
      throw UserError(
        .data, "is a checkpoint of another model: \(detail)", at: folder,
        hint: "set model to the model of this run, or output to a new folder")
    }
  }
}
