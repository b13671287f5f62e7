// The memory of this process, as Linux tells it (proc(5)).
import Foundation

/// The memory of this process, in bytes.
package struct ProcessMemory {
  /// The most it had since `forgetPeak`.
  package let peak: Int
  /// The memory at this moment; pages that n processes share count as 1/n.
  package let pss: Int

  /// - Throws: if the system cannot do it.
  package static func forgetPeak() throws {
    let file = "/proc/self/clear_refs"
    let descriptor = open(file, O_WRONLY)
    defer { close(descriptor) }
    guard descriptor >= 0, write(descriptor, "5", 1) == 1 else {
      throw UserError(.usage, "cannot be written to: \(String(cString: strerror(errno)))", at: file)
    }
  }

  /// - Throws: if the system does not say.
  package init() throws {
    func bytes(_ name: String, in file: String) throws -> Int {
      guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
        throw UserError(.usage, "cannot be read", at: file, hint: "Linux 4.14 and later have it")
      }
      let line = text.split(separator: "\n").first { $0.hasPrefix(name + ":") }
      let words = line?.split { $0 == " " || $0 == "\t" } ?? []
      guard words.count > 1, let kilobytes = Int(words[1]) else {
        throw UserError(.usage, "does not tell \(name)", at: file)
      }
      return kilobytes * 1024
    }
    peak = try bytes("VmHWM", in: "/proc/self/status")
    pss = try bytes("Pss", in: "/proc/self/smaps_rollup")
  }
}
