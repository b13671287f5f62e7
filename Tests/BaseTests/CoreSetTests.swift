// Lists of cores as Linux writes them, and how processes of a host share NUMA domains.
import Base
import Testing

@Suite struct CoreSetTests {
  @Test func lists() {
    var compared = 0
    for (list, numbers) in [
      ("", []), ("0", [0]), ("0-3,8", [0, 1, 2, 3, 8]), ("1,3,5-6\n", [1, 3, 5, 6]), ("8-7,x", []),
    ] as [(String, Set<Int>)] {
      #expect(CoreSet(list: list).numbers == numbers)
      #expect(CoreSet(list: CoreSet(numbers).list).numbers == numbers)
      compared += 1
    }
    #expect(compared == 5)
    #expect(CoreSet([8, 0, 2, 1, 3]).list == "0-3,8")
    #expect(CoreSet.allowed().count > 0)
  }

  /// The cores of each process, by the number of processes.
  private func shares(_ count: Int, of cores: String, domains: [String]) -> [String] {
    (0..<count).map {
      CoreSet(list: cores).share(of: $0, among: count, domains: domains.map(CoreSet.init(list:))).list
    }
  }

  @Test func domainsAreSharedEvenly() {
    let two = ["0-3,8-11", "4-7,12-15"]
    #expect(shares(1, of: "0-15", domains: two) == ["0-15"])
    #expect(shares(2, of: "0-15", domains: two) == two)
    #expect(shares(4, of: "0-15", domains: two) == [two[0], two[0], two[1], two[1]])
    // Three would have 8, 8 and 16 cores between them.
    #expect(shares(3, of: "0-15", domains: two) == ["0-15", "0-15", "0-15"])
    let four = ["0-1", "2-3", "4-5", "6-7"]
    #expect(shares(2, of: "0-7", domains: four) == ["0-3", "4-7"])
    // The part of the domains that a control group allows counts, not the whole domains.
    #expect(shares(2, of: "2-5", domains: ["0-3", "4-7"]) == ["2-3", "4-5"])
    #expect(shares(2, of: "0-3", domains: ["0-3", "4-7"]) == ["0-3", "0-3"])
    #expect(shares(2, of: "0-4", domains: ["0-3", "4-7"]) == ["0-4", "0-4"])
    #expect(shares(2, of: "0-1", domains: []) == ["0-1", "0-1"])
    // Domains without cores are memory only.
    #expect(shares(2, of: "0-7", domains: ["0-3", "", "4-7"]) == ["0-3", "4-7"])
  }
}
