// How often hosts fail, and how fast checkpoints reach the disk.
import Base
import Planning
import Recipes

struct FailureRate {
  /// The mean time between two failures of one host, in seconds.
  let timeBetween: Double
  /// Bytes a second that all hosts together write and read.
  let disk: Double

  init(_ cluster: Cluster?, disk: Amount?) {
    timeBetween = cluster?.timeBetweenFailures ?? 365 * 86_400
    self.disk = disk?.value ?? cluster?.disk ?? 1e9
  }

  func checkpoint(_ planner: Planner) -> CheckpointEstimate {
    CheckpointEstimate(
      planner.layout, planner.recipe.rule, hosts: planner.hosts.count, disk: disk,
      timeBetweenFailures: timeBetween)
  }
}
