// Requests to a run from outside: a checkpoint now, or an end in order. They come by signals to any rank, by a file,
// or from the clock; the ranks agree on them after every step.
import Base
import Collectives
import Foundation
import Recipes
import Synchronization

/// Ordered: if ranks are asked for different things, the larger one counts.
enum RunRequest: Int {
  case none = 0
  case checkpoint
  case stopByTime
  case stopBySignal

  var isStop: Bool { rawValue >= Self.stopByTime.rawValue }
}

/// The signals noted since the last step. Signal handlers may do no more than note them.
private let asksToStop = Atomic(0)
private let asksForCheckpoint = Atomic(false)

struct RunRequests {
  /// A file of this name in the output folder asks for a checkpoint.
  private static let file = "checkpoint-now"

  private let ranks: Ranks
  private let file: String
  private let deadline: Date?
  private let cadence: CheckpointRecipe.Cadence
  /// When the last checkpoint that the clock asked for was due.
  private var lastSave = Date()
  /// The time of the longest step so far, in seconds.
  private var longestStep = 0.0
  /// The time reserved for a checkpoint before one has been written, in seconds.
  private static let firstSave = 10.0

  /// From now on SIGTERM and SIGINT end the run after its step, and a second one ends it at once. So does SIGUSR2,
  /// which mpirun passes on to its ranks; after SIGTERM or SIGINT, mpirun kills its ranks a second later. SIGUSR1
  /// asks for a checkpoint.
  /// - Parameters:
  ///   - checkpoint: when checkpoints are due.
  ///   - deadline: the time by which the run must be over.
  init(ranks: Ranks, output: String, checkpoint: CheckpointRecipe.Cadence, deadline: Date?) {
    self.ranks = ranks
    self.deadline = deadline
    cadence = checkpoint
    file = output + "/" + Self.file
    for number in [SIGTERM, SIGINT] {
      signal(number) { _ in
        if asksToStop.add(1, ordering: .relaxed).oldValue > 0 { _exit(ExitCode.tryAgain.rawValue) }
      }
    }
    signal(SIGUSR2) { _ in asksToStop.add(1, ordering: .relaxed) }
    signal(SIGUSR1) { _ in asksForCheckpoint.store(true, ordering: .relaxed) }
  }

  /// What to do after a step. Collective.
  /// - Parameter saveSeconds: the time of the longest checkpoint so far.
  mutating func agree(stepSeconds: Double, saveSeconds: Double) -> RunRequest {
    longestStep = max(longestStep, stepSeconds)
    var mine = RunRequest.none
    if asksForCheckpoint.exchange(false, ordering: .relaxed) { mine = .checkpoint }
    if ranks.isFirst {
      // A file that cannot be removed would ask after every step.
      if access(file, F_OK) == 0, unlink(file) == 0 { mine = .checkpoint }
      if case .seconds(let every) = cadence, -lastSave.timeIntervalSinceNow >= every {
        mine = .checkpoint
        lastSave = Date()
      }
      // Reserve time for one more step and for two checkpoints, as one may be in progress by then.
      let left = 2 * (longestStep + max(saveSeconds, Self.firstSave))
      if let deadline, deadline.timeIntervalSinceNow < left {
        mine = .stopByTime
      }
    }
    if asksToStop.load(ordering: .relaxed) > 0 { mine = .stopBySignal }
    return RunRequest(rawValue: ranks.largest(mine.rawValue)) ?? .none
  }
}
