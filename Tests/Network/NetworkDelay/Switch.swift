// Frames between hosts: when each arrives, and the loop that carries them.
import CTap
import Foundation

/// A switch with one port for each host. Each port sends and receives at its rate, in both directions at once; a frame
/// is on its way for the delay of its pair of hosts.
struct Switch {
  private static let header = swiftdp_tap_header

  private let taps: [Int32]
  private let port: Double
  /// When each port will have sent, and received, all that it has been given.
  private var sent: [Int]
  private var received: [Int]
  /// By sender × hosts + receiver.
  private var paths: [Path]
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Path.largest, alignment: 16)

  private var hosts: Int { taps.count }

  /// - Parameters:
  ///   - rate: bits a second of every port.
  ///   - delay: nanoseconds.
  init(taps: [Int32], rate: Double, delay: Int) {
    self.taps = taps
    port = 8e9 / rate
    sent = Array(repeating: 0, count: taps.count)
    received = sent
    paths = Array(repeating: Path(delay: delay), count: taps.count * taps.count)
  }

  /// Gives a pair of hosts a rate and a delay of its own, in both directions.
  mutating func set(_ a: Int, _ b: Int, rate: Double, delay: Int) {
    for index in [a * hosts + b, b * hosts + a] { paths[index] = Path(delay: delay, byteTime: 8e9 / rate) }
  }

  /// The hardware address of a host's device; its last byte is the port.
  static func address(of host: Int) -> [UInt8] { [2, 0, 0, 0, 0, UInt8(host)] }

  /// Carries frames until the process is killed.
  mutating func run() -> Never {
    swiftdp_be_prompt()
    var descriptors = taps.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
    while true {
      let wait = deliver()
      guard swiftdp_wait(&descriptors, Int32(hosts), wait) > 0 else { continue }
      for host in 0..<hosts where descriptors[host].revents != 0 { take(from: host) }
    }
  }

  /// Reads what a host has sent, at most so much that the others' frames are not late.
  private mutating func take(from host: Int) {
    for _ in 0..<32 {
      let count = read(taps[host], buffer.baseAddress, buffer.count)
      guard count >= Self.header + 14 else { return }
      let frame = UnsafeRawBufferPointer(rebasing: buffer[..<count])
      let receiver = Int(frame[Self.header + 5])
      // The first bit of the first byte means "to several"; hosts are few, so that is everybody.
      let all = frame[Self.header] & 1 == 1
      for other in 0..<hosts where other != host && (all || other == receiver) {
        send(frame, from: host, to: other)
      }
    }
  }

  /// A frame leaves when the links before it are free, and takes its bytes at their rate.
  private mutating func send(_ frame: UnsafeRawBufferPointer, from host: Int, to receiver: Int) {
    let index = host * hosts + receiver
    let (now, taken) = (Self.now, Int(Double(frame.count - Self.header) * port))
    let leaves = max(now, sent[host]) + taken
    let passes = paths[index].passes(frame.count - Self.header, at: leaves)
    // The receiving port takes a frame while it comes in, unless it is still at an earlier one.
    let arrives = max(passes, received[receiver] + taken)
    // A switch keeps 50 ms or 4 MB of frames that wait, and drops more.
    guard arrives - now - taken <= min(50_000_000, Int(4e6 * max(port, paths[index].byteTime))) else {
      return
    }
    sent[host] = leaves
    received[receiver] = arrives
    paths[index].add(frame, free: passes, arrives: arrives)
  }

  /// Hands over the frames that have arrived.
  /// - Returns: nanoseconds until the next one does; negative if there is none.
  private mutating func deliver() -> Int {
    var next = Int.max
    let now = Self.now
    for index in paths.indices {
      // A device that takes no frame, such as one that is down, loses it.
      while let frame = paths[index].first(by: now) {
        _ = write(taps[index % hosts], frame.baseAddress, frame.count)
        paths[index].removeFirst()
      }
      next = min(next, paths[index].next)
    }
    return next == Int.max ? -1 : max(0, next - Self.now)
  }

  private static var now: Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1_000_000_000 + time.tv_nsec
  }
}
