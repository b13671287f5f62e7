// One copy of the weights for all ranks of a host.
import Collectives
import Kernels
import Tensors

extension WeightLine {
  /// A line in memory that this host's ranks share; nil if the host has no room for it. Collective.
  package static func onHost(
    _ layout: ParameterLayout, type: ElementType, ranks: Ranks, ledger: MemoryLedger? = nil
  ) -> WeightLine? {
    let count = room(layout, type: type)
    // Each rank brings whole pages of 1,024 floats, so that the parts make one line without a gap.
    let pages = (count + 1023) / 1024
    func bound(_ rank: Int) -> Int { pages * rank / ranks.localCount * 1024 }
    let own = bound(ranks.localRank)..<bound(ranks.localRank + 1)
    guard let memory = HostMemory(ranks, bytes: own.count * 4, for: "weights") else { return nil }
    let perFloat = type == .float32 ? 1 : 2
    let loaded =
      min(own.lowerBound * perFloat, layout.count)..<min(own.upperBound * perFloat, layout.count)
    return WeightLine(
      layout, type: type,
      shared: (
        FlatMemory(
          memory.base, count: count, of: memory, counted: own.count * 4, label: "weights", ledger: ledger),
        loaded
      ), ledger: ledger)
  }
}

extension FrozenStore {
  /// A store that this host's ranks share; nil where there is one rank, or no room. Collective.
  package static func onHost(
    _ plan: FrozenPlan, ranks: Ranks, ledger: MemoryLedger? = nil
  ) -> FrozenStore? {
    guard ranks.localCount > 1 else { return nil }
    let count = (plan.bytes + 3) / 4
    let pages = (count + 1023) / 1024
    func bound(_ rank: Int) -> Int { pages * rank / ranks.localCount * 1024 }
    let own = bound(ranks.localRank + 1) - bound(ranks.localRank)
    guard let memory = HostMemory(ranks, bytes: own * 4, for: "frozen") else { return nil }
    return FrozenStore(
      plan,
      shared: (
        FlatMemory(
          memory.base, count: count, of: memory, counted: own * 4, label: "frozen", ledger: ledger),
        rank: ranks.localRank, ranks: ranks.localCount
      ))
  }
}
