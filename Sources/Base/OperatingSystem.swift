// The operating system of this machine, so that messages name its packages.
import Foundation

package enum OperatingSystem: Sendable {
  case debian
  case fedora
  case arch

  /// Nil for a system that is not known.
  package static let current = OperatingSystem(
    release: (try? String(contentsOfFile: "/etc/os-release", encoding: .utf8)) ?? "")

  /// - Parameter release: /etc/os-release (os-release(5)).
  package init?(release: String) {
    let names = release.split(separator: "\n").flatMap { line -> [Substring] in
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, parts[0] == "ID" || parts[0] == "ID_LIKE" else { return [] }
      return parts[1].split { $0 == "\"" || $0 == " " || $0 == "'" }
    }
    if names.contains(where: { ["debian", "ubuntu"].contains($0) }) {
      self = .debian
    } else if names.contains(where: { ["fedora", "rhel", "centos"].contains($0) }) {
      self = .fedora
    } else if names.contains("arch") {
      self = .arch
    } else {
      return nil
    }
  }

  /// The command that installs oneDNN.
  package var oneDNN: String {
    switch self {
    case .debian: "apt-get install libdnnl-dev"
    case .fedora: "dnf install onednn"
    case .arch: "pacman -S onednn"
    }
  }
}
