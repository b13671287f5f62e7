// Two hosts on one machine: network namespaces with host names of their own, joined by one link.
import Foundation

/// Namespaces that are gone after the test.
final class TwoHosts {
  /// Names, addresses and namespaces of both.
  private let hosts: [(name: String, address: String, namespace: String)]
  private let folder: Workspace
  /// What mpirun starts its helper on another host with, instead of ssh.
  private let agent: String

  /// Why this machine has no such thing; nil where it has. Making one is the only way to know.
  static let missing: String? = {
    do {
      let hosts = try TwoHosts(in: Workspace())
      for index in 0...1 {
        let result = try hosts.run(["hostname"], on: index)
        guard result.code == 0, result.out == hosts.hosts[index].name + "\n" else {
          return "host names of their own are not permitted: \(result.err)"
        }
      }
      return nil
    } catch {
      return "\(error)"
    }
  }()

  struct NotPermitted: Error, CustomStringConvertible {
    let description: String
  }

  init(in folder: Workspace) throws {
    self.folder = folder
    let id = UUID().uuidString.prefix(6).lowercased()
    // Of the addresses kept for tests (RFC 5737): nothing outside of the namespaces can have them.
    hosts = [("swiftdp-one", "192.0.2.1"), ("swiftdp-two", "192.0.2.2")].enumerated().map {
      ($1.0, $1.1, "sdp-\(id)-\($0)")
    }
    agent = try folder.file(
      "agent",
      """
      #!/bin/sh
      # The first word is the host, the rest a command for its shell.
      case "$1" in
      \(hosts[0].address)) namespace=\(hosts[0].namespace) name=\(hosts[0].name) ;;
      \(hosts[1].address)) namespace=\(hosts[1].namespace) name=\(hosts[1].name) ;;
      *) echo "no host $1" >&2; exit 255 ;;
      esac
      shift
      exec ip netns exec $namespace unshare --uts sh -c "hostname $name && $*"
      """)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: agent)
    for host in hosts { try ip("netns", "add", host.namespace) }
    try ip(
      "link", "add", "link0", "netns", hosts[0].namespace, "type", "veth", "peer", "name", "link0", "netns",
      hosts[1].namespace)
    for host in hosts {
      try ip("-n", host.namespace, "address", "add", host.address + "/24", "dev", "link0")
      try ip("-n", host.namespace, "link", "set", "link0", "up")
      try ip("-n", host.namespace, "link", "set", "lo", "up")
    }
  }

  deinit {
    // The link goes with its namespaces, and what still runs in them is what this test has started.
    for host in hosts {
      let left = try? Command.run(["ip", "netns", "pids", host.namespace], in: folder)
      for process in (left?.out ?? "").split(separator: "\n").compactMap({ Int32($0) }) {
        kill(process, SIGKILL)
      }
      _ = try? Command.run(["ip", "netns", "del", host.namespace], in: folder)
    }
  }

  private func ip(_ words: String...) throws {
    let result: CommandResult
    do { result = try Command.run(["ip"] + words, in: folder, timeLimit: 20) } catch {
      throw NotPermitted(description: "ip \(words.joined(separator: " ")): \(error)")
    }
    guard result.code == 0 else {
      let reason = result.err.trimmingCharacters(in: .whitespacesAndNewlines)
      throw NotPermitted(description: "ip \(words.joined(separator: " ")): \(reason)")
    }
  }

  /// Runs a command on one of the hosts.
  func run(_ words: [String], on host: Int, timeLimit: Double = 240) throws -> CommandResult {
    let quoted = words.map { "'" + $0.replacingOccurrences(of: "'", with: "'\\''") + "'" }
    return try Command.run([agent, hosts[host].address] + quoted, in: folder, timeLimit: timeLimit)
  }

  /// Starts swiftdp on the first host, with so many ranks on each, over TCP.
  func swiftdp(_ arguments: [String], ranksPerHost: Int) throws -> CommandResult {
    let list = hosts.map { "\($0.address):\(ranksPerHost)" }.joined(separator: ",")
    return try run(
      [
        "mpirun", "-np", "\(2 * ranksPerHost)", "--bind-to", "none", "-H", list, "--mca",
        "plm_rsh_agent", agent, "--mca", "btl", "tcp,vader,self", "--mca", "btl_tcp_if_include", "link0",
        "--mca", "oob_tcp_if_include", "link0", "-wdir", folder.path, Command.binary,
      ] + arguments, on: 0)
  }

  /// Bytes that have come to a host over the link.
  func received(by host: Int) throws -> Int {
    let result = try run(["cat", "/sys/class/net/link0/statistics/rx_bytes"], on: host)
    guard let count = Int(result.out.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw NotPermitted(description: "the link does not count: \(result.out)\(result.err)")
    }
    return count
  }
}
