// Values of one type, one behind the other: in memory, or in a file that is mapped.
import Base

/// A list that does not care where it lies. It grows in memory only.
package struct Column<Element: BitwiseCopyable & Sendable>: Sendable {
  @usableFromInline
  enum Storage: Sendable {
    case memory([Element])
    case mapped(MappedElements<Element>)
  }

  @usableFromInline var storage: Storage

  package init(_ elements: [Element] = []) { storage = .memory(elements) }

  /// - Parameters:
  ///   - bytes: somebody else's; they are kept as long as this value lives.
  ///   - part: where the elements lie, at an address that is right for them.
  init(_ bytes: any MappedBytes, _ part: Range<Int>) {
    guard !part.isEmpty, let base = bytes.bytes.baseAddress else {
      storage = .memory([])
      return
    }
    storage = .mapped(
      MappedElements(
        owner: bytes, base: (base + part.lowerBound).assumingMemoryBound(to: Element.self),
        count: part.count / MemoryLayout<Element>.stride))
  }

  /// Bytes in memory, without those of a file.
  var bytesInMemory: Int {
    if case .memory(let elements) = storage { elements.count * MemoryLayout<Element>.stride } else { 0 }
  }

  /// Calls `body` with a part, for loops over many elements.
  @inlinable
  package func withElements<R>(
    _ range: Range<Int>, _ body: (UnsafeBufferPointer<Element>) throws -> R
  ) rethrows -> R {
    switch storage {
    case .memory(let elements):
      try elements[range].withUnsafeBufferPointer(body)
    case .mapped(let elements):
      try withExtendedLifetime(elements.owner) {
        try body(elements.part(range))
      }
    }
  }

  /// Some elements; a copy where they lie in a file.
  package func slice(_ range: Range<Int>) -> ArraySlice<Element> {
    if case .memory(let elements) = storage { return elements[range] }
    return withElements(range) { ArraySlice($0) }
  }

  /// Takes all pages of a file out of this process's memory, until they are read again.
  func release() {
    if case .mapped(let elements) = storage { elements.owner.release(elements.place) }
  }

  mutating func append(_ element: Element) { change { $0.append(element) } }

  mutating func append(contentsOf added: some Sequence<Element>) { change { $0.append(contentsOf: added) } }

  /// Changes elements that are in memory.
  mutating func change(_ body: (inout [Element]) -> Void) {
    guard case .memory(var elements) = storage else { preconditionFailure("a mapped file does not change") }
    // The array has one owner, so that nothing is copied.
    storage = .memory([])
    body(&elements)
    storage = .memory(elements)
  }
}

/// Where the elements of a file lie.
@usableFromInline
struct MappedElements<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
  @usableFromInline let owner: any MappedBytes
  @usableFromInline let base: UnsafePointer<Element>
  @usableFromInline let count: Int

  @usableFromInline
  init(owner: any MappedBytes, base: UnsafePointer<Element>, count: Int) {
    (self.owner, self.base, self.count) = (owner, base, count)
  }

  /// Their bytes among those of the owner.
  var place: Range<Int> {
    let start = UnsafeRawPointer(base) - owner.bytes.baseAddress!
    return start..<start + count * MemoryLayout<Element>.stride
  }

  @inlinable
  func part(_ range: Range<Int>) -> UnsafeBufferPointer<Element> {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count, "a column is read outside of its elements")
    return UnsafeBufferPointer(start: base + range.lowerBound, count: range.count)
  }
}

extension Column: RandomAccessCollection {
  @inlinable package var startIndex: Int { 0 }

  @inlinable package var endIndex: Int {
    switch storage {
    case .memory(let elements): elements.count
    case .mapped(let elements): elements.count
    }
  }

  @inlinable
  package subscript(_ index: Int) -> Element {
    switch storage {
    case .memory(let elements):
      return elements[index]
    case .mapped(let elements):
      precondition(index >= 0 && index < elements.count, "a column is read outside of its elements")
      return elements.base[index]
    }
  }
}

extension Column: Equatable where Element: Equatable {
  package static func == (a: Column, b: Column) -> Bool { a.elementsEqual(b) }
}

extension Column: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: Element...) { self.init(elements) }
}
