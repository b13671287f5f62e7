// Whether other hosts can be reached: a port that nobody listens on answers too, by refusing, unless
// a firewall drops what comes to it.
import Foundation

struct Reach {
  /// Hosts that neither take nor refuse a connection.
  private(set) var silent: [String] = []

  /// Seconds in which a host answers.
  private static let patience = 3.0

  init(of names: [String], port: Int) {
    var waiting: [(name: String, descriptor: Int32)] = []
    for name in names {
      guard let address = HostNetwork.addresses(of: name).first else { continue }
      switch Self.connect(to: address, port: port) {
      case .some(let descriptor): waiting.append((name, descriptor))
      case nil: if errno != ECONNREFUSED { silent.append(name) }
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

  /// Starts to connect, without waiting; nil with `errno` if that failed at once.
  private static func connect(to address: UInt32, port: Int) -> Int32? {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_INET, kind, 0)
    guard descriptor >= 0 else { return nil }
    var place = sockaddr_in()
    place.sin_family = sa_family_t(AF_INET)
    place.sin_port = in_port_t(port).bigEndian
    place.sin_addr.s_addr = address.bigEndian
    let code = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard code == 0 || errno == EINPROGRESS else {
      let reason = errno
      close(descriptor)
      errno = reason
      return nil
    }
    return descriptor
  }
}
