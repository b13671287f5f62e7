// Which cores mpirun has bound this rank to, and whether the user asked for that. Unless it is told otherwise, Open
// MPI binds one or two ranks of a host to one core each, and more to a socket. Such ranks share all cores that mpirun
// may use there instead. Open MPI's parameters say what the user asked for.
import Base
import Foundation
import Training

enum CoreBinding: Equatable {
  /// No launcher that swiftdp knows has bound this process.
  case none
  /// Bound as the user asked.
  case kept
  /// Undone: this rank shares this many cores with its neighbours, by NUMA domain or not.
  case shared(cores: Int, byDomain: Bool)

  /// The outcome; `none` before `settle`.
  nonisolated(unsafe) private(set) static var outcome = CoreBinding.none

  /// Lets this process run on all cores that it should share. Call it before any thread is started.
  static func settle() {
    // Open MPI's daemon sets this for ranks that it bound itself.
    guard environment["OMPI_MCA_orte_bound_at_launch"] == "1" else { return }
    outcome = .kept
    guard !isWished, let launcher = Launch.launcher,
      let number = environment["OMPI_COMM_WORLD_LOCAL_RANK"].flatMap({ Int($0) }),
      let count = environment["OMPI_COMM_WORLD_LOCAL_SIZE"].flatMap({ Int($0) }), number < count
    else { return }
    let given = CoreSet.allowed(process: launcher)
    let own = given.share(of: number, among: count, domains: CoreSet.domains)
    guard own.count > 0, own.take() else { return }
    outcome = .shared(cores: own.count, byDomain: own != given)
  }

  /// The words after the number of threads in the line of a run; empty if there is nothing to say.
  var words: String {
    switch self {
    case .none: ""
    case .kept: ", bound as asked"
    case .shared(let cores, let byDomain):
      ", sharing \(counted(cores, "core"))" + (byDomain ? " by NUMA domain" : "")
    }
  }

  private static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// Parameters by which a user binds ranks; mpirun's options are such parameters too.
  private static let wishes: Set = [
    "hwloc_base_binding_policy", "hwloc_base_bind_to_core", "hwloc_base_bind_to_socket",
    "hwloc_base_cpu_list", "hwloc_base_cpu_set", "hwloc_base_slot_list", "orte_daemon_cores", "orte_rankfile",
    "rmaps_rank_file_path", "rmaps_base_cpus_per_rank", "rmaps_base_cpus_per_proc", "rmaps_base_bycore",
    "rmaps_base_bysocket", "rmaps_ppr_n_persocket",
  ]
  /// Parameters that say how ranks are mapped, which may only choose the host that a rank runs on.
  private static let mappings: Set = ["rmaps_base_mapping_policy", "rmaps_ppr_pattern"]

  private static func isWish(_ name: String, _ value: String) -> Bool {
    guard !value.isEmpty else { return false }
    if mappings.contains(name) {
      let words = value.lowercased().split(whereSeparator: { ":,".contains($0) })
      let isByHost = words.contains { ["node", "slot"].contains($0) }
      return !isByHost || words.contains { $0.hasPrefix("pe=") }
    }
    return wishes.contains(name)
  }

  /// Whether mpirun was told how to bind, by its options, the environment, a scheduler or a file.
  private static var isWished: Bool {
    environment["LSB_AFFINITY_HOSTFILE"] != nil || MPISettings.parameters.contains(where: isWish)
  }
}
