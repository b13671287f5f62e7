// What one rank finds on its host.
import Base
import Collectives
import Foundation
import Kernels
import Training

/// A library that multiplies matrices.
struct MatrixLibrary: Codable {
  /// Why a library that swiftdp needs cannot be used.
  struct Missing: Codable {
    let what: String
    let hint: String
    /// The options that led to the library; empty if there were none.
    let place: String

    var error: UserError { UserError(.usage, what, at: place, hint: hint) }
  }

  /// Name and version.
  let name: String
  /// What it multiplies.
  let type: String
  let kernel: String
  /// Why that kernel was chosen.
  let reason: String
  let whySlow: String?
  let missing: Missing?

  /// What multiplies each type of numbers.
  /// - Parameter kernel: see `BLAS.open`.
  static func all(kernel: String?) throws -> [MatrixLibrary] { [try openBLAS(kernel), halves] }

  private static var halves: MatrixLibrary {
    let own = "the processor multiplies bfloat16 itself"
    switch HalfKernels.best {
    case .oneDNN:
      return MatrixLibrary(
        name: OneDNN().map { "oneDNN \($0.version)" } ?? "oneDNN", type: "bfloat16", kernel: "AMX",
        reason: own, whySlow: nil, missing: nil)
    case .dots:
      return MatrixLibrary(
        name: "swiftdp", type: "bfloat16", kernel: "avx512_bf16", reason: own,
        whySlow: OneDNN.isFaster
          ? "\(OneDNN.missing.what): AMX would multiply bfloat16 faster (\(OneDNN.missing.hint))" : nil,
        missing: nil)
    case .widened:
      return MatrixLibrary(
        name: "that of float32", type: "bfloat16", kernel: "",
        reason: "this processor has neither avx512_bf16 nor AMX", whySlow: nil, missing: nil)
    }
  }

  private static func openBLAS(_ kernel: String?) throws -> MatrixLibrary {
    do {
      let blas = try BLAS.open(kernel: kernel)
      return MatrixLibrary(
        name: blas.version, type: "float32", kernel: blas.kernelName,
        reason: kernel == nil ? BLAS.choice : "asked for", whySlow: blas.reasonWhySlow, missing: nil)
    } catch let error as UserError {
      return MatrixLibrary(
        name: "OpenBLAS", type: "float32", kernel: "", reason: "", whySlow: nil,
        missing: Missing(what: error.what, hint: error.hint, place: error.place))
    }
  }
}

/// The facts that all ranks of a host share.
struct HostFacts: Codable {
  let name: String
  let version: String
  let builtFor: String
  let builtForBest: Bool
  /// All instruction sets that the compiler was allowed to use, with their names from the manuals.
  let builtForSets: [String]
  let processor: String
  let instructionSets: [String]
  let cores: Int
  /// The cores that a launcher or a batch system can share out; 0 if the system does not say.
  let givenCores: Int
  let libraries: [MatrixLibrary]
  let mpi: String
  let memoryBytes: Int
  let memoryAvailableBytes: Int
  let sharedMemoryBytes: Int
  let sharedMemoryAvailableBytes: Int
  let openFiles: Int?
  let lockedMemoryBytes: Int?

  init(libraries: [MatrixLibrary]) {
    name = Ranks.hostName
    version = Command.configuration.version
    builtFor = builtInstructionSet
    builtForBest = builtInstructionSet == bestInstructionSet
    builtForSets = builtInstructionSets().names
    processor = Self.field("model name", of: "/proc/cpuinfo") ?? "unknown"
    instructionSets = Kernels.instructionSets
    cores = Launch.cores
    givenCores = Launch.givenCores.count
    self.libraries = libraries
    mpi = Ranks.libraryVersion
    func kilobytes(_ name: String) -> Int {
      let words = Self.field(name, of: "/proc/meminfo")?.split(separator: " ") ?? []
      return (words.first.flatMap { Int($0) } ?? 0) * 1024
    }
    memoryBytes = kilobytes("MemTotal")
    memoryAvailableBytes = kilobytes("MemAvailable")
    var files = statvfs()
    let isThere = statvfs("/dev/shm", &files) == 0
    sharedMemoryBytes = isThere ? Int(files.f_blocks) * Int(files.f_frsize) : 0
    sharedMemoryAvailableBytes = isThere ? Int(files.f_bavail) * Int(files.f_frsize) : 0
    openFiles = Self.limit(RLIMIT_NOFILE)
    lockedMemoryBytes = Self.limit(__RLIMIT_MEMLOCK)
  }

  /// The text after `name:` in a file of /proc.
  private static func field(_ name: String, of path: String) -> String? {
    let lines = (try? String(contentsOfFile: path, encoding: .utf8))?.split(separator: "\n") ?? []
    guard let line = lines.first(where: { $0.hasPrefix(name) }), let colon = line.firstIndex(of: ":") else {
      return nil
    }
    return line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
  }

  /// nil for no limit.
  private static func limit(_ resource: __rlimit_resource) -> Int? {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
    return Int(exactly: limit.rlim_cur)
  }

  /// Labels and facts, as they are printed; what is available at this moment is listed apart from what exists.
  var lines: [(label: String, text: String, now: String)] {
    func size(_ bytes: Int) -> String {
      bytes < 1_000_000_000
        ? "\(grouped(bytes / 1_000_000)) MB" : decimals(Double(bytes) / 1e9, 1) + " GB"
    }
    let files = openFiles.map(grouped) ?? "any number of"
    let locked = lockedMemoryBytes.map { size($0) } ?? "any amount of"
    let sets = instructionSets.isEmpty ? "no AVX2" : instructionSets.joined(separator: ", ")
    var lines = [
      ("swiftdp", "\(version), built for \(builtFor)", ""),
      ("processor", "\(processor), \(counted(cores, "core")): \(sets)", ""),
    ]
    for library in libraries {
      let kernel = library.kernel.isEmpty ? "" : ", kernel \(library.kernel)"
      let state = library.missing == nil ? "\(kernel) (\(library.reason))" : " cannot be used"
      lines.append(("products", "\(library.type): \(library.name)\(state)", ""))
    }
    lines += [
      ("mpi", mpi, ""),
      ("memory", size(memoryBytes), ", \(size(memoryAvailableBytes)) available"),
      ("/dev/shm", size(sharedMemoryBytes), ", \(size(sharedMemoryAvailableBytes)) available"),
      ("limits", "\(files) open files, \(locked) locked memory", ""),
    ]
    return lines
  }
}

/// The facts of one rank, and its host.
struct RankFacts: Codable {
  let host: HostFacts
  /// The cores that it may run on, such as `0-3,8`; empty if the system does not say.
  let cores: String
  let threads: Int

  var coreCount: Int { CoreSet(list: cores).count }
}
