// swiftdp doctor
import ArgumentParser
import Base
import Collectives
import Foundation

struct Doctor: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Show what this machine gives swiftdp, and what would be better.",
    discussion: """
      Under mpirun the first rank tells of all: mpirun -np 4 swiftdp doctor --threads 2
      Exits with 0 unless something that swiftdp needs is missing.
      """)

  @Option(help: "Threads of a rank, as parallel.threads; its cores by default.")
  var threads: Int?
  @Option(help: "Kernels of OpenBLAS, as parallel.blas_kernel.")
  var blasKernel: String?
  @Flag(help: "One JSON object instead of words.")
  var json = false

  func validate() throws {
    try check(threads: threads)
  }

  func run() throws {
    try onRanks { ranks in
      let libraries = try ranks.together { try MatrixLibrary.all(kernel: blasKernel) }
      let own = RankFacts(
        host: HostFacts(libraries: libraries), cores: Launch.coreList,
        threads: threads ?? Launch.threads(ranks))
      let all = try ranks.together {
        let text = String(decoding: try JSONEncoder().encode(own), as: UTF8.self)
        return try ranks.gather(text).map { try JSONDecoder().decode(RankFacts.self, from: Data($0.utf8)) }
      }
      if ranks.isFirst {
        var report = DoctorReport(all)
        if let threads, let warning = Launch.warning(threads: threads, allowed: all.map(\.coreCount)) {
          report.better.insert(warning, at: 0)
        }
        print(json ? try report.json() : report.text)
      }
      // What is missing here; the lowest rank reports it.
      try ranks.together {
        if let missing = libraries.compactMap(\.missing).first { throw missing.error }
        if let started = Launch.startedCount, started > 1, ranks.count == 1 {
          throw UserError(
            .usage, "\(started) ranks were started, but MPI sees one", at: "mpi",
            hint: "start swiftdp with the mpirun of \(Ranks.libraryVersion)")
        }
      }
    }
  }
}
