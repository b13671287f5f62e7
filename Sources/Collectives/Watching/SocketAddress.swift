// Where a process of another host can be reached: an IP address and a port.
import Foundation

package struct SocketAddress {
  private var storage = sockaddr_storage()
  private var length: socklen_t
  /// `address|port`, as numbers.
  let text: String

  /// - Parameter text: the `text` of another address.
  package init?(text: String) {
    let parts = text.split(separator: "|").map(String.init)
    var hints = addrinfo()
    hints.ai_flags = Int32(AI_NUMERICHOST | AI_NUMERICSERV)
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard parts.count == 2, getaddrinfo(parts[0], parts[1], &hints, &found) == 0, let found else {
      return nil
    }
    defer { freeaddrinfo(found) }
    guard let address = found.pointee.ai_addr else { return nil }
    length = found.pointee.ai_addrlen
    self.text = text
    withUnsafeMutableBytes(of: &storage) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(length)))
    }
  }

  /// A listening port on every address of this host, the first of some that is free; 0 lets the system choose.
  static func listen(on ports: ClosedRange<Int>) -> (descriptor: Int32, port: Int)? {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    for port in ports {
      for any in ["::|\(port)", "0.0.0.0|\(port)"] {
        if let found = listen(at: any, kind) { return found }
      }
    }
    return nil
  }

  private static func listen(at any: String, _ kind: Int32) -> (descriptor: Int32, port: Int)? {
    guard var address = SocketAddress(text: any) else { return nil }
    let descriptor = socket(Int32(address.storage.ss_family), kind, 0)
    guard descriptor >= 0 else { return nil }
    // IPv6 takes IPv4 as well, unless the system says otherwise.
    var off: Int32 = 0
    setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, socklen_t(MemoryLayout<Int32>.size))
    // Connections of a run that has just ended do not keep its port.
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    if address.with({ bind(descriptor, $0, $1) }) == 0, Glibc.listen(descriptor, 1024) == 0 {
      address.length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      var length = address.length
      let port = withUnsafeMutablePointer(to: &address.storage) { storage in
        storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          _ = getsockname(descriptor, $0, &length)
        }
        // Both families have the port in the same place.
        return storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          $0.pointee.sin_port.bigEndian
        }
      }
      return (descriptor, Int(port))
    }
    close(descriptor)
    return nil
  }

  /// All addresses under which other hosts may know this one.
  static func ofThisHost(port: Int) -> [SocketAddress] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    return sequence(first: list, next: { $0?.pointee.ifa_next }).compactMap { entry -> SocketAddress? in
      guard let entry, let address = entry.pointee.ifa_addr else { return nil }
      let family = Int32(address.pointee.sa_family)
      let isUp = entry.pointee.ifa_flags & UInt32(IFF_UP) != 0
      let isLoop = entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) != 0
      guard isUp, !isLoop, family == AF_INET || family == AF_INET6 else { return nil }
      let length = family == AF_INET ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size
      var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      guard
        getnameinfo(
          address, socklen_t(length), &name, socklen_t(name.count), nil, 0, Int32(NI_NUMERICHOST)) == 0
      else { return nil }
      let text = String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      // Link-local addresses name the link as this host calls it.
      return text.contains("%") ? nil : SocketAddress(text: "\(text)|\(port)")
    }
  }

  /// Starts to connect, without waiting.
  /// - Returns: nil with the reason in `errno` if that failed at once.
  package func connect() -> Int32? {
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(Int32(storage.ss_family), kind, 0)
    guard descriptor >= 0 else { return nil }
    guard with({ Glibc.connect(descriptor, $0, $1) }) == 0 || errno == EINPROGRESS else {
      let reason = errno
      close(descriptor)
      errno = reason
      return nil
    }
    Self.watchOver(descriptor)
    return descriptor
  }

  /// Makes the system close a connection whose other side has acknowledged nothing for eight seconds: its host is
  /// gone.
  static func watchOver(_ descriptor: Int32) {
    var milliseconds: Int32 = 8000
    setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, &milliseconds, socklen_t(MemoryLayout<Int32>.size))
  }

  private func with(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    withUnsafePointer(to: storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }
}
