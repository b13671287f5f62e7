// The same bits over two hosts as on one.
import Testing

extension CommandLineTests {
  @Suite(
    .enabled(
      if: TwoHosts.missing == nil && Project.hasSharedData,
      "this machine cannot have two hosts: \(TwoHosts.missing ?? "../shared/data is not beside this package")"
    ))
  struct TwoHostTests {
    @Test func twoHostsGiveTheHashOfOneRank() throws {
      let folder = try Workspace()
      try folder.makeStories()
      let one = try train(StoriesTests.settings, output: "np1", in: folder)
      let hosts = try TwoHosts(in: folder)
      var compared = 0
      for (ranksPerHost, zero) in [(2, 1), (2, 0), (1, 1)] {
        let before = try hosts.received(by: 1)
        let name = "hosts\(compared)"
        let result = try hosts.swiftdp(
          ["train"] + StoriesTests.settings + ["parallel.zero=\(zero)", "output=\(name)"],
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
  }
}
