// A cluster as one YAML file describes it: what its hosts have, how ranks are started on them, and the settings of a
// recipe that follow from its network and from how often its hosts fail.
import Base
import Foundation

package struct Cluster: Sendable {
  /// Hosts that are alike.
  package struct Kind: Sendable, Equatable {
    /// Empty if a scheduler names them.
    package var names: [String] = []
    package var count: Int
    package var cores: Int
    /// In bytes.
    package var memory: Double
    /// The ranks of one host; nil to choose.
    package var ranks: Int?

    package init(count: Int, cores: Int, memory: Double, ranks: Int? = nil) {
      self.count = count
      self.cores = cores
      self.memory = memory
      self.ranks = ranks
    }
  }

  /// Which cores a rank runs on.
  package enum Binding: String, CaseIterable, Sendable {
    /// swiftdp divides the cores of a host among its ranks, by NUMA domain where that is even.
    case domain
    /// Each rank on as many cores of its own as it has threads, chosen by mpirun.
    case core
    /// Wherever the system puts it.
    case none
  }

  /// A setting of Open MPI or of the environment.
  package struct Pair: Sendable, Equatable {
    package var name: String
    package var value: String
  }

  package var kinds: [Kind]
  package var binding: Binding
  /// What a host sends to others, in bits a second.
  package var bandwidth: Double
  /// One way, in seconds.
  package var latency: Double
  /// The network that hosts reach each other by: the name of an interface, or addresses such as 10.0.0.0/24.
  package var interface: String?
  /// The only ports that are open between hosts.
  package var ports: ClosedRange<Int>?
  /// GFLOP/s of large products on one core, and the bytes that a host copies in a second; nil to measure.
  package var float32: Double?
  package var bfloat16: Double?
  package var copy: Double?
  /// The bytes a second that all hosts together write to the output folder.
  package var disk: Double
  /// The mean time between two failures of one host, in seconds.
  package var timeBetweenFailures: Double
  /// Parameters of Open MPI.
  package var parameters: [Pair]
  package var environment: [Pair]
  /// Settings of a recipe, `section.key=value`.
  package var settings: [String]

  package var count: Int { kinds.reduce(0) { $0 + $1.count } }
  package var isUniform: Bool { kinds.count == 1 }

  /// - Throws: every mistake of the file at once.
  package init(file: String, paths: UserPaths = UserPaths()) throws {
    let problems = Problems()
    let file = try paths.path(file)
    guard FileManager.default.fileExists(atPath: file) else {
      throw UserError(
        .usage, "there is no such file of a cluster", at: file, hint: "copy one of cluster-configs/")
    }
    guard let text = String(validating: try OpenFile.contents(file), as: UTF8.self) else {
      throw UserError(.usage, "is not UTF-8 text", at: file)
    }
    let top = Section(
      try JSON.yaml(text, file: file), file: file, code: .usage, paths: paths, problems: problems)
    self.init(top)
    top.refuseUnknownKeys(of: "a cluster")
    try problems.throwIfAny()
    // The settings are checked as those of a command line are, apart from model and data, which a cluster has not.
    for setting in settings { try Self.checkKey(setting, file: file) }
  }

  private init(_ top: Section) {
    let cores = top.integer("cores", in: 1...4096)
    let memory = top.amount("memory", "bytes, such as 64G") ?? 0
    let ranks = top.has("ranks") ? top.integer("ranks", in: 1...4096) : nil
    kinds = Self.kinds(top, Kind(count: 1, cores: cores, memory: memory, ranks: ranks))
    binding = top.choice("binding", default: .domain)

    let network = top.section("network")
    let isAlone = kinds.reduce(0) { $0 + $1.count } < 2
    bandwidth = network.amount("bandwidth", "bits a second, such as 10G", default: isAlone ? 10e9 : nil) ?? 1
    latency = network.duration("latency", "a time such as 50us", default: 50e-6)
    interface = network.has("interface") ? network.text("interface") : nil
    ports = network.ports("ports")

    let speed = top.section("speed")
    float32 = speed.has("float32") ? speed.number("float32", in: 1e-3...1e6) : nil
    bfloat16 = speed.has("bfloat16") ? speed.number("bfloat16", in: 1e-3...1e6) : nil
    copy = speed.has("copy") ? speed.amount("copy", "bytes a second, such as 80G") : nil
    disk = speed.amount("disk", "bytes a second, such as 1G", default: 1e9) ?? 1e9
    timeBetweenFailures = top.duration("time_between_failures", "a time such as 365d", default: 365 * 86_400)

    parameters = top.pairs("mpi")
    environment = top.pairs("environment")
    settings = top.assignments("settings")
  }

  /// `hosts` is a number, a list of names, or a list of kinds `{count or names, cores, memory, ranks}`.
  private static func kinds(_ top: Section, _ usual: Kind) -> [Kind] {
    let given = top.raw("hosts")
    if let elements = given?.elements, elements.contains(where: { $0.members != nil }) {
      return top.sectionList("hosts").map { section in
        var kind = usual
        if section.has("names") { kind.names = section.texts("names", default: []) }
        kind.count =
          kind.names.isEmpty ? section.integer("count", default: 1, in: 1...1 << 14) : kind.names.count
        if section.has("cores") { kind.cores = section.integer("cores", in: 1...4096) }
        if section.has("memory") { kind.memory = section.amount("memory", "bytes, such as 64G") ?? 0 }
        if section.has("ranks") { kind.ranks = section.integer("ranks", in: 1...4096) }
        return kind
      }
    }
    var kind = usual
    if given?.elements != nil {
      kind.names = top.texts("hosts", default: [])
      kind.count = max(kind.names.count, 1)
      if kind.names.isEmpty { top.fail("hosts", "is an empty list") }
    } else {
      kind.count = top.integer("hosts", default: 1, in: 1...1 << 14)
    }
    return [kind]
  }

  private static func checkKey(_ setting: String, file: String) throws {
    let sections: Set = ["training", "optimizer", "schedule", "parallel", "checkpoint", "data"]
    let top: Set = ["model_dtype", "frozen_dtype", "output"]
    let key = String(setting.prefix { $0 != "=" })
    let first = String(key.prefix { $0 != "." })
    guard !(key.contains(".") ? sections : top).contains(first) else { return }
    throw UserError(
      .usage, "is no setting of a recipe that a cluster could give", at: "\(file): settings.\(key)",
      hint: "the sections are \(sections.sorted().joined(separator: ", "))")
  }
}

