// Standard input, which the first rank has, brought to all ranks.
import Base

extension Ranks {
  /// All bytes of standard input. Collective.
  /// - Throws: `UserError` where it cannot be read, or not be kept.
  package func readStandardInput() throws -> SpooledBytes {
    let spool = ByteSpool(for: "standard input")
    let part = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { part.deallocate() }
    while true {
      let mine = try together { isFirst ? try Base.readStandardInput(into: part) : 0 }
      var size = Int64(mine)
      withUnsafeMutableBytes(of: &size) { broadcast($0) }
      guard size > 0 else { break }
      let bytes = UnsafeMutableRawBufferPointer(rebasing: part[..<Int(size)])
      broadcast(bytes)
      try together { try spool.append(UnsafeRawBufferPointer(bytes)) }
    }
    return try together { try spool.finish() }
  }
}
