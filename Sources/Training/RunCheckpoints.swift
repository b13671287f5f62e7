// The checkpoints that a run makes: written while the next steps run, or at once if they must succeed.
//
// Threads write. After each step, the ranks tell each other on their main threads how far they are. First each rank's
// thread writes what was copied; once all have, a thread of the first rank publishes the folder.
import Base
import Checkpoints
import Collectives
import Foundation
import Kernels
import Planning
import Recipes
import Tensors

final class RunCheckpoints {
  /// The outcome of a checkpoint. The first rank may know more about it than others.
  enum Outcome {
    case saved(step: Int, path: String)
    case note(String)

    func tell(_ observer: any Observer) throws {
      switch self {
      case .saved(let step, let path): try observer.saved(step: step, path: path)
      case .note(let text): try observer.warned(text)
      }
    }
  }

  private struct Pending {
    let step: Int
    let path: String
    let write: CheckpointWrite
    let begun = Date()
    /// nil if this rank has nothing to do.
    var task: LowPriorityTask<String?>?
    var isPublishing = false
  }

  private let folder: CheckpointFolder
  private let recipe: CheckpointRecipe
  private let ranks: Ranks
  private let pool: WorkerPool
  private let ledger: MemoryLedger?
  /// Checkpoints that are known to be damaged.
  private var damaged: Set<String>
  private var pending: Pending?
  /// The memory of the last checkpoint's copies, for the next one.
  private var spare: FlatMemory?
  /// The time of the longest checkpoint so far, in seconds.
  private(set) var longest = 0.0
  /// The step whose checkpoint stays beside the newest.
  var best: Int?

  /// - Parameter damaged: checkpoints that a resume has passed over.
  init(
    _ folder: CheckpointFolder, _ recipe: CheckpointRecipe, damaged: Set<String>, ranks: Ranks,
    pool: WorkerPool, ledger: MemoryLedger?
  ) {
    self.folder = folder
    self.recipe = recipe
    self.damaged = damaged
    self.ranks = ranks
    self.pool = pool
    self.ledger = ledger
  }

  /// Writes a checkpoint, after waiting for one that is still being written. Collective.
  /// - Parameter mustSucceed: whether it is written now, so that its failure ends the run.
  /// - Throws: `UserError(.disk)`, only if it must succeed.
  func save(
    step: Int, _ content: CheckpointContent, _ state: TrainingState, mustSucceed: Bool
  ) throws -> [Outcome] {
    let before = finish()
    ranks.board?.tell(.checkpoint)
    let path = folder.path(step: step)
    guard mustSucceed else { return before + (try begin(step, path, content, state)) }
    let begun = Date()
    try content.write(to: path, type: .f32, state: state, replacing: true, ranks: ranks)
    longest = max(longest, Date().timeIntervalSince(begun))
    damaged.remove(path)
    let note = ranks.isFirst ? Self.prune(folder, keep: recipe.keep, damaged, best) : nil
    return before + [.saved(step: step, path: path)] + (note.map { [.note($0)] } ?? [])
  }

  /// Starts the next stage of the checkpoint that is being written, if all ranks are ready for it. Call it after each
  /// step. Collective.
  func advance() -> [Outcome] {
    guard let pending else { return [] }
    let isDone = pending.task?.isDone ?? true
    return ranks.gather(isDone ? 1 : 0).allSatisfy { $0 == 1 } ? next(pending) : []
  }

  /// Waits for the checkpoint that is being written. Collective.
  func finish() -> [Outcome] {
    var outcomes: [Outcome] = []
    if pending != nil { ranks.board?.tell(.checkpoint) }
    while let pending { outcomes += next(pending) }
    return outcomes
  }

  private func begin(
    _ step: Int, _ path: String, _ content: CheckpointContent, _ state: TrainingState
  ) throws -> [Outcome] {
    let write = try ranks.together {
      try CheckpointWrite(content, to: path, type: .f32, state: state)
    }
    let begun = Result { if ranks.isFirst { try write.begin() } }
    pending = Pending(step: step, path: path, write: write)
    if let fault = ranks.firstFault(begun.error) { return abandon(fault) }
    let held = (spare?.count ?? 0) * MemoryLayout<Float>.stride
    write.copy(
      room: recipe.memory.room(ranks: ranks.localCount, held: held), spare: spare, ledger: ledger,
      on: pool.runTiles)
    spare = write.memory
    let written = Result { try write.writeNow() }
    pending?.task = LowPriorityTask {
      try written.get()
      try write.writeCopies()
      return nil
    }
    return []
  }

  private func next(_ now: Pending) -> [Outcome] {
    let result = now.task?.wait() ?? .success(nil)
    if let fault = ranks.firstFault(result.error) { return abandon(fault) }
    guard now.isPublishing else {
      let written = ranks.gather(now.write.written)
      pending?.isPublishing = true
      pending?.task = nil
      damaged.remove(now.path)
      guard ranks.isFirst else { return [] }
      pending?.task = LowPriorityTask { [folder, damaged, keep = recipe.keep, best] in
        try now.write.publish(written, replacing: true)
        return Self.prune(folder, keep: keep, damaged, best)
      }
      return []
    }
    pending = nil
    longest = max(longest, Date().timeIntervalSince(now.begun))
    let note = try? result.get()
    return [.saved(step: now.step, path: now.path)] + (note.map { [.note($0)] } ?? [])
  }

  /// Call it when no rank writes any more, or none has begun to.
  private func abandon(_ fault: Ranks.Fault) -> [Outcome] {
    guard let failed = pending else { return [] }
    pending = nil
    if ranks.isFirst { try? failed.write.abandon() }
    return [.note("step \(failed.step): no checkpoint was written: \(fault.text); the run goes on")]
  }

  /// A checkpoint that cannot be removed is no reason to end a run.
  private static func prune(
    _ folder: CheckpointFolder, keep: Int, _ damaged: Set<String>, _ best: Int?
  ) -> String? {
    let pruned = Result { try folder.prune(keep: keep, damaged: damaged, best: best) }
    return pruned.error.map { "\($0)" }
  }
}

extension CheckpointMemory {
  /// Bytes that this rank may take now.
  /// - Parameters:
  ///   - ranks: the number of ranks of the host.
  ///   - held: the bytes that it took for an earlier checkpoint, and may use again.
  func room(ranks: Int, held: Int) -> Int {
    switch self {
    case .bytes(let bytes): bytes
    case .auto: (Int(availableMemory) + held * ranks) / 2 / ranks
    }
  }
}
