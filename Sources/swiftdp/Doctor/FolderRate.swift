// How fast all hosts together write to the output folder.
import Base
import Collectives
import Foundation

enum FolderRate {
  private static let megabytes = 64

  /// Every host writes a file, waits until the disk has it, and removes it. Collective.
  /// - Returns: nil on ranks that do not tell; a row about each host that cannot write, or one about the rate.
  static func findings(_ folder: String, _ ranks: Ranks) -> [Finding] {
    let speaks = ranks.hostOf[ranks.rank] == ranks.rank
    ranks.barrier()
    let start = Date()
    let fault = speaks ? write(to: "\(folder)/.swiftdp-rate-\(ranks.rank)") : nil
    let faults = ranks.gather(fault ?? "")
    let seconds = Date().timeIntervalSince(start)
    let names = ranks.gather(Ranks.hostName)
    let unable = faults.indices.filter { !faults[$0].isEmpty }
    guard unable.isEmpty else {
      return unable.map {
        Finding(
          .wrong, "output", names[$0], faults[$0], hint: "set output to a folder that all hosts can write to")
      }
    }
    let rate = Double(megabytes * ranks.hosts << 20) / max(seconds, 1e-6)
    let value = "\(grouped(Int(rate / 1e6))) MB/s, all hosts at once"
    return rate < 50e6
      ? [
        Finding(
          .slow, "output", folder, value,
          hint: "a checkpoint of 1.5 GB takes \(Int(1.5e9 / rate)) s: checkpoint.every=1h, or another disk")
      ]
      : [Finding(.ok, "output", folder, value)]
  }

  private static func write(to path: String) -> String? {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { return "\(path): \(String(cString: strerror(errno)))" }
    defer {
      close(descriptor)
      unlink(path)
    }
    let block = [UInt8](repeating: 85, count: 1 << 20)
    for _ in 0..<megabytes where Glibc.write(descriptor, block, block.count) != block.count {
      return "\(path): \(String(cString: strerror(errno)))"
    }
    return fsync(descriptor) == 0 ? nil : "\(path): \(String(cString: strerror(errno)))"
  }
}
