// Two hosts on one machine, made by launch/two-hosts.
import Foundation

/// Network namespaces that are removed after the test.
final class TwoHosts {
  let id = String(UUID().uuidString.prefix(6).lowercased())
  private let folder: Workspace

  /// Why this machine cannot have them; nil if it can. Making one is the only way to know.
  static let missing: String? = {
    do {
      let hosts = try TwoHosts(in: Workspace())
      for index in 0...1 {
        let result = try hosts.run("on", ["\(index)", "hostname"])
        guard result.code == 0, result.out == "swiftdp-host-\(index)\n" else {
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

  /// - Parameter rate: the rate of the link, such as `1gbit`; nil for one as fast as memory.
  init(rate: String? = nil, in folder: Workspace) throws {
    self.folder = folder
    let result = try run("make", rate.map { [$0] } ?? [])
    guard result.code == 0 else {
      throw NotPermitted(description: result.err.trimmingCharacters(in: .whitespacesAndNewlines))
    }
  }

  deinit { _ = try? run("remove") }

  private func run(_ verb: String, _ words: [String] = []) throws -> CommandResult {
    try Command.run([Project.root + "/launch/two-hosts", verb, id] + words, in: folder)
  }

  /// Starts swiftdp on the first host, with this many ranks on each, over TCP.
  func swiftdp(_ arguments: [String], ranksPerHost: Int) throws -> CommandResult {
    try run("mpirun", ["\(ranksPerHost)", Command.binary] + arguments)
  }

  /// The same, and goes on while it runs.
  func start(_ arguments: [String], ranksPerHost: Int) throws -> RunningCommand {
    try RunningCommand(
      [Project.root + "/launch/two-hosts", "mpirun", id, "\(ranksPerHost)", Command.binary] + arguments,
      in: folder, mercy: 1)
  }

  /// The bytes that a host has received over the link.
  func received(by host: Int) throws -> Int {
    let result = try run("on", ["\(host)", "cat", "/sys/class/net/link0/statistics/rx_bytes"])
    guard let count = Int(result.out.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw NotPermitted(description: "the link does not count: \(result.out)\(result.err)")
    }
    return count
  }
}
