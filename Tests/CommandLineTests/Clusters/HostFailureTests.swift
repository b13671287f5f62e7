// A host dies in a run that launch/ssh started, and comes back; and what stands between hosts.
import Foundation
import Testing

extension CommandLineTests {
  @Suite(.serialized, .enabled(if: Clusters.areTested, Clusters.how)) struct HostFailureTests {
    /// - Returns: hosts with sshd, which are listed in the file `hosts`.
    private func hosts(_ count: Int, in folder: Workspace) throws -> Hosts {
      let hosts = try Hosts(count, in: folder)
      #expect(try hosts.run("sshd").code == 0)
      try folder.file("hosts", (0..<count).map { "\(Hosts.name($0)) slots=1\n" }.joined())
      return hosts
    }

    /// The words that start launch/ssh on the first host.
    private func words(_ hosts: Hosts, _ arguments: [String]) -> [String] {
      [
        Project.root + "/launch/hosts", "on", hosts.id, "0", "env", "SWIFTDP=\(Command.binary)",
        Project.root + "/launch/ssh",
      ] + arguments
    }

    /// The run goes on without the host, and takes it back when it starts again.
    @Test(arguments: [2, 4]) func aHostDiesAndComesBack(count: Int) throws {
      let folder = try Workspace()
      let run = try TimedRun(seconds: 20, in: folder)
      let hosts = try hosts(count, in: folder)
      let output = RunOutput(folder: folder, name: "out")
      func step() -> Int { (try? output.metrics().last?["step"]?.integer) ?? 0 }
      let command = try RunningCommand(
        words(hosts, ["hosts"] + run.settings.recipe(in: folder) + ["output=out"]), in: folder, mercy: 1)
      try #require(command.until { step() > run.steps / 5 }, "\(command.errors)")
      let last = Hosts.name(count - 1)
      #expect(try hosts.run("kill", ["\(count - 1)"]).code == 0)
      try #require(
        command.until { command.errors.contains("\(last) does not answer: going on without") },
        "\(command.errors)")
      // Fewer hosts are started than before, and it comes further.
      let checkpoints = output.checkpoints
      try #require(command.until { output.checkpoints != checkpoints }, "\(command.errors)")
      #expect(try hosts.run("back", ["\(count - 1)"]).code == 0)
      kill(try #require(command.process(ofRank: 0)), SIGKILL)
      try #require(command.until { command.errors.contains("all hosts answer again") }, "\(command.errors)")
      let result = try command.wait()
      #expect(result.code == 0, "\(result.err)")
      #expect(try output.hash() == run.whole.hash())
    }

    /// mpirun alone hangs behind a firewall. The file of a cluster names the ports that are open.
    @Test func aFirewallIsNamed() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let hosts = try hosts(2, in: folder)
      #expect(try hosts.run("firewall", ["20000", "20099"]).code == 0)
      let recipe = try RankCountTests.text.recipe(in: folder)
      let closed = try Command.run(
        words(hosts, ["hosts"] + recipe + ["output=closed"]), in: folder, timeLimit: 60)
      #expect(closed.code == 64)
      let rows = closed.out.split(separator: "\n").filter { $0.hasPrefix("wrong  ports ") }
      #expect(rows.count == 2, "\(closed.out)")
      #expect(!folder.exists("closed"))

      try folder.file(
        "cluster.yaml",
        "hosts: [\(Hosts.name(0)), \(Hosts.name(1))]\ncores: 1\nmemory: 4G\nranks: 1\n"
          + "network: {bandwidth: 1G, ports: 20000-20099}\n")
      let open = try Command.run(
        words(hosts, ["--cluster", "cluster.yaml"] + recipe + ["output=open"]), in: folder)
      try #require(open.code == 0, "\(open.err)")
      #expect(!open.err.contains("has no connection to"))
      let alone = try train(RankCountTests.text, output: "alone", in: folder)
      #expect(try RunOutput(folder: folder, name: "open").hash() == alone.hash())
    }
  }
}