extension Cluster {
  /// The options of mpirun, word by word.
  package var mpirunWords: [String] {
    var words: [String] = []
    if isUniform, let ranks = kinds[0].ranks {
      let threads = binding == .core ? ":PE=\(max(kinds[0].cores / ranks, 1))" : ""
      words += ["--map-by", "ppr:\(ranks):node\(threads)"]
    }
    switch binding {
    case .domain: break
    case .core: words += ["--bind-to", "core"]
    case .none: words += ["--bind-to", "none"]
    }
    if let interface {
      words += ["--mca", "btl_tcp_if_include", interface, "--mca", "oob_tcp_if_include", interface]
    }
    if let ports {
      words += [
        "--mca", "btl_tcp_port_min_v4", "\(ports.lowerBound)", "--mca", "btl_tcp_port_range_v4",
        "\(ports.count)", "--mca", "oob_tcp_dynamic_ipv4_ports", "\(ports.lowerBound)-\(ports.upperBound)",
      ]
    }
    for pair in parameters { words += ["--mca", pair.name, pair.value] }
    for pair in environment { words += ["-x", "\(pair.name)=\(pair.value)"] }
    return words
  }

  /// The settings of a recipe, with those that follow from the network.
  package var recipeSettings: [String] {
    settings + (ports.map { ["parallel.ports=\($0.lowerBound)-\($0.upperBound)"] } ?? [])
  }

  /// The lines of a hostfile of Open MPI; empty if the file names no hosts.
  package var hostLines: [String] {
    kinds.flatMap { kind in kind.names.map { "\($0) slots=\(kind.ranks ?? kind.cores)" } }
  }
}
