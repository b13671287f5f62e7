// Two hosts give the same bits as one.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite(
    .enabled(
      if: Hosts.missing == nil && Project.hasSharedData,
      "this machine cannot have two hosts: \(Hosts.missing ?? "../shared/data is not beside this package")"
    ))
  struct TwoHostTests {
    @Test func twoHostsGiveTheHashOfOneRank() throws {
      let folder = try Workspace()
      try folder.makeStories()
      // With audits, which compute where gradients have just been sent from.
      let settings = StoriesTests.settings + ["training.audit=0.2"]
      let one = try train(settings, output: "np1", in: folder)
      #expect(try !one.numbers("audits").isEmpty)
      let hosts = try Hosts(in: folder)
      var compared = 0
      for (ranksPerHost, zero) in [(2, 1), (2, 0), (1, 1)] {
        let before = try hosts.received(by: 1)
        let name = "hosts\(compared)"
        let result = try hosts.swiftdp(
          ["train"] + settings + ["parallel.zero=\(zero)", "output=\(name)"],
          ranksPerHost: ranksPerHost)
        try #require(result.code == 0, "\(result.out)\n\(result.err)")
        #expect(result.out.contains(" \(2 * ranksPerHost) ranks on 2 hosts × 1 thread · "))
        // Half of the gradients of 260,000 parameters went over the link in every round of every step.
        #expect(try hosts.received(by: 1) - before > 20 * 260_000)
        let run = RunOutput(folder: folder, name: name)
        #expect(try run.hash() == one.hash())
        #expect(try run.results() == one.results())
        compared += 1
      }
      #expect(compared == 3)
    }

    /// Weights of several buckets come while the next step computes forward, and the last gradients of a round while
    /// the next round does: neither validations and checkpoints in between, nor ranks without a micro-batch, see
    /// anything that has not come yet. A table of 4,000 rows comes last, behind the rows that are looked up.
    @Test(
      arguments: [("float32", 3, 257), ("float32", 3, 4000)]
        + (Clusters.areTested ? [("float32", 8, 4000), ("bfloat16", 8, 257), ("bfloat16", 8, 4000)] : []))
    func whatTravelsDuringForwardGivesTheSameBits(
      _ type: String, _ batchSize: Int, _ vocabulary: Int
    ) throws {
      let folder = try Workspace()
      try folder.makeLlama(width: 768, vocabulary: vocabulary)
      try folder.makeText(characters: 2150)
      let settings =
        RankCountTests.text + [
          "training.steps=4", "training.batch_size=\(batchSize)", "training.validate_every=2",
          "checkpoint.every=3", "schedule.warmup_steps=0", "model_dtype=\(type)",
        ]
      let one = try train(settings, output: "np1", in: folder)
      let hosts = try Hosts(rate: "400mbit", in: folder)
      var compared = 0
      for (ranksPerHost, zero) in [(1, 1), (2, 3), (2, 1)] {
        let name = "hosts\(compared)"
        let result = try hosts.swiftdp(
          ["train"] + settings + ["parallel.zero=\(zero)", "output=\(name)"], ranksPerHost: ranksPerHost)
        try #require(result.code == 0, "\(result.out)\n\(result.err)")
        let run = RunOutput(folder: folder, name: name)
        #expect(try run.hash() == one.hash(), "\(ranksPerHost) ranks a host, ZeRO \(zero)")
        #expect(try run.results() == one.results())
        compared += 1
      }
      #expect(compared == 3)
    }

    /// Weights and gradients take 2 s of a step on this link, 1 s of it after the last gradient is final.
    @Test(.enabled(if: Clusters.areTested, Clusters.how))
    func computationHidesTheExchange() throws {
      let folder = try Workspace()
      try folder.makeGPT2(inner: 2048, layers: 8, dropout: 0, width: 512, longest: 128)
      try folder.makeText(characters: 40_000)
      let hosts = try Hosts(rate: "400mbit", in: folder)
      let result = try hosts.swiftdp(
        [
          "train", "model=gpt2", "weights=random", "data.train=text.txt", "data.sequence_length=128",
          "training.steps=4", "training.batch_size=64", "training.micro_batch_size=16", "parallel.threads=1",
          "training.validate_every=0", "schedule.warmup_steps=0", "output=run",
        ], ranksPerHost: 1)
      try #require(result.code == 0, "\(result.out)\n\(result.err)")
      let run = RunOutput(folder: folder, name: "run")
      let waits = zip(try run.numbers("exchange_seconds"), try run.numbers("seconds")).map { $0 / $1 }
      #expect(waits.count == 4)
      // One rank may wait for another that has less of a loaded machine.
      #expect(try #require(waits.dropFirst().min()) < 0.07, "\(waits)")
    }

    /// The first rank hears of what it cannot see itself: one line, and one report of all ranks of both hosts.
    @Test(arguments: [
      (1, 1, SIGKILL, "rank 1 on swiftdp-host-1 is gone: its process or its host has ended"),
      (1, 0, SIGKILL, "rank 0 on swiftdp-host-0 is gone: its process or its host has ended"),
      (2, 3, SIGKILL, "rank 3 on swiftdp-host-1 was killed (signal 9)"),
      (2, 0, SIGSEGV, "rank 0 on swiftdp-host-0 crashed (signal 11)"),
      (1, 1, SIGSTOP, "rank 1 on swiftdp-host-1 has kept the others waiting for 3 s"),
      // The first rank of a host that speaks for the others, and one that others speak for.
      (3, 3, SIGKILL, "rank 3 on swiftdp-host-1 was killed (signal 9)"),
      (3, 5, SIGABRT, "rank 5 on swiftdp-host-1 crashed (signal 6)"),
      (3, 3, SIGSTOP, "rank 3 on swiftdp-host-1 has kept the others waiting for 3 s"),
      (3, 5, SIGSTOP, "rank 5 on swiftdp-host-1 has kept the others waiting for 3 s"),
    ])
    func failuresAreKnownOnBothHosts(_ ranksPerHost: Int, _ rank: Int, _ signal: Int32, said: String) throws {
      let folder = try Workspace()
      try folder.makeStories()
      let hosts = try Hosts(in: folder)
      let run = try hosts.start(
        ["train"] + StoriesTests.settings + [
          "training.steps=100000", "training.validate_every=0", "checkpoint.every=2", "parallel.timeout=3",
          "output=run",
        ], ranksPerHost: ranksPerHost)
      try #require(run.until { folder.exists("run/checkpoints/step-000002") }, "\(run.errors)")
      let process = try #require(run.process(ofRank: rank))
      kill(process, signal)
      let begin = Date()
      let result = try run.wait(timeLimit: 60)
      #expect(Date().timeIntervalSince(begin) < (signal == SIGSTOP ? 13 : 10))
      #expect(result.code != 0)
      #expect(result.messages.count == 1 && result.messages[0].hasPrefix(said + " in step "), "\(result.err)")
      let report = try JSON.parse(folder.text("run/failure.json"))
      #expect(report["failed"]?.elements?.compactMap(\.integer) == [rank])
      #expect(report["host"]?.text == "swiftdp-host-\(rank / ranksPerHost)")
      let lines = try #require(report["ranks"]?.elements)
      // Neighbours that found a rank dead know its last word; they do not hear from other hosts.
      let known = rank == 0 && ranksPerHost > 1 ? [0, 1] : Array(0..<2 * ranksPerHost)
      #expect(lines.compactMap { $0["rank"]?.integer } == known)
      #expect(lines.allSatisfy { ($0["step"]?.integer ?? 0) >= 2 && $0["phase"]?.text != nil })
      #expect(waitUntil(10) { kill(process, 0) != 0 })
    }

    /// The first rank's port is open to anybody: a peer that does not show the run's number is dropped, and takes
    /// little.
    @Test func strangersAtThePortAreLetGo() throws {
      let folder = try Workspace()
      try folder.makeStories()
      let hosts = try Hosts(in: folder)
      let run = try hosts.start(
        ["train"] + StoriesTests.settings + [
          "training.steps=100000", "training.validate_every=0", "checkpoint.every=2", "output=run",
        ], ranksPerHost: 1)
      try #require(run.until { folder.exists("run/checkpoints/step-000002") }, "\(run.errors)")
      let first = try #require(run.process(ofRank: 0))
      func descriptors() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(first)/fd").count
      }
      let before = try descriptors()
      // Among this process's listening sockets (0A; proc(5)), MPI's has the lowest port that is free from 1024 on.
      let sockets = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(first)/fd").compactMap {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(first)/fd/\($0)")
      }
      let table = try String(contentsOfFile: "/proc/\(first)/net/tcp6", encoding: .utf8)
      var ports: [Int] = []
      for line in table.split(separator: "\n") {
        let words = line.split(separator: " ").map(String.init)
        guard words.count > 9, words[3] == "0A", sockets.contains("socket:[\(words[9])]"),
          let port = words[1].split(separator: ":").last
        else { continue }
        ports.append(try #require(Int(port, radix: 16)))
      }
      let port = try #require(ports.max())
      // 300 connections say nothing, and 300 say something else; they stay until they are dropped.
      let visitors = try Command.run(
        [
          "nsenter", "--net=/proc/\(first)/ns/net", "bash", "-c",
          """
          for n in $(seq 300); do exec {quiet}<>/dev/tcp/::1/\(port); done
          for n in $(seq 300); do exec {loud}<>/dev/tcp/::1/\(port); printf '%096d' 0 >&$loud; done 2>/dev/null
          for n in $(seq 20); do ls /proc/\(first)/fd | wc -l; sleep 0.1; done
          timeout 20 cat <&$quiet; echo "closed $?"
          """,
        ], in: folder, timeLimit: 60)
      let words = visitors.out.split(separator: "\n").map(String.init)
      #expect(words.last == "closed 0", "\(visitors.out) \(visitors.err)")
      let counts = words.compactMap { Int($0) }
      #expect(counts.count == 20 && counts.allSatisfy { $0 <= before + 80 }, "\(counts), \(before) before")
      #expect(counts.contains { $0 > before })
      #expect(waitUntil(10) { (try? descriptors()) == before })
      // The proper connection is still there: its end is reported.
      kill(try #require(run.process(ofRank: 1)), SIGKILL)
      let result = try run.wait(timeLimit: 30)
      #expect(
        result.messages.count == 1 && result.messages[0].hasPrefix("rank 1 on swiftdp-host-1 is gone: "))
    }

    /// Slow enough that the link is the limit on any machine.
    @Test func theExchangeFillsTheLink() throws {
      let folder = try Workspace()
      let hosts = try Hosts(rate: "200mbit", in: folder)
      let result = try hosts.swiftdp(
        ["bench", "collectives", "--threads", "1", "--megabytes", "16", "--repetitions", "2", "--json"],
        ranksPerHost: 1)
      try #require(result.code == 0, "\(result.err)")
      let json = try JSON.parse(result.out.trimmingCharacters(in: .whitespacesAndNewlines))
      // 200 Mbit/s are 25 MB/s, of which headers take a part.
      let limit = try #require(json["machine"]?["limits"]?.elements?.first?["rate"]?.double)
      #expect(limit > 18 && limit < 25.5, "\(limit) MB/s")
      var shares: [String: Double] = [:]
      for row in json["rows"]?.elements ?? [] {
        shares[try #require(row["name"]?.text)] = try #require(row["share_of_limit"]?.double)
      }
      #expect(shares.count == 3)
      for name in ["GradientSum.add (reduce-scatter)", "WeightExchange (allgather)"] {
        #expect(try #require(shares[name]) > 0.8, "\(shares)")
      }
    }
  }
}
