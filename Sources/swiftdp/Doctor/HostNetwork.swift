// Which network hosts reach each other by.
import Base
import Foundation

enum HostNetwork {
  /// The IPv4 addresses of a name, as numbers; none if it does not resolve.
  static func addresses(of name: String) -> [UInt32] {
    var hints = addrinfo()
    hints.ai_family = AF_INET
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(name, nil, &hints, &list) == 0 else { return [] }
    defer { freeaddrinfo(list) }
    return sequence(first: list, next: { $0?.pointee.ai_next }).compactMap { entry in
      entry?.pointee.ai_addr.map(number)
    }
  }

  /// The network of this host that all names are in, such as `10.0.0.0/24`. Open MPI tries every network of a host
  /// unless it is told one, and hosts may have some that do not lead to each other, such as those of containers.
  /// - Returns: nil if no single network holds them all.
  static func common(to names: [String]) -> String? {
    let hosts = names.map { addresses(of: $0).filter { $0 >> 24 != 127 } }
    guard names.count > 1, hosts.allSatisfy({ !$0.isEmpty }) else { return nil }
    return networks().first { network in
      hosts.allSatisfy { $0.contains { $0 & network.mask == network.address & network.mask } }
    }.map { network in
      words(network.address & network.mask) + "/\(network.mask.nonzeroBitCount)"
    }
  }

  /// An address as people write it.
  static func words(_ address: UInt32) -> String {
    stride(from: 24, through: 0, by: -8).map { "\(address >> UInt32($0) & 255)" }.joined(separator: ".")
  }

  private static func networks() -> [(address: UInt32, mask: UInt32)] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    return sequence(first: list, next: { $0?.pointee.ifa_next }).compactMap { entry in
      guard let entry, let address = entry.pointee.ifa_addr, let mask = entry.pointee.ifa_netmask,
        Int32(address.pointee.sa_family) == AF_INET, entry.pointee.ifa_flags & UInt32(IFF_UP) != 0,
        entry.pointee.ifa_flags & UInt32(IFF_LOOPBACK) == 0
      else { return nil }
      return (number(address), number(mask))
    }
  }

  private static func number(_ address: UnsafeMutablePointer<sockaddr>) -> UInt32 {
    address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr.bigEndian }
  }
}
