// The hosts that a command line of mpirun names, and the same command line without some of them.
import Base
import Foundation

/// The values of `-H`, `--hostfile` and `-np` of Open MPI's mpirun, and the words that hold them.
struct HostList {
  struct Host: Equatable {
    let name: String
    /// nil if the list does not say: mpirun then asks the host for its cores.
    let slots: Int?
  }

  let words: [String]
  private(set) var hosts: [Host] = []
  private let lists: [Int]
  private let files: [Int]
  private let count: Int?

  private static let listOptions = ["-H", "-host", "--host"]
  private static let fileOptions = [
    "-hostfile", "--hostfile", "-machinefile", "--machinefile", "-default-hostfile", "--default-hostfile",
  ]
  private static let countOptions = ["-np", "--np", "-n", "-c"]

  /// - Parameter command: a command other than mpirun names no hosts.
  /// - Throws: if a file of hosts cannot be read.
  init(_ command: [String]) throws {
    words = command
    let program = URL(fileURLWithPath: command.first ?? "").lastPathComponent
    let isLauncher = ["mpirun", "mpiexec", "orterun", "prterun"].contains(program)
    // The words after the name of swiftdp belong to swiftdp.
    let end = command.firstIndex { URL(fileURLWithPath: $0).lastPathComponent == "swiftdp" } ?? command.count
    func values(_ options: [String]) -> [Int] {
      guard isLauncher else { return [] }
      return (1..<max(end, 1)).filter { options.contains(command[$0 - 1]) }
    }
    lists = values(Self.listOptions)
    files = values(Self.fileOptions)
    count = values(Self.countOptions).last
    var named: [Host] = []
    for list in lists { named += Self.hosts(inList: command[list]) }
    for file in files { named += try Self.lines(of: command[file]).compactMap(Self.host(inLine:)) }
    for host in named {
      if let known = hosts.firstIndex(where: { $0.name == host.name }) {
        let slots = hosts[known].slots.flatMap { a in host.slots.map { a + $0 } }
        hosts[known] = Host(name: host.name, slots: slots)
      } else {
        hosts.append(host)
      }
    }
  }

  /// The number of processes that the words ask for.
  var processes: Int? { count.flatMap { Int(words[$0]) } }

  /// The words without some hosts, and with no more processes than the others have room for.
  ///
  /// If there were more processes than slots before, or if slots are not known, each host keeps its share.
  /// - Parameter folder: the folder in which files of hosts are rewritten.
  func words(without gone: Set<String>, folder: String) throws -> (words: [String], processes: Int?) {
    if gone.isEmpty { return (words, processes) }
    var words = words
    for list in lists {
      words[list] = words[list].split(separator: ",").filter { !gone.contains(Self.name(String($0))) }
        .joined(separator: ",")
    }
    for file in files {
      let kept = try Self.lines(of: words[file]).filter { line in
        Self.host(inLine: line).map { !gone.contains($0.name) } ?? true
      }
      let path = folder + "/hosts-\(file)"
      try Data((kept.joined(separator: "\n") + "\n").utf8).write(to: URL(fileURLWithPath: path))
      words[file] = path
    }
    guard let count, let asked = processes else { return (words, nil) }
    let rest = hosts.filter { !gone.contains($0.name) }
    func slots(_ hosts: [Host]) -> Int? {
      let known = hosts.compactMap(\.slots)
      return known.count == hosts.count ? known.reduce(0, +) : nil
    }
    let left: Int
    if let all = slots(hosts), let room = slots(rest) {
      left = asked <= all ? min(asked, room) : max(asked * room / all, 1)
    } else {
      left = max(asked * rest.count / hosts.count, 1)
    }
    words[count] = "\(left)"
    return (words, left)
  }

  /// How mpirun reaches other hosts: the words before the name of the host.
  /// - Parameter usual: the setting of the environment, which mpirun inherits.
  func agent(usual: String?) -> [String] {
    let named = words.indices.dropFirst(2).last { index in
      ["-mca", "--mca", "-gmca", "--gmca"].contains(words[index - 2])
        && ["plm_rsh_agent", "pls_rsh_agent", "orte_rsh_agent"].contains(words[index - 1])
    }
    let text = named.map { words[$0] } ?? usual ?? "ssh"
    // Several may be given, in the order to try: `ssh : rsh`.
    let first = text.split(separator: ":").first.map(String.init) ?? "ssh"
    return first.split(separator: " ").map(String.init)
  }

  private static func name(_ entry: String) -> String {
    entry.split(separator: ":").first.map(String.init) ?? entry
  }

  private static func hosts(inList list: String) -> [Host] {
    list.split(separator: ",").map { entry in
      let parts = entry.split(separator: ":")
      return Host(name: String(parts[0]), slots: parts.count > 1 ? Int(parts[1]) : 1)
    }
  }

  private static func lines(of file: String) throws -> [String] {
    guard let text = String(validating: try OpenFile.contents(file), as: UTF8.self) else {
      throw UserError(.usage, "is not UTF-8 text", at: file)
    }
    return text.split(separator: "\n").map(String.init)
  }

  private static func host(inLine line: String) -> Host? {
    let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace)
    guard let first = words.first else { return nil }
    let slots = words.first { $0.hasPrefix("slots=") }.flatMap { Int($0.dropFirst(6)) }
    return Host(name: String(first.split(separator: "@").last ?? first), slots: slots)
  }
}
