// What the launcher and the terminal say. Only this module reads the environment.
import Base
import Collectives
import Foundation
import Kernels
import Reports
import Training

enum Launch {
  private static var environment: [String: String] { ProcessInfo.processInfo.environment }

  /// The rank number that a launcher gave this process, or nil if none started it.
  static var rank: String? {
    ["OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"].compactMap { environment[$0] }.first
  }

  /// Whether this is the first of the ranks that a launcher started, or the only process.
  static var isFirst: Bool { rank.map { $0 == "0" } ?? true }

  /// Inside a Slurm step that no mpirun started, Open MPI 4 ends the process with a page of its own text. It takes
  /// `SLURM_NODELIST` and `SLURM_STEP_ID` for a start by srun, and srun without PMI gives it no rank.
  /// - Throws: what to type instead; one of the step's processes prints it.
  static func checkStarter() throws {
    guard rank == nil, environment["SLURM_NODELIST"] != nil, environment["SLURM_STEP_ID"] != nil else {
      return
    }
    guard environment["SLURM_PROCID"] ?? "0" == "0" else { throw Ranks.StoppedElsewhere(code: .usage) }
    let count = environment["SLURM_STEP_NUM_TASKS"] ?? "1"
    throw UserError(
      .usage, "Slurm started this as a step, and Open MPI knows no ranks in it",
      hint: "in the batch script or under salloc type: "
        + typed(["mpirun", "-np", count, "swiftdp"] + CommandLine.arguments.dropFirst()))
  }

  /// How the user's paths are read.
  static var paths: UserPaths { UserPaths(home: environment["HOME"], shipped: try? Shipped.folder()) }

  /// Reads options and arguments that are paths.
  static func path(_ text: String) throws -> String { try paths.path(text) }

  /// The cores of the machine, whether this process may run on them or not.
  static var cores: Int { sysconf(Int32(_SC_NPROCESSORS_ONLN)) }

  /// Threads for this rank: the number asked for, with a warning if it has fewer cores; otherwise the cores that it
  /// may run on, divided among the ranks that may run on exactly the same cores. Collective.
  static func threads(_ ranks: Ranks, asked: Int? = nil) -> Int {
    if let asked {
      if let warning = warning(threads: asked, ranks), ranks.isFirst { Command.tell("note: " + warning) }
      return asked
    }
    // The names of host and cores as one number, to compare.
    let all = ranks.gather(Int(truncatingIfNeeded: FNV1a((Ranks.hostName + " " + coreList).utf8).value))
    let sharing = all.filter { $0 == all[ranks.rank] }.count
    let allowed = allowedCores
    return max((allowed > 0 ? allowed : cores) / sharing, 1)
  }

  /// One line if a rank is to run more threads than it has cores; nil if none is, or if the system does not say.
  /// Collective.
  static func warning(threads: Int, _ ranks: Ranks) -> String? {
    warning(threads: threads, allowed: ranks.gather(allowedCores))
  }

  /// - Parameter allowed: the cores that each rank may run on, by rank.
  static func warning(threads: Int, allowed: [Int]) -> String? {
    guard let rank = allowed.firstIndex(where: { $0 > 0 && $0 < threads }) else { return nil }
    let own = allowed[rank]
    let isBound = environment["OMPI_COMM_WORLD_RANK"] != nil && cores >= threads
    let hint = isBound ? " (mpirun --map-by slot:PE=\(threads), or --bind-to none)" : ""
    return
      "\(counted(threads, "thread")) a rank, but rank \(rank) may run on \(counted(own, "core")) only"
      + hint
  }

  /// How mpirun is told to reach other hosts; nil if it is not told.
  static var remoteAgent: String? { environment["OMPI_MCA_plm_rsh_agent"] }

  /// Where users keep what can be made again.
  static var cacheFolder: String {
    let named = environment["XDG_CACHE_HOME"] ?? ""
    // The specification of these folders ignores relative paths.
    return named.hasPrefix("/") ? named : (environment["HOME"] ?? "/nowhere") + "/.cache"
  }

  /// What a program needs of the environment to find the libraries of this one, as `env` takes it.
  static var loaderVariables: [String] {
    ["PATH", "LD_LIBRARY_PATH", "LD_PRELOAD"].compactMap { name in environment[name].map { "\(name)=\($0)" } }
  }

  /// Changes when libraries are installed, or looked for elsewhere.
  static var libraryState: String {
    let cache = FileStamp("/etc/ld.so.cache").map { "\($0.bytes) \($0.changed)" } ?? "none"
    return "\(cache) \(environment["LD_LIBRARY_PATH"] ?? "")"
  }

  /// Where programs are looked for.
  static var programFolders: String { environment["PATH"] ?? "" }

  /// How many processes the launcher says it started for this command; nil if there is no launcher.
  static var startedCount: Int? {
    ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"].compactMap { environment[$0] }.first
      .flatMap { Int($0) }
  }

  /// The cores that this process may run on, such as `0-3,8`; empty if the system does not say.
  static var coreList: String { CoreSet.allowed().list }

  /// The number of these cores; 0 if the system does not say.
  static var allowedCores: Int { CoreSet.allowed().count }

  /// The cores that mpirun has for its ranks on this host, or those of this process if there is no mpirun.
  static var givenCores: CoreSet { CoreSet.allowed(process: launcher ?? 0) }

  /// The process of mpirun, or of its daemon on this host, that started this rank, possibly through a script; nil if
  /// it is not visible.
  static var launcher: pid_t? {
    guard environment["OMPI_COMM_WORLD_RANK"] != nil else { return nil }
    var process = getppid()
    while process > 1, let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let open = text.firstIndex(of: "("), let close = text.lastIndex(of: ")")
    {
      let name = text[text.index(after: open)..<close]
      if ["mpirun", "mpiexec", "orterun", "orted", "prte"].contains(where: name.hasPrefix) { return process }
      // The state and the parent follow the name.
      guard let parent = text[close...].split(separator: " ").dropFirst(2).first.flatMap({ pid_t($0) })
      else { return nil }
      process = parent
    }
    return nil
  }

  /// Whether output may be coloured: it reaches a terminal, and the user does not mind (https://no-color.org).
  static var takesColors: Bool {
    terminalColumns != nil && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
  }

  /// Whether output may have letters beyond ASCII, as the user's locale says.
  static var takesUnicode: Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
    let plain = locale.lowercased()
    return plain.contains("utf-8") || plain.contains("utf8")
  }

  /// What the terminal that output reaches can show; nil where it goes elsewhere.
  static var terminalForm: TerminalForm? {
    terminalColumns.map { TerminalForm(columns: $0, takesUnicode: takesUnicode, takesColors: takesColors) }
  }

  /// The columns of the terminal that output reaches, or nil where it goes elsewhere.
  ///
  /// `mpirun` gives every rank a terminal of its own wherever its output goes, so what counts is where mpirun itself
  /// writes.
  static var terminalColumns: Int? {
    guard isatty(STDOUT_FILENO) == 1 else { return nil }
    let path =
      environment["OMPI_COMM_WORLD_RANK"] == nil ? "/dev/fd/1" : "/proc/\(launcher ?? getppid())/fd/1"
    let descriptor = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var size = winsize()
    guard isatty(descriptor) == 1, ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
    return size.ws_col > 20 ? Int(size.ws_col) : 80
  }
}
