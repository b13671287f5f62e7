// Brings what every rank has to the first one, which alone needs it.

extension Ranks {
  /// The bytes of all ranks, by rank, on the first rank; nothing on the others. Collective.
  package func gatherOnFirst(_ bytes: [UInt8]) -> [[UInt8]] {
    let counts = gather(bytes.count)
    guard isFirst else {
      bytes.withUnsafeBytes { bytes in
        forEachPart(bytes.count) { transfers, part in
          transfers.send(bytes.baseAddress! + part.lowerBound, count: part.count, to: 0, tag: 0)
        }
      }
      return []
    }
    return counts.enumerated().map { sender, count in
      guard sender != rank else { return bytes }
      return [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
        forEachPart(count) { transfers, part in
          transfers.receive(buffer.baseAddress! + part.lowerBound, count: part.count, from: sender, tag: 0)
        }
        filled = count
      }
    }
  }

  /// A message has fewer than 2^31 bytes.
  private func forEachPart(_ count: Int, _ body: (Transfers, Range<Int>) -> Void) {
    let transfers = transfers()
    for start in stride(from: 0, to: count, by: 1 << 30) {
      body(transfers, start..<min(start + (1 << 30), count))
      transfers.wait()
    }
  }
}
