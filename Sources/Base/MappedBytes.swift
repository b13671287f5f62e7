// What is common to all bytes that a file stands behind.

/// Bytes that lie on a disk and are read as memory, as long as this value lives.
@usableFromInline
package protocol MappedBytes: AnyObject, Sendable {
  var bytes: UnsafeRawBufferPointer { get }
  /// Takes a part out of this process's memory, which a later read brings back.
  func release(_ part: Range<Int>)
  /// Whether the disk has failed to give some of them, so that zeros were read.
  var isBroken: Bool { get }
}
