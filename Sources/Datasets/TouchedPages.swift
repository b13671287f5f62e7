// Keeps the memory of a process small while it reads in large files. Pages that were read stay in this process's memory
// until it gives them back; they remain in the cache of the system, where all ranks of a host find them.
import Synchronization

/// Counts what was read here and there in mapped files.
final class TouchedPages: Sendable {
  /// Linux maps so many bytes around a page that is read.
  static let around = 1 << 16
  /// So many bytes may be mapped.
  static let most = 64 << 20
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

/// Counts what a loop reads of lists of tokens, mostly from the front to the back.
struct ListReading {
  private var touched = 0
  /// The chunks that were read since pages were given back.
  private var chunks: [Int] = []
  /// Where the last list ended.
  private var end = TokenPlace(chunk: 0, offset: 0)

  /// Notes a list that was read.
  mutating func read(_ place: TokenPlace, length: Int, of lists: RaggedTokens, in store: TokenStore) {
    if chunks.last != place.chunk { chunks.append(place.chunk) }
    touched += length * MemoryLayout<Int32>.stride + (place == end ? 0 : TouchedPages.around)
    end = TokenPlace(chunk: place.chunk, offset: place.offset + length)
    if touched > TouchedPages.most { release(lists, store) }
  }

  mutating func release(_ lists: RaggedTokens, _ store: TokenStore) {
    for chunk in Set(chunks) { store.chunks[chunk].file?.release() }
    lists.release()
    chunks.removeAll(keepingCapacity: true)
    touched = 0
  }
}
