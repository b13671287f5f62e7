// What comes from outside of the program and fails is told of in one line, in builds without checks too: memory and
// threads that the system does not give, and libraries that fail.
import Base
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct LimitTests {
    private static let settings =
      RankCountTests.text + ["training.steps=2", "training.validate_every=0", "checkpoint.every=0"]

    private func folder() throws -> Workspace {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      return folder
    }

    @Test func aCallOfMPIThatFails() throws {
      let folder = try folder()
      let result = try Command.swiftdp(
        ["train"] + Self.settings + ["output=run"], ranks: 3, fault: RankFault(rank: 1, what: "refuse:40"),
        in: folder)
      #expect(result.code == 75, "\(result.err)")
      #expect(result.messages.count == 1, "\(result.messages)")
      let line = /rank 1 on \S+: MPI_Allgather failed: MPI_ERR_OTHER: .*start again to go on from the last checkpoint\)/
      #expect(try line.wholeMatch(in: #require(result.messages.first)) != nil, "\(result.messages)")
    }

    /// Without oneDNN a product has nothing to fail in.
    @Test func aProductOfOneDNNThatFails() throws {
      let folder = try folder()
      let doctor = try Command.swiftdp(["doctor", "--json"], in: folder)
      let libraries = try #require(JSON.parse(doctor.out)["hosts"]?.elements?[0]["libraries"]?.elements)
      let hasOneDNN = libraries.contains { $0["name"]?.text?.hasPrefix("oneDNN") == true }
      let result = try Command.swiftdp(
        ["train"] + Self.settings + ["output=run", "model_dtype=bfloat16"], ranks: 2,
        fault: RankFault(rank: 1, what: "halves:50"), in: folder)
      #expect(result.code == (hasOneDNN ? 70 : 0), "\(result.err)")
      #expect(result.messages.count == (hasOneDNN ? 1 : 0), "\(result.messages)")
      let line = /rank 1 on \S+: oneDNN \S+: dnnl_primitive_execute failed: runtime error \(model_dtype float32 .*\)/
      #expect(try !hasOneDNN || line.wholeMatch(in: #require(result.messages.first)) != nil, "\(result.messages)")
    }

    /// Split communicators, those of each host included, are given back.
    @Test func communicatorsAreFreed() throws {
      let folder = try folder()
      let result = try Command.swiftdp(
        ["verify", "--steps", "2"] + Self.settings + ["output=run"], ranks: 2,
        fault: RankFault(rank: 1, what: "groups"), in: folder)
      #expect(result.code == 0, "\(result.err)")
      let line = try #require(result.messages.first)
      let numbers = line.split(separator: " ").compactMap { Int($0) }
      #expect(numbers.count == 2 && numbers[0] > 2 && numbers[0] == numbers[1], "\(line)")
    }

    /// Bytes of address space that a run takes, beside what it is asked to do.
    private func limited(_ megabytes: Int, _ settings: [String], ranks: Int? = nil, in folder: Workspace) throws
      -> CommandResult
    {
      let launcher = ranks.map { ["mpirun", "-np", "\($0)", "--bind-to", "none"] } ?? []
      let limit = ["sh", "-c", "ulimit -v \(megabytes * 1024); exec \"$0\" \"$@\"", Command.binary]
      return try Command.run(launcher + limit + ["train"] + settings + ["output=run"], in: folder, timeLimit: 60)
    }
  }
}
