// What the launcher and the terminal say. The environment is read in this module only.
import Collectives
import Foundation
import Kernels

enum Launch {
  private static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// The number that a launcher gave this process, or nil where none started it.
  static var rank: String? {
    ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"].compactMap { environment[$0] }.first
  }

  /// Whether this is the first of the ranks that a launcher started, or the only process.
  static var isFirst: Bool { rank.map { $0 == "0" } ?? true }

  /// Threads for this rank: its own cores where it is bound to some, else its share of the host's.
  static func threads(_ ranks: Ranks) -> Int {
    let all = sysconf(Int32(_SC_NPROCESSORS_ONLN))
    let own = allowedCores
    return own > 0 && own < all ? own : max(all / ranks.localCount, 1)
  }

  /// The columns of the terminal that output reaches, or nil where it goes elsewhere.
  ///
  /// `mpirun` gives every rank a terminal of its own whatever its output is; what counts then is where
  /// mpirun itself writes.
  static var terminalColumns: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    let path = environment["OMPI_COMM_WORLD_RANK"] == nil ? "/dev/fd/1" : "/proc/\(getppid())/fd/1"
    let descriptor = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var size = winsize()
    guard isatty(descriptor) == 1, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
    return size.ws_col > 20 ? Int(size.ws_col) : 80
  }
}
