// A switch with rate and delay between network namespaces, which launch/slow-network runs: kernels without netem have
// none. Each namespace gets a TAP device `link0`; the program returns once they are there, and goes on behind.
import CTap
import Foundation

/// A mistake of the call, or something that this machine does not permit.
struct Refusal: Error {
  let text: String

  /// With what the system says about its last error.
  static func system(_ text: String) -> Refusal {
    Refusal(text: "\(text): \(String(cString: strerror(errno)))")
  }
}

@main
struct NetworkDelay {
  static let usage = "NetworkDelay RATE DELAY NAMESPACE NAMESPACE... [A-B=RATE,DELAY...]"

  static func main() {
    swiftdp_close_inherited()
    do {
      let words = CommandLine.arguments.dropFirst()
      let spaces = words.dropFirst(2).filter { !$0.contains("=") }
      guard spaces.count >= 2 else { throw Refusal(text: "usage: \(usage)") }
      var network = try Switch(
        taps: taps(in: spaces), rate: bits(words[1]), delay: nanoseconds(words[2]))
      for word in words.dropFirst(2) where word.contains("=") {
        try set(word, in: &network, hosts: spaces.count)
      }
      guard daemon(1, 0) == 0 else { throw Refusal.system("cannot go on behind") }
      network.run()
    } catch {
      let text = (error as? Refusal)?.text ?? "\(error)"
      FileHandle.standardError.write(Data("NetworkDelay: \(text)\n".utf8))
      exit(64)
    }
  }

  /// One device in each namespace. The program ends in the namespace where it started.
  private static func taps(in spaces: [String]) throws -> [Int32] {
    let home = open("/proc/self/ns/net", O_RDONLY)
    defer { close(home) }
    let taps = try spaces.enumerated().map { index, space in
      guard swiftdp_enter_network("/run/netns/\(space)") == 0 else {
        throw Refusal.system("namespace \(space)")
      }
      let tap = swiftdp_tap("link0", Switch.address(of: index))
      guard tap >= 0 else { throw Refusal.system("a TAP device in namespace \(space)") }
      return tap
    }
    guard swiftdp_enter_network("/proc/self/fd/\(home)") == 0 else { throw Refusal.system("the way back") }
    return taps
  }

  /// A pair of hosts with a rate and a delay of its own, such as `0-1=100mbit,5ms`.
  private static func set(_ word: String, in network: inout Switch, hosts: Int) throws {
    let sides = word.split(separator: "=", maxSplits: 1)
    let (pair, values) = (sides[0].split(separator: "-").map { Int($0) }, sides.last!.split(separator: ","))
    guard pair.count == 2, values.count == 2, let a = pair[0], let b = pair[1], a != b,
      (0..<hosts).contains(a), (0..<hosts).contains(b)
    else { throw Refusal(text: "\(word) is not A-B=RATE,DELAY with hosts from 0 to \(hosts - 1)") }
    try network.set(a, b, rate: bits(String(values[0])), delay: nanoseconds(String(values[1])))
  }

  /// Bits a second, as tc writes them.
  private static func bits(_ word: String) throws -> Double {
    let value = try number(word, ["gbit": 1e9, "mbit": 1e6, "kbit": 1e3, "bit": 1])
    guard value > 0 else { throw Refusal(text: "a rate must be more than 0") }
    return value
  }

  private static func nanoseconds(_ word: String) throws -> Int {
    word == "0" ? 0 : Int(try number(word, ["us": 1e3, "ms": 1e6, "s": 1e9]))
  }

  private static func number(_ word: String, _ units: KeyValuePairs<String, Double>) throws -> Double {
    for (unit, size) in units where word.hasSuffix(unit) {
      if let value = Double(word.dropLast(unit.count)), (0...1e6).contains(value) { return value * size }
    }
    throw Refusal(text: "\(word) is not a number with \(units.map(\.key).joined(separator: ", "))")
  }
}
