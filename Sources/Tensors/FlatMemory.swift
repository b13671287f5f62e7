// One long line of zeroed fp32 numbers, counted, straight from the operating system.
import Base
import Foundation

/// Counts the bytes of `FlatMemory` that are alive in this process, so that a test can see what is held.
package final class MemoryLedger: @unchecked Sendable {
  private var bytes: [String: Int] = [:]
  private let lock = NSLock()

  package init() {}

  /// The bytes alive under a label such as `moments`.
  package func held(_ label: String) -> Int { lock.withLock { bytes[label, default: 0] } }

  /// All labels with their bytes, sorted by label.
  package var all: [(label: String, bytes: Int)] {
    lock.withLock { bytes.sorted { $0.key < $1.key }.map { (label: $0.key, bytes: $0.value) } }
  }

  fileprivate func add(_ count: Int, to label: String) {
    lock.withLock { bytes[label, default: 0] += count }
  }
}

/// A fixed number of `Float`s at one address, aligned to a page and zero at first.
package final class FlatMemory: @unchecked Sendable {
  package let count: Int
  package let base: UnsafeMutablePointer<Float>
  private let label: String
  private let ledger: MemoryLedger?
  /// The owner of this memory if it is not this object, and how many of its bytes count as held here.
  private let owner: AnyObject?
  private let counted: Int

  /// Ends the run if the system gives no memory.
  /// - Parameter label: the label under which the ledger counts these bytes.
  package init(count: Int, label: String, ledger: MemoryLedger? = nil) {
    self.count = count
    self.label = label
    self.ledger = ledger
    owner = nil
    counted = count * MemoryLayout<Float>.stride
    let bytes = max(count, 1) * MemoryLayout<Float>.stride
    guard let address = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      address != MAP_FAILED
    else { FatalEnd.end(.noMemory(bytes, for: label)) }
    // MADV_HUGEPAGE: large pages save the page walks of streaming passes; if they are off, nothing changes.
    madvise(address, bytes, 14)
    base = address.bindMemory(to: Float.self, capacity: max(count, 1))
    ledger?.add(counted, to: label)
  }

  /// Numbers in memory that `owner` keeps alive.
  /// - Parameter counted: how many of its bytes the ledger counts.
  package init(
    _ base: UnsafeMutableRawPointer, count: Int, of owner: AnyObject, counted: Int, label: String,
    ledger: MemoryLedger? = nil
  ) {
    self.count = count
    self.label = label
    self.ledger = ledger
    self.owner = owner
    self.counted = counted
    self.base = base.bindMemory(to: Float.self, capacity: max(count, 1))
    ledger?.add(counted, to: label)
  }

  deinit {
    if owner == nil { munmap(base, max(count, 1) * MemoryLayout<Float>.stride) }
    ledger?.add(-counted, to: label)
  }
}
