// swiftdp doctor
import ArgumentParser
import Base
import Collectives
import Foundation
import Kernels

struct Doctor: ParsableCommand, SharedByRanks {
  static let configuration = CommandConfiguration(
    abstract: "Show what this machine gives swiftdp, and what would be better.",
    discussion: """
      Under mpirun the first rank tells of all: mpirun -np 4 swiftdp doctor --threads 2
      With --hosts it asks every host of a hostfile first, and measures every link between two of them. A recipe
      says which folders they must see.
      Exits with 0 unless something that swiftdp needs is missing or wrong.
      """)

  @Option(help: "Threads of a rank, as parallel.threads; its cores by default.")
  var threads: Int?
  @Option(help: "Kernels of OpenBLAS, as parallel.blas_kernel.")
  var blasKernel: String?
  @Option(help: "A hostfile of Open MPI: all of its hosts are looked at, over ssh and by mpirun.")
  var hosts: String?
  @Option(help: "A folder that all hosts must see and write to, such as the output of a run.")
  var output: String?
  @Flag(inversion: .prefixedNo, help: "Measure the links between hosts, and the rate of the output folder.")
  var links = true
  @Flag(help: "One JSON object instead of words.")
  var json = false
  /// What this host is asked by the doctor of another.
  @Option(help: .hidden)
  var probe: String?
  /// A candidate that a run times in a process of its own.
  @Option(help: .hidden)
  var kernelTimes: String?
  /// For the doctor that started this one by mpirun.
  @Flag(help: .hidden)
  var facts = false
  @Argument(help: "A recipe and settings, as for train; for --hosts.")
  var recipeAndSettings: [String] = []

  func validate() throws {
    try check(threads: threads)
    guard hosts != nil || recipeAndSettings.isEmpty else {
      throw ValidationError("A recipe is for --hosts HOSTFILE")
    }
  }

  func run() throws {
    if let kernelTimes { return try tell(times: kernelTimes) }
    if let probe { return try tell(of: probe) }
    if let hosts { return try examine(hosts) }
    try examineRanks()
  }

  /// Answers the doctor of another host.
  private func tell(of probe: String) throws {
    guard let request = try? JSONDecoder().decode(ProbeRequest.self, from: Data(probe.utf8)) else {
      throw UserError(.usage, "is no request of a doctor", at: "--probe")
    }
    let answer = try JSONEncoder().encode(HostProbe(request, path: Launch.programFolders))
    print(String(decoding: answer, as: UTF8.self))
  }

  /// Answers a rank that chooses its kernels.
  private func tell(times request: String) throws {
    guard let timing = try? JSONDecoder().decode(KernelTiming.self, from: Data(request.utf8)) else {
      throw UserError(.usage, "is no request of a run", at: "--kernel-times")
    }
    print(String(decoding: try JSONEncoder().encode(try timing.run()), as: UTF8.self))
  }

  /// Looks at all hosts, from this one.
  private func examine(_ hosts: String) throws {
    guard Launch.rank == nil else {
      throw UserError(.usage, "--hosts starts mpirun itself", hint: "leave mpirun or --hosts out")
    }
    let recipe = recipeAndSettings.isEmpty ? nil : try readRecipe(recipeAndSettings).0
    let doctor = try HostDoctor(file: hosts, recipe: recipe, output: output)
    let (findings, report) = try doctor.withOutput {
      let asked = try doctor.ask()
      guard links, asked.wrongCount == 0 else { return (asked, nil as DoctorReport?) }
      let found = try doctor.examine(threads: threads)
      var report = DoctorReport(found.ranks)
      report.findings = asked + found.findings
      return (report.findings, report)
    }
    if json {
      print(try report?.json() ?? DoctorReport.json(findings))
    } else {
      print(report?.text ?? findings.text)
    }
    try refuse(findings)
  }

  private func refuse(_ findings: [Finding]) throws {
    let count = findings.wrongCount
    guard count > 0 else { return }
    throw UserError(.usage, "\(counted(count, "thing")) to put right before a run can start on these hosts")
  }

  private func examineRanks() throws {
    try onRanks { ranks in
      let kernels = facts || blasKernel != nil ? nil : try MeasuredKernels.agree(ProductShape.usual, ranks)
      let libraries = try ranks.together { try MatrixLibrary.all(kernel: blasKernel) }
      let own = RankFacts(
        host: HostFacts(libraries: libraries), cores: Launch.coreList,
        threads: threads ?? Launch.threads(ranks))
      let all = try ranks.together {
        let text = String(decoding: try JSONEncoder().encode(own), as: UTF8.self)
        return try ranks.gather(text).map { try JSONDecoder().decode(RankFacts.self, from: Data($0.utf8)) }
      }
      let found = measured(ranks)
      if facts {
        guard ranks.isFirst else { return }
        let text = try JSONEncoder().encode(RankFindings(ranks: all, findings: found))
        return print(String(decoding: text, as: UTF8.self))
      }
      if ranks.isFirst {
        var report = DoctorReport(all)
        if let threads, let warning = Launch.warning(threads: threads, allowed: all.map(\.coreCount)) {
          report.better.insert(warning, at: 0)
        }
        report.findings = found
        report.kernels = kernels
        print(json ? try report.json() : report.text)
      }
      try ranks.together { if ranks.isFirst { try refuse(found) } }
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

  /// What takes a while to find. Collective.
  private func measured(_ ranks: Ranks) -> [Finding] {
    guard links else { return [] }
    return (ranks.hosts > 1 ? LinkRates(ranks).measure().findings : [])
      + (output.map { FolderRate.findings($0, ranks) } ?? [])
  }
}
