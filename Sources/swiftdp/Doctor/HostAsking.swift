// Asks every host of a hostfile over ssh, all at once, before anything is started there.
import Base
import Collectives
import Foundation
import Schedulers
import Synchronization

/// What was found about each host, before MPI is involved.
struct HostAsking {
  let hosts: HostList
  /// The host that asks reaches the others as mpirun does.
  let agent: [String]
  let binary: String

  /// Seconds that a host has to answer.
  private static let patience = 20.0
  /// How many are asked at once.
  private static let width = 64
  /// Clocks may differ by so many seconds: those of files and of the watch tell what is recent.
  private static let clockRoom = 2.0

  private struct Answer {
    let host: String
    let probe: HostProbe?
    /// Why there is none.
    let failure: String
    /// By how many seconds the host's clock is ahead, beyond what asking took.
    var ahead = 0.0
  }

  /// - Parameter request: what each is asked.
  func findings(_ request: ProbeRequest) -> [Finding] {
    let answers = ask(request)
    let silent = answers.filter { $0.probe == nil }
    let known = answers.filter { $0.probe != nil }
    var rows = silent.map { answer in
      let resolves = !HostNetwork.addresses(of: answer.host).isEmpty
      return Finding(
        .wrong, "answer", answer.host, resolves ? answer.failure : "the name does not resolve here",
        hint: resolves
          ? Self.hint(answer.failure, typed(agent + [answer.host, "true"]), binary)
          : "add it to /etc/hosts or the name server, or use the address")
    }
    rows += known.map { Finding(.ok, "answer", $0.host, "") }
    for answer in known {
      if let probe = answer.probe { rows += judge(probe, answer, request, silent: silent.map(\.host)) }
    }
    return rows.joined
  }

  /// - Parameter silent: the hosts that do not answer, which has a row of its own.
  private func judge(
    _ probe: HostProbe, _ answer: Answer, _ request: ProbeRequest, silent: [String]
  ) -> [Finding] {
    let host = answer.host
    let closed = probe.unreachable.filter { !silent.contains($0) }
    func row(_ what: String, _ isRight: Bool, _ right: String, _ wrong: String, _ hint: String) -> Finding {
      isRight ? Finding(.ok, what, host, right) : Finding(.wrong, what, host, wrong, hint: hint)
    }
    let own = Ranks.libraryVersion
    var rows = [
      row(
        "swiftdp", probe.build == HostProbe.build, "the same file as here",
        "version \(probe.version), another build than here", "install the same file on all hosts, or share it"
      ),
      row("libraries", probe.unable == nil, "can compute", probe.unable ?? "", ""),
      row(
        "Open MPI", probe.mpi == own && (probe.hasDaemon || isThisHost(host)), own,
        probe.mpi != own
          ? "\(probe.mpi), and here \(own)" : "a command by ssh does not find orted there",
        probe.mpi != own
          ? "install the same version everywhere"
          : "put its folder on the PATH in ~/.bashrc, above any test for a terminal"),
      row(
        "clock", abs(answer.ahead) <= Self.clockRoom, "right",
        "\(decimals(abs(answer.ahead), 0)) s \(answer.ahead > 0 ? "ahead of" : "behind") this host",
        "chronyc makestep, or timedatectl set-ntp true"),
      row(
        "names", probe.unresolved.isEmpty, "resolve",
        "cannot resolve \(probe.unresolved.joined(separator: ", "))",
        "add them to /etc/hosts or the name server"),
      row(
        "ports", closed.isEmpty, "are open",
        "connections to \(closed.joined(separator: ", ")) are dropped, at port \(request.port)",
        "a firewall: name the open ports, network.ports of a cluster's file or parallel.ports (docs/ssh.md)"),
      row(
        "folders", probe.missing.isEmpty, "are there",
        "there is no folder \(probe.missing.joined(separator: ", "))", "put it where all hosts see it"),
    ]
    if let file = request.file {
      let place = folder(of: file)
      rows.append(
        row(
          "output", probe.token == request.token, "the same folder as here",
          "\(place) is not the folder that it is here",
          "set output to a folder on a file system that all hosts share"))
    }
    if !request.offloads.isEmpty {
      rows.append(
        row(
          "offload", probe.offload == nil, "can be written", probe.offload ?? "",
          "optimizer.offload and training.activation_offload are local disks of each host"))
    }
    return rows
  }

  private static func hint(_ failure: String, _ command: String, _ binary: String) -> String {
    if failure.contains("not found") || failure.contains("No such file") {
      return "there is no \(binary); install swiftdp at the same path on all hosts, or share it"
    }
    return "try \(command)"
  }

  private func ask(_ request: ProbeRequest) -> [Answer] {
    let answers = Mutex([Answer?](repeating: nil, count: hosts.hosts.count))
    for first in stride(from: 0, to: hosts.hosts.count, by: Self.width) {
      let last = min(first + Self.width, hosts.hosts.count)
      let group = DispatchGroup()
      for index in first..<last {
        let name = hosts.hosts[index].name
        // Each waits for its own program.
        Thread.detachNewThread { [self] in
          let answer = ask(name, request)
          answers.withLock { $0[index] = answer }
          group.leave()
        }
        group.enter()
      }
      group.wait()
    }
    return answers.withLock { $0.compactMap { $0 } }
  }

  private func ask(_ host: String, _ request: ProbeRequest) -> Answer {
    let words = [binary, "doctor", "--probe", request.encoded]
    let begun = Date().timeIntervalSince1970
    let answer = Tool.ask(isThisHost(host) ? words : agent + [host, typed(words)], within: Self.patience)
    let ended = Date().timeIntervalSince1970
    switch answer {
    case .failure(let none): return Answer(host: host, probe: nil, failure: none.words)
    case .success(let text):
      guard let probe = try? JSONDecoder().decode(HostProbe.self, from: Data(text.utf8)) else {
        return Answer(host: host, probe: nil, failure: "answers \(String(text.prefix(100)).quoted)")
      }
      // Its clock was read somewhere in between.
      let ahead = probe.time > ended ? probe.time - ended : probe.time < begun ? probe.time - begun : 0
      return Answer(host: host, probe: probe, failure: "", ahead: ahead)
    }
  }
}
