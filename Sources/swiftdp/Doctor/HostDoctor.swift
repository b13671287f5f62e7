// The doctor for several hosts: asks each over ssh, then starts itself on all of them by mpirun.
import Base
import Foundation
import Recipes
import Schedulers

struct HostDoctor {
  private let file: String
  private let hosts: HostList
  private let recipe: Recipe?
  private let output: String?

  /// - Parameters:
  ///   - file: a hostfile of Open MPI.
  ///   - output: the output folder, if there is no recipe.
  init(file: String, recipe: Recipe?, output: String?) throws {
    guard FileManager.default.fileExists(atPath: file) else {
      throw UserError(.usage, "there is no such hostfile", at: file, hint: "lines such as node1 slots=8")
    }
    self.file = file
    hosts = try HostList(["mpirun", "--hostfile", file])
    guard !hosts.hosts.isEmpty else {
      throw UserError(.usage, "names no hosts", at: file, hint: "lines such as node1 slots=8")
    }
    self.recipe = recipe
    self.output = (recipe?.output ?? output).map(Self.absolute)
  }

  private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }

  /// The words that start a command on the hosts, before the command.
  private var mpirun: [String] {
    let network = HostNetwork.common(to: hosts.hosts.map(\.name)).map {
      ["--mca", "btl_tcp_if_include", $0, "--mca", "oob_tcp_if_include", $0]
    }
    return ["mpirun", "--hostfile", file] + (network ?? [])
  }

  /// - Returns: what was found over ssh.
  func ask() throws -> [Finding] {
    var request = ProbeRequest(
      names: hosts.hosts.map(\.name), port: recipe?.parallel.ports?.lowerBound ?? 40_123,
      folder: FileManager.default.currentDirectoryPath,
      model: recipe.map { Self.absolute($0.model) },
      offloads: [recipe?.optimizer.offload, recipe?.training.activations.offload].compactMap {
        $0.map { $0.isVariable ? $0.text : Self.absolute($0.text) }
      },
      token: UUID().uuidString)
    if let output {
      let file = "\(output)/.swiftdp-\(request.token)"
      do { try Data(request.token.utf8).write(to: URL(fileURLWithPath: file)) } catch {
        throw UserError.disk("write", file)
      }
      request.file = file
    }
    defer { if let file = request.file { unlink(file) } }
    let agent = hosts.agent(usual: Launch.remoteAgent)
    // An ssh that asks for a password would wait for ever.
    let isSSH = agent.first?.split(separator: "/").last == "ssh"
    return HostAsking(
      hosts: hosts, agent: agent + (isSSH ? ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5"] : []),
      binary: binary
    ).findings(request)
  }

  /// Runs the doctor on all hosts by mpirun.
  func examine(threads: Int?) throws -> RankFindings {
    let words =
      mpirun + [binary, "doctor", "--facts"] + (output.map { ["--output", $0] } ?? [])
      + (threads.map { ["--threads", "\($0)"] } ?? [])
    switch Tool.ask(words, within: 60 + 2 * Double(hosts.hosts.count)) {
    case .failure(let none):
      throw UserError(
        .tryAgain, "cannot start ranks on these hosts: \(none.words)", at: typed(mpirun),
        hint: "docs/troubleshooting.md lists messages of Open MPI")
    case .success(let text):
      return try JSONDecoder().decode(RankFindings.self, from: Data(text.utf8))
    }
  }

  private var binary: String { Shipped.binary.path }

  /// Does something with the output folder in place, and removes it afterwards if it was not there.
  func withOutput<T>(_ body: () throws -> T) throws -> T {
    guard let output, !FileManager.default.fileExists(atPath: output) else { return try body() }
    try makeFolders(output)
    defer { rmdir(output) }
    return try body()
  }
}

/// What the doctor finds where it runs on all ranks.
struct RankFindings: Codable {
  let ranks: [RankFacts]
  let findings: [Finding]
}
