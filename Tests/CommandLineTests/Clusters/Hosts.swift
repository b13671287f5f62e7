// Several hosts on one machine, made by launch/hosts.
import Foundation

/// Network namespaces that are removed after the test.
final class Hosts {
  let id = String(UUID().uuidString.prefix(6).lowercased())
  private let folder: Workspace

  /// Why this machine cannot have them; nil if it can. Making some is the only way to know.
  static let missing: String? = {
    do {
      let hosts = try Hosts(in: Workspace())
      for index in 0...1 {
        let result = try hosts.run("on", ["\(index)", "hostname"])
        guard result.code == 0, result.out == "\(name(index))\n" else {
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

  static func name(_ index: Int) -> String { "swiftdp-host-\(index)" }

  /// - Parameter rate: the rate of each link, such as `1gbit`; nil for links as fast as memory.
  init(_ count: Int = 2, rate: String? = nil, in folder: Workspace) throws {
    self.folder = folder
    let result = try run("make", ["\(count)"] + (rate.map { [$0] } ?? []))
    guard result.code == 0 else {
      throw NotPermitted(description: result.err.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  deinit { _ = try? run("remove") }

  @discardableResult
  func run(_ verb: String, _ words: [String] = []) throws -> CommandResult {
    try Command.run([Project.root + "/launch/hosts", verb, id] + words, in: folder)
  }

  /// Runs a command on a host.
  func on(_ host: Int, _ words: [String]) throws -> CommandResult { try run("on", ["\(host)"] + words) }

  /// Starts swiftdp on the first host, with this many ranks on each, over TCP.
  func swiftdp(_ arguments: [String], ranksPerHost: Int) throws -> CommandResult {
    try run("mpirun", ["\(ranksPerHost)", Command.binary] + arguments)
  }

  /// The same, and goes on while it runs.
  func start(_ arguments: [String], ranksPerHost: Int) throws -> RunningCommand {
    try RunningCommand(
      [Project.root + "/launch/hosts", "mpirun", id, "\(ranksPerHost)", Command.binary] + arguments,
      in: folder, mercy: 1)
  }

  /// The bytes that a host has received over the link.
  func received(by host: Int) throws -> Int {
    let result = try on(host, ["cat", "/sys/class/net/link0/statistics/rx_bytes"])
    guard let count = Int(result.out.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw NotPermitted(description: "the link does not count: \(result.out)\(result.err)")
    }
    return count
  }

  /// Runs a command as root among the files that a host's sshd sees, such as a mount.
  func amongFiles(of host: Int, _ words: [String]) throws -> CommandResult {
    let processes = try Command.run(["ip", "netns", "pids", "swiftdp-\(id)-\(host)"], in: folder)
    guard let process = processes.out.split(separator: "\n").first else {
      throw NotPermitted(description: "host \(host) has no sshd")
    }
    return try Command.run(["nsenter", "--mount", "--target", String(process)] + words, in: folder)
  }
}
