// Keeps the memory of a process small while it reads here and there in large files.
import Synchronization

/// Counts what was read of mapped files. Pages stay in this process's memory until it gives them back; they remain in the
/// cache of the system, where all ranks of a host find them.
final class TouchedPages: Sendable {
  /// Linux maps so many bytes around a page that is read.
  private static let around = 1 << 16
  /// So many bytes may be mapped.
  private static let most = 64 << 20
  private let touched = Atomic<Int>(0)

  /// - Parameter places: how many places were read.
  /// - Returns: whether it is time to give pages back.
  func touch(_ places: Int) -> Bool {
    let now = touched.add(places * Self.around, ordering: .relaxed).newValue
    guard now > Self.most else { return false }
    touched.store(0, ordering: .relaxed)
    return true
  }
}

extension TokenSequences {
  /// Notes that sequences were read, and gives pages back from time to time.
  func touch(_ sequences: Int) {
    // Tokens and targets of a sequence, and five columns of the index.
    guard let pages, pages.touch(sequences * 7) else { return }
    store.release()
    index.release()
  }
}
