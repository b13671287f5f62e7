// The file of a cluster: what scripts read from it, its mistakes, and the plans of those that ship.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct ClusterFileTests {
    private static let whole = """
      hosts: [a, b]
      cores: 8
      memory: 32G
      ranks: 2
      binding: core
      network: {bandwidth: 1G, latency: 80us, interface: 10.1.0.0/16, ports: 20000-20099}
      speed: {float32: 50, bfloat16: 100, copy: 20G, disk: 200M}
      time_between_failures: 30d
      mpi: {btl: "tcp,vader,self", btl_tcp_links: 2}
      environment: {UCX_TLS: all}
      settings: {parallel: {zero: 2, wire_dtype: bfloat16}, checkpoint: {every: 30m}, model_dtype: bfloat16}
      """

    private func words(_ what: String, _ text: String) throws -> [String] {
      let folder = try Workspace()
      try folder.file("cluster.yaml", text)
      let result = try Command.swiftdp(["cluster", what, "cluster.yaml"], in: folder)
      try #require(result.code == 0, "\(result.err)")
      return result.out.split(separator: "\n").map(String.init)
    }

    @Test func wordsForScripts() throws {
      #expect(
        try words("mpirun", Self.whole) == [
          "--map-by", "ppr:2:node:PE=4", "--bind-to", "core", "--mca", "btl_tcp_if_include", "10.1.0.0/16",
          "--mca", "oob_tcp_if_include", "10.1.0.0/16", "--mca", "oob_tcp_dynamic_ipv4_ports", "20000-20011",
          "--mca", "btl_tcp_port_min_v4", "20012", "--mca", "btl_tcp_port_range_v4", "76", "--mca",
          "btl",
          "tcp,vader,self", "--mca", "btl_tcp_links", "2", "-x", "UCX_TLS=all",
        ])
      #expect(
        try words("settings", Self.whole) == [
          "parallel.zero=2", "parallel.wire_dtype=\"bfloat16\"", "checkpoint.every=\"30m\"",
          "model_dtype=\"bfloat16\"", "parallel.ports=20088-20099",
        ])
      #expect(try words("hosts", Self.whole) == ["a slots=2", "b slots=2"])
      // Ranks that differ by host are mapped by slots.
      let kinds =
        "hosts: [{names: [a], ranks: 1}, {names: [b], cores: 16, ranks: 3}]\ncores: 8\nmemory: 8G\n"
        + "network: {bandwidth: 1G}\n"
      #expect(try words("hosts", kinds) == ["a slots=1", "b slots=3"])
      #expect(try words("mpirun", kinds) == [])
      #expect(
        try words("mpirun", "cores: 8\nmemory: 8G\nranks: 2\nbinding: none") == [
          "--map-by", "ppr:2:node", "--bind-to", "none",
        ])
    }

    @Test func everyMistakeIsNamed() throws {
      let folder = try Workspace()
      try folder.file(
        "cluster.yaml",
        """
        hosts: 2
        cores: 0
        memory: much
        rank: 2
        binding: socket
        network: {latency: soon, ports: 1-2}
        time_between_failures: never
        mpi: {btl: [tcp]}
        settings: 7
        """)
      try expectMistake(
        ["cluster", "mpirun", "cluster.yaml"], 64,
        [
          "cluster.yaml: cores: is 0, but must be from 1 to 4096",
          "cluster.yaml: memory: is \"much\", where bytes, such as 64G is meant",
          "cluster.yaml: binding: is \"socket\", but must be one of domain, core, none",
          "cluster.yaml: network.bandwidth: is missing (give bits a second, such as 10G)",
          "cluster.yaml: network.latency: is \"soon\", where a time such as 50us is meant",
          "cluster.yaml: network.ports: is \"1-2\", which is no range of ports (such as 20000-20999)",
          "cluster.yaml: time_between_failures: is \"never\", where a time such as 365d is meant",
          "cluster.yaml: mpi.btl: is a list, where one value is meant",
          "cluster.yaml: settings: is a whole number, where keys of a recipe with values are meant",
          "cluster.yaml: rank: is not a key of a cluster (did you mean ranks?)",
        ], in: folder)
      try folder.file("model.yaml", "cores: 8\nmemory: 8G\nsettings: {model: x}\n")
      try expectMistake(
        ["cluster", "settings", "model.yaml"], 64,
        [
          "model.yaml: settings.model: is no setting of a recipe that a cluster could give (the sections are "
            + "checkpoint, data, optimizer, parallel, schedule, training)"
        ], in: folder)
      try expectMistake(
        ["cluster", "settings", "none.yaml"], 64,
        ["none.yaml: there is no such file of a cluster (copy one of cluster-configs/)"], in: folder)
    }

    /// The lines of what `plan` says in a file that ships are what it says.
    @Test(.enabled(if: Clusters.areTested, Clusters.how)) func shippedFilesSayWhatPlanSays() throws {
      let folder = try Workspace()
      let files = try FileManager.default.contentsOfDirectory(atPath: Project.root + "/cluster-configs")
        .sorted()
      #expect(files.count == 8)
      var lines = 0
      for file in files {
        let path = Project.root + "/cluster-configs/" + file
        let text = try String(contentsOfFile: path, encoding: .utf8)
        for (name, shape, size) in [("125M", "gpt2-125m", 4), ("1B", "llama-1b", 2), ("7B", "llama-7b", 1)] {
          let result = try Command.swiftdp(
            [
              "plan", "--json", "--cluster", path, "model=\(Project.root)/Tests/Fixtures/shapes/\(shape)",
              "weights=random", "data.train=shipped:tasks.jsonl", "data.sequence_length=512",
              "training.batch_size=64", "training.micro_batch_size=\(size)",
            ], in: folder)
          let line = "# plan \(name): " + (try planned(result))
          #expect(text.contains(line + "\n"), "\(file) should say:\n\(line)")
          lines += 1
        }
      }
      #expect(lines == 24)
    }

    private func planned(_ result: CommandResult) throws -> String {
      let json = try JSON.parse(result.out)
      guard let row = json["recommended"], !row.isNull else {
        #expect(result.code == 65)
        let need = try #require(result.messages.first).split(separator: " needs at least ").last ?? ""
        return "does not fit: needs at least \(need)"
      }
      try #require(result.code == 0, "\(result.err)")
      func number(_ json: JSON?, _ digits: Int) throws -> String {
        decimals(try #require(json?.double), digits)
      }
      let kinds = try #require(json["kinds"]?.elements).map {
        "\(try #require($0["hosts"]?.integer)) × \(try #require($0["ranks"]?.integer))"
      }
      let type = try #require(row["model_dtype"]?.text)
      let memory = decimals(try #require(row["bytes_per_host"]?.double) / 1e9, 1)
      let every = duration(try #require(json["checkpoint_seconds"]?.double))
      return
        "\(kinds.joined(separator: " + ")) ranks, \(type), recompute \(try #require(row["recompute"]?.text)): "
        + "\(memory) GB a host, \(try number(row["seconds"]?["all"], 2)) s a step "
        + "(\(try number(row["seconds"]?["exchange"], 2)) between hosts), "
        + "\(try number(row["tokens_per_second"], 0)) tokens/s, a checkpoint every \(every)"
    }

    /// On slow links more hosts stop to help at a fixed batch; exact sums stop to pay before that.
    @Test func scalingBendsWhereTheLinkIsSlow() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2000)
      func rows(_ more: [String], _ kind: String) throws -> [JSON] {
        let result = try Command.swiftdp(
          [
            "plan", "--json", "--up-to", "64", "--gflops", "50", "--bandwidth", "20G", "--cores", "1",
            "--ranks-per-host", "1", "--memory", "8G", "--latency", "20", "model=llama",
            "data.train=text.txt",
            "data.sequence_length=64", "training.batch_size=64", "training.micro_batch_size=1",
          ] + more, in: folder)
        try #require(result.code == 0, "\(result.err)")
        return try #require(try JSON.parse(result.out)["scaling"]?[kind]?.elements)
      }
      let fast = try rows(["--link", "100G", "--latency", "0"], "strong")
      let slow = try rows(["--link", "10M"], "strong")
      #expect(fast.map { $0["hosts"]?.integer } == [1, 2, 4, 8, 16, 32, 64])
      func seconds(_ row: JSON, _ way: String) throws -> Double { try #require(row[way]?["seconds"]?.double) }
      #expect(try seconds(fast[0], "own") > 8 * seconds(fast[4], "own"))
      #expect(try seconds(slow[0], "own") == seconds(fast[0], "own"))
      #expect(try seconds(slow[1], "own") > seconds(slow[0], "own"))
      #expect(
        try slow[1]["best"]?["exact"] == .bool(false) && seconds(slow[1], "best") < seconds(slow[1], "own"))
      #expect(fast.allSatisfy { $0["best"]?["exact"] == .bool(true) })
      let weak = try rows(["--link", "100G", "--latency", "0"], "weak")
      #expect(weak.map { $0["sequences"]?.integer } == [64, 128, 256, 512, 1024, 2048, 4096])
      #expect(try weak.allSatisfy { try #require($0["efficiency"]?.double) > 0.9 })
    }

    /// Hosts with less memory get fewer ranks, and a host that has too little is what a refusal names.
    @Test func hostsThatDiffer() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2000)
      func plan(_ small: String) throws -> CommandResult {
        try folder.file(
          "cluster.yaml",
          """
          hosts: [{count: 2}, {count: 1, cores: 4, memory: \(small)}]
          cores: 4
          memory: 8G
          ranks: 4
          network: {bandwidth: 10G}
          speed: {float32: 50, bfloat16: 50, copy: 20G}
          """.replacingOccurrences(of: "ranks: 4", with: small == "10M" ? "ranks: 4" : ""))
        return try Command.swiftdp(
          [
            "plan", "--json", "--cluster", "cluster.yaml", "model=llama", "data.train=text.txt",
            "data.sequence_length=64", "training.batch_size=64", "training.micro_batch_size=1",
          ], in: folder)
      }
      // A rank needs 35 MB or more, most of which is libraries that the ranks of a host share.
      let divided = try plan("60M")
      try #require(divided.code == 0, "\(divided.err)")
      let kinds = try #require(try JSON.parse(divided.out)["kinds"]?.elements)
      #expect(kinds.count == 2 && kinds.map { $0["hosts"]?.integer } == [2, 1])
      // A scheduler names hosts that the file does not.
      let command = try #require(try JSON.parse(divided.out)["command"]?.text)
      #expect(
        command.hasPrefix("sbatch launch/slurm.sbatch --cluster cluster.yaml model=llama"), "\(command)")
      let refused = try plan("10M")
      #expect(refused.code == 65 && refused.err.contains("and a host has 0.0 GB"), "\(refused.err)")
    }
  }
}
