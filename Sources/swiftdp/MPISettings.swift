// Open MPI's parameters: what the user set, in the environment or in files, and what is set where the user set nothing,
// so that no time is lost looking for networks that this host does not have.
import Foundation

enum MPISettings {
  private static let prefix = "OMPI_MCA_"
  private static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// Call it before MPI starts.
  static func settle() {
    if Launch.rank == nil {
      // No other process: neither networks nor helpers, which take a quarter of a second, nor folders, in which such
      // processes that start and end at the same time get in each other's way.
      for (name, value) in [
        ("ess_singleton_isolated", "1"), ("pml", "ob1"), ("btl", "self"), ("orte_create_session_dirs", "0"),
      ] { setenv(prefix + name, value, 0) }
    } else if let networks = networks(leftOut: absentNetworks) {
      setenv(prefix + "mtl", networks, 1)
    }
  }

  /// Omni-Path and InfiniPath where this host has none: each would wait a tenth of a second for its device.
  private static var absentNetworks: [String] {
    let devices = (try? FileManager.default.contentsOfDirectory(atPath: "/dev")) ?? []
    guard !devices.isEmpty else { return [] }
    return [("psm2", device: "hfi1"), ("psm", device: "ipath")].filter { network in
      !devices.contains { $0.hasPrefix(network.device) }
    }.map(\.0)
  }

  /// The networks that Open MPI tries, without some; nil where the user named those to try.
  private static func networks(leftOut: [String]) -> String? {
    let value = parameters.first { $0.name == "mtl" && !$0.value.isEmpty }?.value ?? "^"
    guard !leftOut.isEmpty, value.hasPrefix("^") else { return nil }
    let all = value.dropFirst().split(separator: ",").map(String.init)
    return "^" + (all + leftOut.filter { !all.contains($0) }).joined(separator: ",")
  }

  /// What the user set, mpirun's options too. The environment comes first, as it counts more than files.
  static var parameters: [(name: String, value: String)] {
    environment.filter { $0.key.hasPrefix(prefix) }
      .map { (name: String($0.key.dropFirst(prefix.count)), value: $0.value) } + files.flatMap(pairs)
  }

  /// Open MPI's parameter files: the user's, the host's, and those that were named.
  private static var files: [String] {
    let named = [
      "mca_base_param_files", "mca_base_override_param_file", "mca_base_param_file_prefix",
      "mca_base_envar_file_prefix",
    ].compactMap { environment[prefix + $0] }
      .flatMap { $0.split(whereSeparator: { ":,".contains($0) }).map(String.init) }
    // mpirun lies in PREFIX/bin; distributions keep its files in /etc.
    let program = Launch.launcher.flatMap {
      try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\($0)/exe")
    }
    let own = program.map { ($0 as NSString).deletingLastPathComponent + "/../etc" }
    let folders = [own, "/etc/openmpi", "/etc"].compactMap { $0 }
    let ofHost = folders.flatMap {
      ["\($0)/openmpi-mca-params.conf", "\($0)/openmpi-mca-params-override.conf"]
    }
    return named + [(environment["HOME"] ?? "") + "/.openmpi/mca-params.conf"] + ofHost
  }

  /// Lines are `name = value`, or the options of a command line: every word with the one behind it.
  private static func pairs(_ file: String) -> [(name: String, value: String)] {
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return [] }
    return text.split(whereSeparator: \.isNewline).flatMap { line in
      let words = line.prefix { $0 != "#" }.split { $0.isWhitespace || $0 == "=" }.map(String.init)
      return zip(words, words.dropFirst()).map { (name: $0, value: $1) }
    }
  }
}
