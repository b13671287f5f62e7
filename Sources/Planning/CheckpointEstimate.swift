// The size of a checkpoint, and how often one pays.
import Optimizers
import Sharding
import Tensors

package struct CheckpointEstimate: Sendable {
  /// Weights in fp32 and the states of all ranks.
  package let bytes: Double
  /// Seconds to write them.
  package let seconds: Double
  /// The seconds between two checkpoints that lose the least: the work since the last one is lost when a host fails,
  /// and each takes its time (Young 1974: the square root of twice the product of the two times).
  package let interval: Double

  /// - Parameters:
  ///   - disk: bytes a second that all hosts together write.
  ///   - timeBetweenFailures: of one host, in seconds.
  package init(
    _ layout: ParameterLayout, _ rule: any UpdateRule, hosts: Int, disk: Double, timeBetweenFailures: Double
  ) {
    let whole = ShardMap(layout: layout.trained, stage: .replicas, rank: 0, ranks: 1)
    bytes = Double(layout.trainedCount * 4 + ShardedOptimizer.stateBytes(map: whole, rule: rule))
    seconds = bytes / disk
    interval = max((2 * seconds * timeBetweenFailures / Double(hosts)).squareRoot(), seconds)
  }
}
