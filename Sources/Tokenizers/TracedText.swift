// A text on its way to the model, and for each of its bytes which character of the original it comes from, if anybody
// asked. Labels of words need ids only; answers to questions need to know where a token stands.

struct TracedText {
  /// Valid UTF-8.
  private(set) var bytes: [UInt8] = []
  /// For each byte, where the character of the original begins that it comes from; empty unless the text is traced.
  private(set) var origins: [UInt32] = []
  private(set) var isTraced = false
  private var spareBytes: [UInt8] = []
  private var spareOrigins: [UInt32] = []

  init() {}

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// How many bytes of memory this value holds on to.
  var footprint: Int {
    bytes.capacity + spareBytes.capacity + (origins.capacity + spareOrigins.capacity) * 4
  }

  /// - Parameter origins: of the text's bytes; nil if they are not asked for.
  mutating func load(_ text: UnsafeBufferPointer<UInt8>, origins new: ArraySlice<UInt32>?) {
    bytes.removeAll(keepingCapacity: true)
    bytes.append(contentsOf: text)
    origins.removeAll(keepingCapacity: true)
    if let new { origins.append(contentsOf: new) }
    isTraced = new != nil
  }

  /// Text in valid UTF-8 for `raw`, each of whose bytes comes from a character of `raw`, or from bytes that are none.
  static func mended(_ raw: UnsafeBufferPointer<UInt8>) -> TracedText {
    var text = TracedText()
    text.isTraced = true
    text.bytes.reserveCapacity(raw.count)
    text.origins.reserveCapacity(raw.count)
    var at = 0
    while at < raw.count {
      let length = UTF8Text.foundLength(raw, at)
      if case .scalar = UTF8Text.look(raw, at) {
        text.bytes.append(contentsOf: raw[at..<(at + length)])
      } else {
        text.bytes.append(contentsOf: UTF8Text.replacement)
      }
      while text.origins.count < text.bytes.count { text.origins.append(UInt32(at)) }
      at += length
    }
    return text
  }

  /// Removes all but a range.
  mutating func keep(_ range: Range<Int>) {
    bytes.removeSubrange(range.upperBound...)
    bytes.removeSubrange(..<range.lowerBound)
    guard isTraced else { return }
    origins.removeSubrange(range.upperBound...)
    origins.removeSubrange(..<range.lowerBound)
  }

  /// Changes the bytes in place; only for texts that are not traced.
  mutating func change<R>(_ body: (inout [UInt8]) -> R) -> R {
    precondition(!isTraced, "bytes that change in place have no origins")
    return body(&bytes)
  }

  /// Makes the text anew.
  mutating func rewrite(_ body: (_ text: UnsafeBufferPointer<UInt8>, _ out: inout Output) -> Void) {
    Self.rewrite(&bytes, &origins, &spareBytes, &spareOrigins, isTraced, body)
  }

  static func rewrite(
    _ bytes: inout [UInt8], _ origins: inout [UInt32], _ spareBytes: inout [UInt8],
    _ spareOrigins: inout [UInt32], _ isTraced: Bool,
    _ body: (_ text: UnsafeBufferPointer<UInt8>, _ out: inout Output) -> Void
  ) {
    var out = Output(bytes: [], origins: [], before: nil)
    swap(&out.bytes, &spareBytes)
    swap(&out.origins, &spareOrigins)
    out.bytes.removeAll(keepingCapacity: true)
    out.bytes.reserveCapacity(bytes.count + bytes.count / 8)
    out.origins.removeAll(keepingCapacity: true)
    bytes.withUnsafeBufferPointer { bytes in
      origins.withUnsafeBufferPointer { origins in
        out.before = isTraced ? origins.baseAddress : nil
        body(bytes, &out)
        out.before = nil
      }
    }
    spareBytes = bytes
    spareOrigins = origins
    bytes = out.bytes
    origins = out.origins
  }

  /// The text that a step makes of another.
  struct Output {
    fileprivate(set) var bytes: [UInt8]
    fileprivate(set) var origins: [UInt32]
    /// The origins of the text that is read; nil if it is not traced.
    fileprivate var before: UnsafePointer<UInt32>?

    /// - Parameter at: a byte of the text that is read, whose origin this one shares.
    @inline(__always)
    mutating func append(_ byte: UInt8, from at: Int) {
      bytes.append(byte)
      if let before { origins.append(before[at]) }
    }

    @inline(__always)
    mutating func append(contentsOf new: some Collection<UInt8>, from at: Int) {
      bytes.append(contentsOf: new)
      if let before { for _ in 0..<new.count { origins.append(before[at]) } }
    }

    @inline(__always)
    mutating func append(scalar: UInt32, from at: Int) {
      UTF8Text.append(scalar, to: &bytes)
      if let before { while origins.count < bytes.count { origins.append(before[at]) } }
    }

    /// Appends a part of the text that is read as it is.
    @inline(__always)
    mutating func copy(_ text: UnsafePointer<UInt8>, _ range: Range<Int>) {
      bytes.append(contentsOf: UnsafeBufferPointer(start: text + range.lowerBound, count: range.count))
      if let before {
        origins.append(contentsOf: UnsafeBufferPointer(start: before + range.lowerBound, count: range.count))
      }
    }

    /// Appends zeros behind the text, so that it may be read in wide loads.
    mutating func pad(_ count: Int) { for _ in 0..<count { bytes.append(0) } }
  }
}
