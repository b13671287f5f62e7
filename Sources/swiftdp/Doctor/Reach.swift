// Whether other hosts can be reached: a port that nobody listens on answers too, by refusing, unless
// a firewall drops what comes to it.
import Collectives
import Foundation

struct Reach {
  /// Hosts that neither take nor refuse a connection.
  private(set) var silent: [String] = []

  /// Seconds in which a host answers.
  private static let patience = 3.0

  init(of names: [String], port: Int) {
    var waiting: [(name: String, descriptor: Int32)] = []
    for name in names {
      guard let address = HostNetwork.addresses(of: name).first.map(HostNetwork.words),
        let place = SocketAddress(text: "\(address)|\(port)")
      else { continue }
      if let descriptor = place.connect() {
        waiting.append((name, descriptor))
      } else if errno != ECONNREFUSED {
        silent.append(name)
      }
    }
    defer { for (_, descriptor) in waiting { close(descriptor) } }
    let end = Date(timeIntervalSinceNow: Self.patience)
    var open = waiting
    while !open.isEmpty, Date() < end {
      open.removeAll { name, descriptor in
        var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard poll(&state, 1, 0) > 0 else { return false }
        var reason: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &reason, &size)
        if reason != 0, reason != ECONNREFUSED { silent.append(name) }
        return true
      }
      usleep(5000)
    }
    silent += open.map(\.name)
  }
}
