// A network with rate and delay: what it does to messages, and whether `plan` foretells it.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite(.enabled(if: Clusters.areTested, Clusters.how)) struct SlowNetworkTests {
    @Test(arguments: [("0", 0.0), ("1ms", 1), ("5ms", 5)])
    func aMessageTakesTheDelay(_ delay: String, milliseconds: Double) throws {
      let hosts = try SlowNetwork(2, rate: "1gbit", delay: delay, in: Workspace())
      // The fastest of many: another program may have had the core.
      let result = try hosts.run("on", ["0", "ping", "-q", "-c", "50", "-i", "0.02", "192.0.2.2"])
      #expect(result.out.contains(" 50 received"), "\(result.out)\(result.err)")
      // rtt min/avg/max/mdev = 2.1/2.3/4.8/0.5 ms
      let times = try #require(result.out.split(separator: "=").last).split(separator: "/")
      let fastest = try #require(Double(times[0].trimmingCharacters(in: .whitespaces)))
      #expect(fastest >= 2 * milliseconds && fastest < 2 * milliseconds + 0.5, "\(result.out)")
    }

    /// That of the ports, or of a pair that has its own.
    @Test func theRateIsReachedAndNotExceeded() throws {
      let folder = try Workspace()
      let cases: [(more: [String], bytes: Double)] = [([], 12.5), (["0-1=50mbit,1ms"], 6.25)]
      for (more, bytes) in cases {
        let hosts = try SlowNetwork(2, rate: "100mbit", delay: "1ms", more, in: folder)
        let result = try hosts.swiftdp([
          "bench", "collectives", "--threads", "1", "--megabytes", "4", "--repetitions", "3", "--json",
        ])
        try #require(result.code == 0, "\(result.err)")
        let json = try JSON.parse(result.out.trimmingCharacters(in: .whitespacesAndNewlines))
        let limit = try #require(json["machine"]?["limits"]?.elements?.first?["rate"]?.double)
        #expect(limit > 0.9 * bytes && limit < 1.02 * bytes, "\(limit) of \(bytes) MB/s")
      }
    }

    /// Compute is small beside the wire, since all hosts share this machine's cores. The rates of one host are those
    /// with which its step is foretold right.
    @Test func planForetellsTheStepsOfMoreHosts() throws {
      let folder = try Workspace()
      try folder.makeGPT2(inner: 2048, layers: 1, dropout: 0, width: 512)
      try folder.makeText(characters: 20_000)
      let settings = [
        "model=gpt2", "weights=random", "data.train=text.txt", "data.sequence_length=16",
        "training.batch_size=12",
        "training.micro_batch_size=1", "training.steps=6", "training.validate_every=0", "parallel.threads=1",
      ]
      let one = try median(train(settings, output: "one", in: folder))
      let known = try predicted(settings, hosts: 1, gflops: 50, bandwidth: 10e9, in: folder)
      var compared = 0
      for (count, rate, delay, bits, microseconds) in [
        (2, "100mbit", "0", 100e6, 0.0), (3, "100mbit", "1ms", 100e6, 1000),
        (4, "200mbit", "5ms", 200e6, 5000),
      ] {
        let hosts = try SlowNetwork(count, rate: rate, delay: delay, in: folder)
        let result = try hosts.swiftdp(["train"] + settings + ["output=hosts\(count)"])
        try #require(result.code == 0, "\(result.out)\n\(result.err)")
        let measured = try median(RunOutput(folder: folder, name: "hosts\(count)"))
        let estimate = try predicted(
          settings, hosts: count, link: bits, latency: microseconds, gflops: 50 * known / one,
          bandwidth: 10e9 * known / one, in: folder)
        #expect(
          abs(estimate / measured - 1) <= 0.15,
          "\(count) hosts, \(rate), \(delay): \(estimate) s predicted, \(measured) s measured")
        compared += 1
      }
      #expect(compared == 3)
    }

    /// The first steps are slow.
    private func median(_ run: RunOutput) throws -> Double {
      let seconds = try run.numbers("seconds").dropFirst(2).sorted()
      return try #require(seconds.isEmpty ? nil : seconds[seconds.count / 2])
    }

    private func predicted(
      _ settings: [String], hosts: Int, link: Double = 1e9, latency: Double = 0, gflops: Double,
      bandwidth: Double,
      in folder: Workspace
    ) throws -> Double {
      let result = try Command.swiftdp(
        [
          "plan", "--json", "--hosts", "\(hosts)", "--ranks-per-host", "1", "--cores", "1", "--memory", "16G",
          "--link", "\(Int(link))", "--latency", "\(latency)", "--gflops", "\(gflops)",
          "--bandwidth", "\(Int(bandwidth))",
        ] + settings, in: folder)
      try #require(result.code == 0, "\(result.err)")
      let rows = try #require(try JSON.parse(result.out)["rows"]?.elements)
      // The defaults of a recipe.
      let row = rows.first {
        $0["zero"]?.integer == 1 && $0["model_dtype"]?.text == "float32" && $0["recompute"]?.text == "none"
      }
      return try #require(row?["seconds"]?["all"]?.double)
    }
  }
}

/// Hosts that launch/slow-network joins; they are removed after the test.
private final class SlowNetwork {
  private let id = String(UUID().uuidString.prefix(6).lowercased())
  private let folder: Workspace

  init(_ count: Int, rate: String, delay: String, _ more: [String] = [], in folder: Workspace) throws {
    self.folder = folder
    let result = try run("make", ["\(count)", rate, delay] + more)
    try #require(result.code == 0, "\(result.err)")
  }

  deinit { _ = try? run("remove") }

  func run(_ verb: String, _ words: [String] = []) throws -> CommandResult {
    // Ranks of several hosts wait on the same cores.
    try Command.run(
      [
        "env", "OMPI_MCA_mpi_yield_when_idle=1", "SWIFTDP_NETWORK_DELAY=" + Command.built("NetworkDelay"),
        Project.root + "/launch/slow-network", verb, id,
      ] + words, in: folder)
  }

  /// One rank on each host.
  func swiftdp(_ arguments: [String]) throws -> CommandResult {
    try run("mpirun", ["1", Command.binary] + arguments)
  }
}
