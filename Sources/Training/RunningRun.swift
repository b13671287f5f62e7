// Whether a run writes to an output folder now, for those who only look.
import Base
import Foundation

package enum RunningRun {
  /// `F_OFD_GETLK`, which Swift's Glibc hides.
  private static let getLock: Int32 = 36

  /// Who holds the lock of a folder, such as `process 7 on node1`; nil if nobody does. It takes no lock.
  package static func holder(in output: String) -> String? {
    let file = open(output + "/lock", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    lock.l_whence = Int16(SEEK_SET)
    guard fcntl(file, getLock, &lock) == 0, lock.l_type != Int16(F_UNLCK) else { return nil }
    let words = (try? OpenFile.contents(output + "/lock")).map {
      String(decoding: $0.prefix(400), as: UTF8.self)
    }
    return words.map { $0.isEmpty ? "a run that has just begun" : $0.printable() } ?? "a run"
  }
}
