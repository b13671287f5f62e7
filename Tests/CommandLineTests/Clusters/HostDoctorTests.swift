// Hosts by ssh: what `doctor --hosts` and `launch/ssh` find before anything starts, and a run that they start.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite(.enabled(if: Clusters.areTested, Clusters.how), .serialized) struct HostDoctorTests {
    private static let settings = RankCountTests.text + ["output=out"]

    private func folder(hosts count: Int) throws -> (Workspace, Hosts) {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try folder.file("run.yaml", "# all settings are given\n")
      try folder.file("hosts", (0..<count).map { "\(Hosts.name($0)) slots=1\n" }.joined())
      let hosts = try Hosts(count, in: folder)
      #expect(try hosts.run("sshd").code == 0)
      return (folder, hosts)
    }

    private func checks(_ hosts: Hosts, _ more: [String]) throws -> (code: Int32, rows: [JSON]) {
      let result = try hosts.on(0, [Command.binary, "doctor", "--hosts", "hosts", "--json"] + more)
      let rows = try #require(try JSON.parse(result.out)["checks"]?.elements, "\(result.err)")
      return (result.code, rows)
    }

    private func wrong(_ rows: [JSON]) -> [String] {
      rows.filter { $0["state"]?.text == "wrong" }.compactMap { row in
        [row["what"]?.text, row["place"]?.text].compactMap { $0 }.joined(separator: " ")
      }
    }

    @Test func allIsWellAndTheSlowLinkIsNamed() throws {
      let (folder, hosts) = try folder(hosts: 3)
      let limit =
        "tc -n swiftdp-\(hosts.id)-2 qdisc add dev link0 root tbf rate 100mbit burst 64kb latency 50ms"
      #expect(try Command.run(["sh", "-c", limit], in: folder).code == 0)
      let (code, rows) = try checks(hosts, ["run.yaml"] + Self.settings)
      #expect(code == 0 && wrong(rows).isEmpty, "\(rows.map { $0.encoded() })")
      for what in [
        "answer", "swiftdp", "libraries", "Open MPI", "clock", "names", "folders", "output", "links",
      ] {
        #expect(rows.contains { $0["what"]?.text == what && $0["state"]?.text == "ok" }, "\(what)")
      }
      let slow = rows.filter { $0["state"]?.text == "slow" && $0["what"]?.text == "link" }
        .compactMap { $0["place"]?.text }
      for other in 0...1 { #expect(slow.contains("\(Hosts.name(2)) to \(Hosts.name(other))"), "\(slow)") }
      // What was made to look is gone.
      #expect(!folder.exists("out"))
    }

    /// Each fault is found over ssh, before MPI could fail with it; all of them at once.
    @Test func whatIsWrongIsNamed() throws {
      let (folder, hosts) = try folder(hosts: 4)
      // Another build, by a byte of its identity, and a clock that is ahead.
      var bytes = try Data(contentsOf: URL(fileURLWithPath: Command.binary))
      let note = try #require(
        bytes.range(of: Data([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4E, 0x55, 0])))
      bytes[note.upperBound] ^= 1
      let other = try folder.file("other/swiftdp", bytes)
      try folder.file("other/late", "#!/bin/sh\nexec faketime -f +10m \(try copy(folder)) \"$@\"\n")
      for script in [other, folder.path + "/other/late"] { #expect(chmod(script, 0o755) == 0) }
      let build = ["mount", "--bind", other, Command.binary]
      #expect(try hosts.amongFiles(of: 1, build).code == 0)
      let clock = ["mount", "--bind", folder.path + "/other/late", Command.binary]
      #expect(try hosts.amongFiles(of: 2, clock).code == 0)
      // A folder that is not the same, and a host without names.
      try FileManager.default.createDirectory(
        atPath: folder.path + "/out", withIntermediateDirectories: false)
      #expect(try hosts.amongFiles(of: 3, ["mount", "-t", "tmpfs", "none", folder.path + "/out"]).code == 0)
      try "127.0.0.1 localhost\n".write(
        toFile: "/etc/netns/swiftdp-\(hosts.id)-3/hosts", atomically: false, encoding: .utf8)
      let (code, rows) = try checks(hosts, ["run.yaml"] + Self.settings)
      #expect(code == 64)
      let found = wrong(rows)
      #expect(found.contains("swiftdp \(Hosts.name(1))"), "\(found)")
      #expect(found.contains("clock \(Hosts.name(2))"), "\(found)")
      #expect(found.contains("output \(Hosts.name(3))"), "\(found)")
      #expect(found.contains("names \(Hosts.name(3))"), "\(found)")
      #expect(found.count == 4, "\(found)")
    }

    /// A whole copy of the program, with what ships, at another path.
    private func copy(_ folder: Workspace) throws -> String {
      let source = URL(fileURLWithPath: Command.binary).resolvingSymlinksInPath()
      try FileManager.default.createDirectory(
        atPath: folder.path + "/same", withIntermediateDirectories: true)
      for name in ["swiftdp", "swiftdp_swiftdp.resources"] {
        try FileManager.default.copyItem(
          atPath: source.deletingLastPathComponent().path + "/" + name, toPath: folder.path + "/same/" + name)
      }
      return folder.path + "/same/swiftdp"
    }

    @Test func launchSSHStartsNothingWithADeadHost() throws {
      let (folder, hosts) = try folder(hosts: 2)
      #expect(try hosts.run("kill", ["1"]).code == 0)
      let script = Project.root + "/launch/ssh"
      let result = try hosts.on(
        0, ["env", "SWIFTDP=\(Command.binary)", script, "hosts", "run.yaml"] + Self.settings)
      #expect(result.code == 64)
      #expect(result.out.contains("wrong  answer      \(Hosts.name(1)): "), "\(result.out)")
      #expect(!folder.exists("out"))
      // It is back: the same command trains, and leaves what one rank leaves.
      #expect(try hosts.run("back", ["1"]).code == 0)
      let again = try hosts.on(
        0, ["env", "SWIFTDP=\(Command.binary)", script, "hosts", "run.yaml"] + Self.settings)
      try #require(again.code == 0, "\(again.err)")
      #expect(again.out.contains(" 2 ranks on 2 hosts "))
      let alone = try train(Self.settings.filter { $0 != "output=out" }, output: "alone", in: folder)
      let both = RunOutput(folder: folder, name: "out")
      #expect(try both.hash() == alone.hash())
    }
  }
}
